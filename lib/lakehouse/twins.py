"""Landed rows judged and typed by DuckDB, where a table says its rows in SQL too (decision 0036).

Spark makes a staging table of landed rows whatever they hold. Most hold what their contract says,
and come once: a vectorised engine writes those for a tenth of what Spark's rows cost. The first
row that is not so leaves all of them to Spark.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa

from lakehouse import plain, quarantine, register, storage
from lakehouse.bounds import added
from lakehouse.carrying import is_by_kernel
from lakehouse.catalogue import Table
from lakehouse.checks.asking import in_duckdb
from lakehouse.checks.rules import declared, filled, render, row_rules
from lakehouse.declare import SOURCE_FILE, Days
from lakehouse.duck import connected, listed, parquet, spread
from lakehouse.feed import Pinned
from lakehouse.frame import Frame, Verdict
from lakehouse.landing.scan import CORRUPT
from lakehouse.log import Log
from lakehouse.plan import date_in
from lakehouse.repeats import repeats
from lakehouse.schema import arrow, literal
from lakehouse.split import LARGE
from lakehouse.write import Target, WrittenDays

# What the landed rows are called in a table's SQL; when their file says that they happened, UTC.
LANDED, FILE_DATE = "landed", "file_date"
_NO_DATE = "1900-01-01"
# Where files are written first, in the folder of the table: no reader looks there.
_BESIDE = "_staged"
_TYPES = {
    "STRING": "VARCHAR",
    "INT": "INTEGER",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_NTZ": "TIMESTAMP",
}
# Mistakes in a table's SQL, and not in its rows.
_MISTAKES = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
# Signs on which patterns of Java and of DuckDB differ: ends of lines, and some that are blank.
_ODD = r"[\x00-\x1F\x7F\x{85}\x{2028}\x{2029}]"


@dataclass(frozen=True)
class Staged:
    """Files of good rows, in no version yet, and how many rows they hold."""

    made: WrittenDays
    rows: int


def staged(frame: Frame, verdict: Verdict, target: Target) -> Staged | None:
    """Files of all that landed since the table was built, or ever; None where Spark is to judge it.

    So it is where a table does not say its rows in SQL, a row does not fit, is not made or its key
    comes again, the table holds a day already, an earlier reject may pass now, or files are not plain.
    """
    if not _is_said(frame, verdict, target) or (files := _landed(frame, verdict)) is None:
        return None
    table, column = verdict.table, str(target.partition)
    taken = _rejected_days(frame, table)
    if not verdict.whole:
        taken |= {str(day) for day in Log(target.path).days(column)}
    with connected() as duck:
        try:
            if sum(Path(file).stat().st_size for file in files) < LARGE:
                duck.execute("SET threads = 1")  # each thread would write a file a folder
            _describe(duck, frame, verdict, files)
            found = duck.execute(
                f"SELECT DISTINCT {column} FROM ({_said(frame, table)})"
            ).fetchall()
            if taken and (verdict.whole or taken & {str(day) for (day,) in found}):
                return None
            written = _write(duck, frame, target)
            landed = duck.execute(f"SELECT count(*) FROM {LANDED}").fetchall()[0][0]
        except duckdb.Error as error:
            if isinstance(error, _MISTAKES):
                raise
            return None
    place = cast(Path, target.path)
    adds = [added(file, place, table.filtered) for file in written]
    rows = sum(json.loads(add.stats)["numRecords"] for add in adds)
    if rows != landed or repeats(written, table.declaration.key):
        for file in written:
            file.unlink()
        return None
    return Staged(WrittenDays(storage.fresh(place), adds), rows)


def _is_said(frame: Frame, verdict: Verdict, target: Target) -> bool:
    """Whether a table may be made by its SQL, where nothing but its landed rows changed."""
    table = verdict.table
    if not table.declaration.duckdb or not isinstance(table.declaration.scope, Days):
        return False
    if not is_by_kernel(frame, target.path) or frame.again.get(table.name):
        return False
    if not verdict.whole and verdict.changed != (next(iter(table.inputs)),):
        return False
    target.create()
    return register.opened(target.path) is not None and target.is_declared


def _landed(frame: Frame, verdict: Verdict) -> list[str] | None:
    """Files of the landed rows to judge; None where they are not plain, rows went as well, or what
    lies there has not the types of its contract.
    """
    driver = next(iter(verdict.table.inputs))
    pin = verdict.pins[driver]
    if not isinstance(pin.path, Path) or "=" in str(pin.path):  # it would be taken for a column
        return None
    there = storage.delta(pin.path, pin.version)
    held = {field.name: field.type for field in pa.schema(there.schema().to_arrow())}
    contract = {field.name: field.type for field in arrow(frame.catalogue.tables[driver].columns)}
    if CORRUPT in held or not contract.items() <= held.items():
        return None
    if verdict.whole:
        return files_of(pin)
    images = storage.images(pin.path, cast(int, pin.built) + 1, pin.version)
    if not images or any(part.kind != "insert" for part in images):
        return None
    return [file for part in images for file in part.files]


def files_of(pin: Pinned) -> list[str] | None:
    """The files of an input at its version; None where there are none, or they are not plain."""
    if not isinstance(pin.path, Path):
        return None
    table = storage.delta(pin.path, pin.version)
    if plain.schema(table) is None:
        return None
    paths = table.get_add_actions(flatten=True).column("path").to_pylist()
    return [str(pin.path / path) for path in paths] or None


def _rejected_days(frame: Frame, table: Table) -> set[str]:
    """The days of records that are rejected so far, as text."""
    where = {"table_name": table.name, "status": "quarantined"}
    place = quarantine.ensure(frame.lake)
    keys = storage.rows(place, ["record_key"], where)["record_key"].to_pylist()
    column = str(table.declaration.scope.partition)
    return {str(json.loads(key or "{}").get(column)) for key in keys}


def _describe(
    duck: duckdb.DuckDBPyConnection, frame: Frame, verdict: Verdict, files: list[str]
) -> None:
    """Give the connection the landed rows, with the date of their file, and Spark's ``crc32``."""
    duck.create_function("crc32", _crc32, ["VARCHAR"], "BIGINT")
    rows = parquet(files)
    paths = [
        path for (path,) in duck.execute(f"SELECT DISTINCT {SOURCE_FILE} FROM {rows}").fetchall()
    ]
    dated = ", ".join(f"({literal(p)}, TIMESTAMPTZ '{date_in(p) or _NO_DATE}')" for p in paths)
    duck.execute(
        f"CREATE VIEW {LANDED} AS SELECT * FROM {rows} JOIN (VALUES {dated})"
        f" files({SOURCE_FILE}, {FILE_DATE}) USING ({SOURCE_FILE})"
    )


