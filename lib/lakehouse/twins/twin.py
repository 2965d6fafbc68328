"""A table's rows by DuckDB, where its declaration says them in SQL too (decision 0036)."""

import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
import xxhash
from deltalake import DeltaTable

from lakehouse import register, storage
from lakehouse.bounds import added
from lakehouse.carrying import is_by_kernel
from lakehouse.checks.asking import in_duckdb
from lakehouse.checks.rules import declared, filled, render
from lakehouse.declare import Severity
from lakehouse.duck import connected, listed, parquet, spread
from lakehouse.errors import LakehouseError, first_line
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
# What the error of a row begins with that Spark is to judge.
_UNFIT = "unfit row "
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
    return all(pin.files is not None for pin in verdict.pins.values())


@contextmanager
def twin_of(frame: Frame, verdict: Verdict, target: Target) -> Iterator["Twin"]:
    """A connection for a table's SQL. An error in which its rows end leaves them to Spark: what
    follows the ``with`` runs then.

    Raises LakehouseError for SQL, the table's or that of its rules, which DuckDB does not know.
    """
    opened = storage.fresh(cast(Path, target.path))
    with connected() as duck:
        duck.create_function("crc32", _crc32, ["VARCHAR"], "BIGINT")
        duck.create_function("xxhash64", _xxhash64, ["VARCHAR"], "BIGINT", type="arrow")
        try:
            yield Twin(duck, frame, verdict, target, opened)
        except _MISTAKES as error:
            table = target.table
            raise LakehouseError(
                f"{table.place}: the SQL of {table.name}, or of one of its rules, is not DuckDB's"
                f" ({first_line(error)}); correct it, or take duckdb= away."
            ) from None
        except duckdb.Error as error:
            if _UNFIT in str(error):  # as rows are wont to be
                return
            told = f"{target.table.full_name}: left to Spark by DuckDB ({first_line(error)})"
            print(told, file=sys.stderr)


@dataclass
class Twin:
    """A table's SQL, and a connection that knows its inputs and Spark's ``crc32`` and ``xxhash64``
    of one text, which go by Python: they are for distinct values. Files are for the version of the
    table that was ``opened``.
    """

    duck: duckdb.DuckDBPyConnection
    frame: Frame
    verdict: Verdict
    target: Target
    opened: DeltaTable
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
        if files := self.verdict.pins[name].files:
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
        return WrittenDays(self.opened, adds)

    def good(self, severity: Severity, more: Iterable[str] = (), but: str = "") -> str:
        """The rows; an error where one lacks what is required, breaks a rule of the severity, but
        not one of that kind, or is not as is said in ``more``.
        """
        table, conf = self.target.table, self.frame.conf
        rules = [f'"{column.name}" IS NOT NULL' for column in table.columns if column.required]
        rules += [
            f"coalesce({in_duckdb(render(rule, conf))}, true)"
            for rule in declared(table)
            if rule.is_row_rule and rule.severity == severity and rule.kind != but
        ]
        condition = " AND ".join([*rules, *more])
        return f"SELECT * FROM ({self.said}) WHERE {self.or_error(condition)}"

    def or_error(self, condition: str) -> str:
        """SQL that is true where the condition is, and ends the query elsewhere; what is said of
        the error is of no use, but is to depend on the row.
        """
        key = listed(self.target.table.declaration.key)
        return f"CASE WHEN {condition} THEN true ELSE error(concat('{_UNFIT}', {key})) END"

    def shaped(self, rows: str) -> str:
        """The declared columns of rows, in their order.

        Raises LakehouseError where the SQL makes other types than the table declares.
        """
        table = self.target.table
        made = {name: kind for name, kind, *_ in self.duck.execute(f"DESCRIBE {rows}").fetchall()}
        for column in table.columns:
            wanted = _TYPES.get(column.type, column.type)
            if made.get(column.name) != wanted:
                raise LakehouseError(
                    f"{table.place}: the SQL of {table.name} makes {column.name} as"
                    f" {made.get(column.name)}; expected {wanted}, as its schema declares: cast it."
                )
        return f"SELECT {listed(column.name for column in table.columns)} FROM ({rows})"

    def keep(self, name: str, rows: str) -> None:
        """Have the connection keep rows under a name."""
        self.duck.execute(f"CREATE TEMP TABLE {name} AS {rows}")

    def count(self, rows: str) -> int:
        """How many rows there are."""
        return int(self.values(f"SELECT count(*) FROM {rows}")[0])

    def values(self, sql: str) -> list[Any]:
        """The first column of what SQL finds."""
        return [row[0] for row in self.duck.execute(sql).fetchall()]


def row_count(made: WrittenDays) -> int:
    """Rows that files hold."""
    return sum(json.loads(add.stats)["numRecords"] for add in made.files)


def _crc32(text: str) -> int:
    return zlib.crc32(text.encode())


def _xxhash64(texts: pa.ChunkedArray) -> pa.Array:
    hashes = (
        None if text is None else xxhash.xxh64_intdigest(text.encode(), _SEED)
        for text in texts.to_pylist()
    )
    return pa.array([h if h is None or h < 1 << 63 else h - (1 << 64) for h in hashes], pa.int64())
