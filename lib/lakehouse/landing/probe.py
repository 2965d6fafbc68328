"""A look into one landing file, without Spark: its columns, or why it cannot be read."""

import csv
import gzip
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.landing.source import EntityMapping

FORMATS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Probe:
    """What a file is: equal ``shape`` means it may be read together with others."""

    format: str
    columns: tuple[str, ...] | None = None
    shape: str = ""
    problem: str | None = None
    missing: frozenset[str] = frozenset()
    dated_by_record: bool = False


def probe(path: Path, mapping: EntityMapping) -> Probe:
    """Check a file: a format we read, whole, and with the columns its mapping needs."""
    kind = mapping.format or format_of(path)
    if kind is None:
        return Probe("", problem=f"its ending is none of {', '.join(FORMATS)}")
    if path.stat().st_size == 0:
        return Probe(kind, problem="it is empty (zero bytes)")
    try:
        columns, shape = _READERS[kind](path)
    except (OSError, EOFError, ValueError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        return Probe(kind, problem=f"it cannot be read as {kind}: {reason}")
    present = {column.lower() for column in columns}
    missing = frozenset(name.lower() for name in mapping.needs) - present
    dated = "updated_at" in (mapping.columns or present)
    problem = None
    if missing:
        problem = f"it lacks {', '.join(sorted(missing))}; it has {', '.join(columns)}"
    return Probe(kind, columns, f"{kind} {shape}", problem, missing, dated)


def format_of(path: Path) -> str | None:
    """parquet, csv or json by the file's ending (a further .gz aside)."""
    suffixes = [suffix for suffix in path.suffixes if suffix != ".gz"]
    return FORMATS.get(suffixes[-1].lower()) if suffixes else None


def _parquet(path: Path) -> tuple[tuple[str, ...], str]:
    schema = pq.read_schema(path)
    return tuple(schema.names), ", ".join(f"{f.name} {f.type}" for f in schema)


def _csv(path: Path) -> tuple[tuple[str, ...], str]:
    with _open(path) as stream:
        text = io.TextIOWrapper(cast(BinaryIO, stream), encoding="utf-8-sig", newline="")
        header = next(csv.reader(text), [])
        while text.read(_CHUNK):  # a broken archive or byte shows only at its place
            pass
    if not header:
        raise ValueError("it has no header line")
    return tuple(header), ", ".join(header)


def _json(path: Path) -> tuple[tuple[str, ...], str]:
    """The names in its objects; a line that is none is a bad record, not a bad file."""
    names: dict[str, None] = {}
    with _open(path) as stream:
        for line in io.TextIOWrapper(cast(BinaryIO, stream), encoding="utf-8"):
            with suppress(json.JSONDecodeError):
                record = json.loads(line)
                names |= dict.fromkeys(record) if isinstance(record, dict) else {}
    if not names:
        raise ValueError("no line is a JSON object")
    return tuple(names), ", ".join(names)


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


_READERS = {"parquet": _parquet, "csv": _csv, "json": _json}