def _crc32(text: str) -> int:
    return zlib.crc32(text.encode())


def _said(frame: Frame, table: Table) -> str:
    """The table's SQL with its settings."""
    return filled(table.declaration.duckdb, frame.conf)


def _write(duck: duckdb.DuckDBPyConnection, frame: Frame, target: Target) -> list[Path]:
    """Write the rows of the table's SQL; the files.

    Raises duckdb.Error where one is not good, TypeError where the SQL makes other types than the
    table declares.
    """
    table, said = target.table, _said(frame, target.table)
    made = {name: kind for name, kind, *_ in duck.execute(f"DESCRIBE {said}").fetchall()}
    for column in table.columns:
        wanted = _TYPES.get(column.type, column.type)
        if made.get(column.name) != wanted:
            raise TypeError(
                f"the SQL of {table.full_name} makes {column.name} as {made.get(column.name)};"
                f" expected {wanted}, as its schema declares"
            )
    names = listed(column.name for column in table.columns)
    # A row that is not good ends it all; what is said of the error is of no use.
    judged = f"SELECT {names} FROM ({said}) WHERE CASE WHEN {_good(frame, table)} THEN true"
    judged += f" ELSE error(concat('unfit', {listed(table.declaration.key)})) END"
    place = cast(Path, target.path)
    return spread(duck, judged, place, target.partitions, place / _BESIDE, "staged")


def _good(frame: Frame, table: Table) -> str:
    """SQL that is true for rows that Spark would judge to be good."""
    rules = [f'"{column.name}" IS NOT NULL' for column in table.columns if column.required]
    rules += [
        f"coalesce({in_duckdb(render(rule, frame.conf))}, true)"
        for rule in row_rules(table, "quarantine")
    ]
    matched = {c for rule in declared(table) if rule.kind == "pattern" for c in rule.columns}
    rules += [f"NOT coalesce(regexp_matches({c}, '{_ODD}'), false)" for c in sorted(matched)]
    return " AND ".join(rules)
