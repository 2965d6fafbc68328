"""Lakes to compare: what a table holds, free of when and in which build it was written."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from lakehouse.catalogue import load
from lakehouse.declare import Changelog
from lakehouse.query import connect

CATALOGUE = load("retail")
# Tables that are a function of what landed; logs of what happened are not.
TABLES = [
    table.full_name
    for table in CATALOGUE.tables.values()
    if not isinstance(table.declaration.scope, Changelog)
]
Rows = list[tuple[Any, ...]]


def rows(lake: Path, table: str) -> Rows:
    """All rows of a table in an order of their own, without ``_`` columns."""
    found = DeltaTable(str(lake / table.replace(".", "/"))).to_pyarrow_table()
    kept = sorted(name for name in found.column_names if name[0] != "_")
    return sorted(zip(*(found[name].to_pylist() for name in kept), strict=True), key=repr)


def differing(one: Path, other: Path, tables: Iterable[str] = TABLES) -> dict[str, str]:
    """Tables in which two lakes differ, with the first rows that only one of them has."""
    found = {}
    for table in tables:
        a, b = rows(one, table), rows(other, table)
        if a != b:
            only_a, only_b = (
                set(map(repr, a)) - set(map(repr, b)),
                set(map(repr, b)) - set(map(repr, a)),
            )
            found[table] = (
                f"{len(a)} and {len(b)} rows; {sorted(only_a)[:2]} / {sorted(only_b)[:2]}"
            )
    return found


def ask(lake: Path, sql: str) -> Rows:
    """A query over a lake, answered by DuckDB."""
    return connect(lake, CATALOGUE).execute(sql).fetchall()


def over_files(sql: str, **files: str) -> Rows:
    """A query over landing files, without anything of ours: each name is a parquet pattern."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, pattern in files.items():
        connection.execute(
            f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{pattern}', filename = true)"
        )
    return connection.execute(sql).fetchall()


def land(day: str, landing: Path, target: Path) -> None:
    """Copy the files of a day from one landing folder to another."""
    for file in landing.glob(f"*/{day}.*"):
        folder = target / file.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)
