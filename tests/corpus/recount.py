"""Bad records made up at random, and judged by plain Python: nothing here is the engine's."""

import csv
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

FIELDS = ("sale_id", "item_id", "sold_on", "amount", "updated_at")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
Values = dict[str, str | None]


@dataclass(frozen=True)
class Verdict:
    """What a record says in the contract's types; None where it must be rejected."""

    place: int
    good: tuple[str, str | None, date, Decimal | None, datetime] | None


def judged(records: Iterator[Values | None], undated: datetime) -> list[Verdict]:
    """A verdict a record, in their order; ``undated`` is when those without a time of theirs were."""
    return [Verdict(n, _judged(values, undated)) for n, values in enumerate(records, start=1)]


def _judged(values: Values | None, undated: datetime) -> Any:
    if values is None or any("\ufffd" in (text or "") for text in values.values()):
        return None
    try:
        amount = None if values["amount"] is None else _amount(values["amount"])
        day = date.fromisoformat(_plain(values["sold_on"] or ""))
        said = values["updated_at"]
        at = undated if said is None else datetime.fromisoformat(_plain(said)).replace(tzinfo=UTC)
    except ValueError:
        return None
    if values["sale_id"] is None or (amount is not None and amount < 0):
        return None
    return values["sale_id"], values["item_id"], day, amount, at


def _plain(text: str) -> str:
    """A date or time in the one form that the made-up records have it right in."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?", text.strip(), re.ASCII):
        raise ValueError(text)
    return text.strip()


def _amount(text: str) -> Decimal:
    if not NUMBER.fullmatch(text.strip()):
        raise ValueError(text)
    value = Decimal(text.strip())
    if abs(value) >= 10**16:
        raise ValueError(text)
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def of_csv(content: bytes) -> Iterator[Values | None]:
    """Records of a CSV file, a line each; None for a line without the fields of the header."""
    for line in _lines(content)[1:]:
        fields = next(csv.reader([line]))
        said = [field or None for field in fields]
        yield dict(zip(FIELDS, said, strict=True)) if len(fields) == len(FIELDS) else None


def of_json(content: bytes) -> Iterator[Values | None]:
    """Records of JSON lines; None for a line that is no object."""
    for line in _lines(content):
        try:
            said = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except ValueError:
            yield None
            continue
        if not isinstance(said, dict):
            yield None
            continue
        values = {name: said.get(name) for name in FIELDS}
        yield {
            n: v if v is None or isinstance(v, str) else json.dumps(v) for n, v in values.items()
        }


def _lines(content: bytes) -> list[str]:
    lines = content.decode("utf-8", "replace").split("\n")
    return [line for line in lines if line.strip("".join(map(chr, range(33))))]


BAD: dict[str, list[str]] = {
    "sale_id": [""],
    "item_id": ["", "Caf\udce9", "A\0B", "\u2028", 'say "A"', "A, B", "x" * 5_000, "A\\"],
    "sold_on": ["", "2026-02-31", "2026-13-01", "31.06.2026", "06/01/2026", "tomorrow", "1e3", "0"],
    "amount": ["", "-1", "-0.001", "-0.01", "NaN", "Infinity", "1e400", "5,00", "$5", "five",
               "1_000", "5.005", "9" * 16 + ".99", "9" * 17, "0x1F", "--5", "5-", "+5", ".5", "5.", "1e2", " 5 "],
    "updated_at": ["", "2026-06-31 10:00:00", "2026-06-01 25:00:00", "now", "yesterday", "1.6.2026"],
}  # fmt: skip


def record(chance: random.Random) -> Values:
    """A sale that is well, but for up to three of its fields; few ids, so that some come again."""
    values: Values = {
        "sale_id": str(chance.randrange(900)),
        "item_id": chance.choice("ABC"),
        "sold_on": f"2026-06-{chance.randrange(1, 31):02}",
        "amount": f"{chance.randrange(1, 500) / 100:.2f}",
        "updated_at": f"2026-07-{chance.randrange(1, 29):02} 10:00:00",
    }
    for field in chance.sample(FIELDS, chance.choice([0, 1, 1, 1, 2, 3])):
        values[field] = chance.choice(BAD[field])
    return values


def csv_line(chance: random.Random, values: Values) -> str:
    """The record as a line of CSV, which in one of ten cases is cut, lengthened or emptied."""
    cells = [text or "" for text in values.values()]
    quoted = ['"' + c.replace('"', '""') + '"' if set(c) & set(',"\\') else c for c in cells]
    line = ",".join(quoted)
    odd = [line + ",more", ",".join(quoted[:3]), "", "   ", quoted[0], ",,,,", line + ","]
    return chance.choice(odd) if chance.random() < 0.1 else line


def json_line(chance: random.Random, values: Values) -> str:
    """The record as a line of JSON, which in one of ten cases is cut, no object or another one."""
    said: dict[str, Any] = {name: text or None for name, text in values.items()}
    if chance.random() < 0.2:
        said["amount"] = chance.choice([5, -5, 1.25, True, [5], {"eur": 5}, None])
    line = json.dumps(said, ensure_ascii=False)
    odd = [
        line[:-7],
        line + "}",
        "5",
        "null",
        '"text"',
        "{}",
        "[]",
        "  ",
        line[1:],
        '{"sale_id": 7}',
    ]
    return chance.choice(odd) if chance.random() < 0.1 else line
