"""How the columns of a landed file differ from its contract, and what a source makes of that.

Judged against the contract, not against the files before, so that the order of arrival is no
matter. A column that is added stays in bronze; a wider type is taken, and cast in staging. A
required column that is missing, a type that cannot hold what the contract promises, and a column
that seems to have a new name set the file aside, with both schemas side by side.
"""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

import pyarrow as pa

from lakehouse.landing.source import SET_ASIDE, EntityMapping
from lakehouse.schema import Column

_WHOLE = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19}
_MOMENTS = ("TIMESTAMP", "TIMESTAMP_NTZ")
# How sure a new name must be: of a required column, and of one that may well be missing.
_LIKELY, _CERTAIN = 0.6, 1.0
_HEAD = ("contract", "file")


def problem(columns: Sequence[str], types: Sequence[str], mapping: EntityMapping) -> str | None:
    """Why a file is set aside for its columns, and the schemas; None where the source takes them.

    ``types`` are the SQL types of ``columns``; there are none where the file is text.
    """
    contract = {} if mapping.columns else {c.name.lower(): c for c in mapping.contract.columns}
    known = list(contract or sorted(mapping.needs))
    present = {n.lower(): kind for n, kind in zip_longest(columns, types, fillvalue="")}
    missing = [name for name in known if name in mapping.needs and name not in present]
    separator = _separator(columns) if missing and not types else None
    renamed = {} if separator else _renamed(known, missing, present, contract)
    policy = mapping.drift
    said = [f"it lacks {', '.join(missing)}"] if missing else []
    said += [
        f"{old} is probably called {new} now"
        for old, new in renamed.items()
        if old in missing or policy["renamed"] == SET_ASIDE
    ]
    for name, kind in present.items():
        wanted = contract[name].type if name in contract else kind
        if kind != wanted and kind:
            fits = holds(kind, wanted)
            if policy["widened" if fits else "narrowed"] == SET_ASIDE:
                what = "is wider than" if fits else "cannot hold"
                said.append(f"{name} is {kind}, which {what} the contract's {wanted}")
        elif name not in known and policy["added"] == SET_ASIDE:
            said.append(f"{name} is new")
    if not said:
        return None
    if separator:
        said.append(f"if its fields end at {separator!r}, say so in the source's options (sep)")
    else:
        way_out = "map the columns" if missing else "take it under drift"
        said.append(f"send it as the contract says, or {way_out} in the source's YAML")
    shown = _side_by_side(known, present, contract, renamed)
    return "\n".join(["; ".join(said), *shown])


def _separator(columns: Sequence[str]) -> str | None:
    """What seems to separate fields where a text file's header is one name with it inside."""
    return min(set(columns[0]) & set(";\t|"), default=None) if len(columns) == 1 else None


def is_of_columns(reason: str | None) -> bool:
    """Whether a file was set aside for its columns: its source may take them by now."""
    return f"\n  {_HEAD[0]}" in (reason or "")


def _renamed(
    known: Sequence[str],
    missing: Sequence[str],
    present: Mapping[str, str],
    contract: Mapping[str, Column],
) -> dict[str, str]:
    """The likely new name of columns that are gone: alike, in the same place, of the same type."""
    places = list(present)
    new = [name for name in places if name not in known]
    found: dict[str, str] = {}
    for old in (name for name in known if name not in present):
        kind = contract[old].type if old in contract else ""
        scores = {
            name: SequenceMatcher(None, old, name).ratio()
            + 0.3 * (places.index(name) == list(known).index(old))
            + 0.2 * (present[name] == kind or not present[name])
            for name in new
            if name not in found.values()
        }
        best = max(scores, key=scores.__getitem__, default="")
        if best and scores[best] >= (_LIKELY if old in missing else _CERTAIN):
            found[old] = best
    return found


def holds(landed: str, wanted: str) -> bool:
    """Whether a landed type can hold whatever a contract's type can.

    Text holds everything, and so does a column without any value. A double may stand for money, as
    amounts in pandas do; a number for text would have lost the zeros it began with.

    >>> holds("BIGINT", "INT"), holds("SMALLINT", "INT"), holds("DATE", "TIMESTAMP")
    (True, False, False)
    >>> holds("DOUBLE", "DECIMAL(18,2)"), holds("INT", "DECIMAL(18,2)"), holds("INT", "STRING")
    (True, False, False)
    """
    if landed in (wanted, "STRING", "NULL"):
        return True
    if wanted in ("DATE", *_MOMENTS):
        return landed in _MOMENTS
    if landed == "DOUBLE":
        return wanted in _WHOLE or wanted.startswith("DECIMAL")
    room, needed = _digits(landed), _digits(wanted)
    return bool(room and needed and all(a >= b for a, b in zip(room, needed, strict=True)))


def _digits(kind: str) -> tuple[int, int] | None:
    """Digits before and after the point; None where a type is no exact number."""
    if match := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        return int(match[1]) - int(match[2]), int(match[2])
    return (_WHOLE[kind], 0) if kind in _WHOLE else None


def _side_by_side(
    known: Sequence[str],
    present: Mapping[str, str],
    contract: Mapping[str, Column],
    renamed: Mapping[str, str],
) -> list[str]:
    """The contract's columns and the file's, a line each; what one side lacks is a dash."""
    pairs = [(name, renamed.get(name, name)) for name in known]
    pairs += [("", name) for name in present if name not in {right for _, right in pairs}]
    rows = [_HEAD]
    for left, right in pairs:
        kind = contract[left].type if left in contract else ""
        there = f"{right} {present[right]}" if right in present else "-"
        rows.append((f"{left} {kind}".strip() or "-", there.strip()))
    width = max(len(left) for left, _ in rows)
    return [f"  {left:<{width}} | {right}" for left, right in rows]


def sql_type(kind: pa.DataType) -> str:
    """Spark's name of a Parquet column's type, as Arrow tells it."""
    unsigned = {"uint8": "SMALLINT", "uint16": "INT", "uint32": "BIGINT", "uint64": "DECIMAL(20,0)"}
    names = {
        "int8": "TINYINT", "int16": "SMALLINT", "int32": "INT", "int64": "BIGINT",
        "halffloat": "FLOAT", "float": "FLOAT", "double": "DOUBLE", "bool": "BOOLEAN",
        "string": "STRING", "large_string": "STRING", "string_view": "STRING", "null": "NULL",
        "date32[day]": "DATE",
    } | unsigned  # fmt: skip
    if pa.types.is_dictionary(kind):
        return sql_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "TIMESTAMP_NTZ"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    return names.get(str(kind), str(kind).upper())
