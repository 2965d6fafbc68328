"""A look into one landing file, without Spark: its columns, or why it cannot be read."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.declare import SOURCE_FILE
from lakehouse.landing.drift import problem, sql_type
from lakehouse.landing.source import EntityMapping

FORMATS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
# What Python's and Arrow's readers say of a file that is not what its name says, or damaged.
_UNREADABLE = (
    *(OSError, EOFError, ValueError, LookupError),
    *(csv.Error, zlib.error, pa.ArrowException),
)
# What Java trims off a line of CSV: blanks and control characters.
_BLANK = "".join(map(chr, range(33)))


@dataclass(frozen=True)
class Probe:
    """What a file is: equal ``shape`` means it may be read together with others.

    ``records`` is how many of it bronze must hold, None where that cannot be told here.
    """

    format: str
    columns: tuple[str, ...] | None = None
    shape: str = ""
    problem: str | None = None
    missing: frozenset[str] = frozenset()
    records: int | None = None


def probe(path: Path, mapping: EntityMapping) -> Probe:
    """Check a file: a format we read, whole, and with the columns its mapping needs."""
    kind = mapping.format or format_of(path)
    if kind is None:
        return Probe("", problem=f"its ending is none of {', '.join(FORMATS)}")
    if path.stat().st_size == 0:
        return Probe(kind, problem="it is empty (zero bytes)")
    options = {name.lower(): value for name, value in mapping.options.items()}
    try:
        columns, shape = _READERS[kind](path, options)
        held = _records(path, kind, options.get("encoding"))
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:200]
        return Probe(kind, problem=f"it cannot be read as {kind}: {reason}")
    present = {column.lower() for column in columns}
    missing = frozenset(name.lower() for name in mapping.needs) - present
    types = [sql_type(f.type) for f in pq.read_schema(path)] if kind == "parquet" else []
    odd = problem(columns, types, mapping)
    if twice := [name for name, n in Counter(c.lower() for c in columns).items() if n > 1]:
        odd = f"it has the column {twice[0]} more than once; each needs a name of its own"
    # What a source leaves out, and what else than a line is a record, only its reader knows.
    is_whole = not (mapping.where or mapping.distinct or options.keys() - {"sep", "delimiter"})
    return Probe(kind, columns, f"{kind} {shape}", odd, missing, held if is_whole else None)


def _records(path: Path, kind: str, encoding: str | None) -> int:
    """The rows of a parquet file by its footer; of text the lines not blank, less a header.

    Every line is read: a broken archive shows only at its place.
    """
    if kind == "parquet":
        return int(pq.read_metadata(path).num_rows)
    blank = _BLANK if kind == "csv" else " \t\r\n"
    with _open(path) as stream:
        lines = sum(1 for line in _text(stream, encoding) if line.strip(blank))
    return lines - 1 if kind == "csv" else lines


def is_dated_by_record(path: Path, mapping: EntityMapping) -> bool:
    """Whether nothing is read from the path of a readable file: each record has its updated_at.

    False where that cannot be told: updated_at is mapped to more than a column, a reader has
    options, a line has not the fields of its header.
    """
    column, said = _dating(mapping), [*mapping.columns.values(), *mapping.where]
    if column is None or mapping.options or any(SOURCE_FILE in text for text in said):
        return False
    kind = mapping.format or format_of(path)
    if kind == "parquet":
        mine = [name for name in pq.read_schema(path).names if name.lower() == column]
        return len(mine) == 1 and not pq.read_table(path, columns=mine)[0].null_count
    with _open(path) as stream, suppress(csv.Error):
        return all(_each_says(column, _text(stream), kind == "csv"))
    return False


def _dating(mapping: EntityMapping) -> str | None:
    """The landed column, in lower case, that the contract's updated_at is taken from as it is."""
    if not any(column.name == "updated_at" for column in mapping.contract.columns):
        return None
    expression = mapping.columns.get("updated_at") if mapping.columns else "updated_at"
    return expression.strip(" `").lower() if expression else None


def _each_says(column: str, text: TextIO, is_csv: bool) -> Iterator[bool]:
    """Whether each record of a text file says something in a column, named in lower case."""
    if not is_csv:
        for line in filter(str.strip, text):
            record = _object(line)
            said = [str(v) for k, v in record.items() if k.lower() == column and v is not None]
            yield len(said) == 1 and bool(said[0].strip())
        return
    rows = csv.reader(text)
    header = [name.lower() for name in next(rows, [])]
    yield header.count(column) == 1
    place = header.index(column)
    for number, row in enumerate(rows, start=2):
        whole = rows.line_num == number and len(row) == len(header)  # Spark reads line by line
        yield not row or (whole and bool(row[place].strip()))


def _object(line: str) -> dict[str, Any]:
    """The JSON object of a line; one without members where the line is none."""
    with suppress(json.JSONDecodeError):
        record = json.loads(line)
        return record if isinstance(record, dict) else {}
    return {}


def format_of(path: Path) -> str | None:
    """parquet, csv or json by the file's ending (a further .gz aside)."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return FORMATS.get(suffixes[-1].lower()) if suffixes else None


def _parquet(path: Path, options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    schema = pq.read_schema(path)
    return tuple(schema.names), ", ".join(f"{f.name} {f.type}" for f in schema)


def _csv(path: Path, options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    separator = options.get("sep", options.get("delimiter", ","))
    with _open(path) as stream:
        text = _text(stream, options.get("encoding"))
        rows = csv.reader(text, delimiter=separator)
        header = next((row for row in rows if any(map(str.strip, row))), [])
    if not header:
        raise ValueError("it has no header line")
    names = [name or f"unnamed_{place}" for place, name in enumerate(header, start=1)]
    return tuple(names), ", ".join(names)


def _json(path: Path, options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The names in its objects; a line that is none is a bad record, not a bad file."""
    names: dict[str, None] = {}
    whole = str(options.get("multiline")).lower() == "true"
    with _open(path) as stream:
        text = _text(stream, options.get("encoding"))
        if whole:
            said = json.load(text)
            for record in said if isinstance(said, list) else [said]:
                names |= dict.fromkeys(record if isinstance(record, dict) else {})
        else:
            for line in text:
                names |= dict.fromkeys(_object(line))
    if not names:
        raise ValueError("no line is a JSON object" if not whole else "it holds no JSON object")
    return tuple(names), ", ".join(names)


def _text(stream: BinaryIO, encoding: str | None = None) -> TextIO:
    """A file's text; bytes that are none are replaced, as by Spark: a fault of the record."""
    encoding = encoding or "utf-8-sig"
    return io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


_READERS = {"parquet": _parquet, "csv": _csv, "json": _json}
