"""A table's rows by DuckDB, where its declaration says them in SQL too (decision 0036)."""

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import xxhash

from lakehouse import plain, register, storage
from lakehouse.bounds import added
from lakehouse.carrying import is_by_kernel
from lakehouse.checks.rules import filled
from lakehouse.duck import connected, listed, parquet, spread
from lakehouse.feed import Pinned
from lakehouse.frame import Frame, Verdict
from lakehouse.schema import arrow
from lakehouse.split import LARGE
from lakehouse.write import Target, WrittenDays

# Where files are written first, in the folder of the table: no reader looks there.
_BESIDE = "_made"
_TYPES = {
    "STRING": "VARCHAR",
    "INT": "INTEGER",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_NTZ": "TIMESTAMP",
}
# Mistakes in a table's SQL, and not in its rows.
_MISTAKES = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
# The seed of Spark's hashes.
_SEED = 42


def is_said(frame: Frame, verdict: Verdict, target: Target) -> bool:
    """Whether a table says its rows in SQL, and it and its inputs are plain files in folders.

    Else, and where carry.by is spark, its function makes them.
    """
    if not target.table.declaration.duckdb or not is_by_kernel(frame, target.path):
        return False
    target.create()
    if not register.opened(target.path) or not target.is_declared:
        return False
    return all(files_of(pin) is not None for pin in verdict.pins.values())


def files_of(pin: Pinned) -> list[str] | None:
    """The files of an input at its version; None where they are not plain ones in a folder."""
    if not isinstance(pin.path, Path) or "=" in str(pin.path):  # it would be taken for a column
        return None
    table = storage.delta(pin.path, pin.version)
    if plain.schema(table) is None:
        return None
    paths = table.get_add_actions(flatten=True).column("path").to_pylist()
    return [str(pin.path / path) for path in paths]


@contextmanager
def twin_of(frame: Frame, verdict: Verdict, target: Target) -> Iterator["Twin"]:
    """A connection for a table's SQL. Rows on which it ends in an error are left to Spark; mistakes
    in the SQL are not.
    """
    with connected() as duck:
        duck.create_function("crc32", _crc32, ["VARCHAR"], "BIGINT")
        duck.create_function("xxhash64", _xxhash64, ["VARCHAR"], "BIGINT", type="arrow")
        try:
            yield Twin(duck, frame, verdict, target)
        except _MISTAKES:
            raise
        except duckdb.Error:
            return


@dataclass
class Twin:
    """A table's SQL, and a connection that knows its inputs and Spark's ``crc32`` and ``xxhash64``
    of one text, which go by Python: they are for distinct values.
    """

    duck: duckdb.DuckDBPyConnection
    frame: Frame
    verdict: Verdict
    target: Target
    where: str = ""

    @property
    def said(self) -> str:
        """The SQL with its settings."""
        sql = filled(self.target.table.declaration.duckdb, self.frame.conf)
        return f"FROM ({sql}) {self.where}" if self.where else sql

    def go_easy(self, size: int) -> None:
        """Have one thread make what is few bytes: each would write a file a folder."""
        if size < LARGE:
            self.duck.execute("SET threads = 1")

    def know(self, name: str, select: str = "*", where: str = "") -> None:
        """Let the SQL know an input by its name, or of that what is said."""
        if files := files_of(self.verdict.pins[name]):
            rows = f"SELECT {select} FROM {parquet(files)} t {where}"
            self.duck.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows}")
        else:
            columns = self.frame.catalogue.tables[name].columns
            self.duck.register(name, arrow(columns).empty_table())

    def write(self, rows: str) -> WrittenDays:
        """Files of rows, in no version yet."""
        place, table = cast(Path, self.target.path), self.target.table
        shaped, partitions = self.shaped(rows), self.target.partitions
        files = spread(self.duck, shaped, place, partitions, place / _BESIDE, "made")
        adds = [added(file, place, table.filtered) for file in files]
        return WrittenDays(storage.fresh(place), adds)

    def or_error(self, condition: str) -> str:
        """SQL that is true where the condition is, and ends the query elsewhere; what is said of
        the error is of no use, but is to depend on the row.
        """
        key = listed(self.target.table.declaration.key)
        return f"CASE WHEN {condition} THEN true ELSE error(concat('unfit', {key})) END"

    def shaped(self, rows: str) -> str:
        """The declared columns of rows, in their order.

        Raises TypeError where the SQL makes other types than the table declares.
        """
        table = self.target.table
        made = {name: kind for name, kind, *_ in self.values(f"DESCRIBE {rows}", every=True)}
        for column in table.columns:
            wanted = _TYPES.get(column.type, column.type)
            if made.get(column.name) != wanted:
                raise TypeError(
                    f"the SQL of {table.full_name} makes {column.name} as {made.get(column.name)};"
                    f" expected {wanted}, as its schema declares"
                )
        return f"SELECT {listed(column.name for column in table.columns)} FROM ({rows})"

    def keep(self, name: str, rows: str) -> None:
        """Have the connection keep rows under a name."""
        self.duck.execute(f"CREATE TEMP TABLE {name} AS {rows}")

    def count(self, rows: str) -> int:
        """How many rows there are."""
        return int(self.values(f"SELECT count(*) FROM {rows}")[0])

    def values(self, sql: str, every: bool = False) -> list[Any]:
        """What SQL finds: its first column, or every one."""
        found = self.duck.execute(sql).fetchall()
        return found if every else [row[0] for row in found]


def row_count(made: WrittenDays) -> int:
    """Rows that files hold."""
    return sum(json.loads(add.stats)["numRecords"] for add in made.files)


def _crc32(text: str) -> int:
    return zlib.crc32(text.encode())


def _xxhash64(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    hashes = (
        None if text is None else xxhash.xxh64_intdigest(text.encode(), _SEED)
        for text in texts.to_pylist()
    )
    return pa.array([h if h is None or h < 1 << 63 else h - (1 << 64) for h in hashes], pa.int64())
