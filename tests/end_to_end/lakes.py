"""Lakes to compare: what a table holds, free of when and in which build it was written."""

import shutil
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from lakehouse import storage
from lakehouse.catalogue import load
from lakehouse.declare import Changelog
from lakehouse.query import connect
from lakehouse.storage import Place

CATALOGUE = load("retail")
# Tables that are a function of what landed; logs of what happened are not.
TABLES = [
    table.full_name
    for table in CATALOGUE.tables.values()
    if not isinstance(table.declaration.scope, Changelog)
]
Rows = list[tuple[Any, ...]]
# What the design says of a line, in other words than ours: newest record per line, cost as of sale.
LINES = """
    WITH newest AS (
        SELECT *, min(CASE WHEN order_status = 'returned' THEN updated_at::DATE END)
                      OVER (PARTITION BY transaction_id) AS came_back,
               row_number() OVER (
                   PARTITION BY transaction_id
                   ORDER BY updated_at DESC, list_position(
                       ['pending', 'confirmed', 'shipped', 'delivered', 'cancelled', 'returned'],
                       order_status) DESC) AS place
        FROM transactions
    ), lines AS (
        SELECT * REPLACE (CASE WHEN order_status = 'returned' THEN came_back END AS came_back),
               order_status <> 'cancelled' AS counts
        FROM newest WHERE place = 1
    )
"""
# What was kept of each line, and its cost: of the product's state when the store's clock struck.
COSTED = (
    LINES
    + """, states AS (
        SELECT *, lead(updated_at) OVER one AS until, row_number() OVER one AS place
        FROM products WINDOW one AS (PARTITION BY product_id ORDER BY updated_at)
    ), zoned AS (
        SELECT l.*, timezone(CASE
            WHEN s.state IN ('CA', 'NV', 'OR', 'WA') THEN 'America/Los_Angeles'
            WHEN s.state = 'AZ' THEN 'America/Phoenix'
            WHEN s.state = 'HI' THEN 'Pacific/Honolulu'
            WHEN s.state = 'AK' THEN 'America/Anchorage'
            WHEN s.state IN ('CO', 'ID', 'MT', 'NM', 'UT', 'WY') THEN 'America/Denver'
            WHEN s.state IN ('AL', 'AR', 'IA', 'IL', 'KS', 'LA', 'MN', 'MO', 'MS', 'ND', 'NE',
                             'OK', 'SD', 'TN', 'TX', 'WI') THEN 'America/Chicago'
            ELSE 'America/New_York' END, l.transaction_date) AS instant
        FROM lines l JOIN stores s USING (store_id)
    ), kept AS (
        SELECT z.*, z.transaction_date::DATE AS sold_on, v.unit_cost,
               CASE WHEN counts AND came_back IS NULL THEN quantity ELSE 0 END AS units,
               CASE WHEN counts AND came_back IS NULL THEN total_amount ELSE 0 END::DECIMAL(18, 2)
                   AS amount
        FROM zoned z LEFT JOIN states v ON v.product_id = z.product_id
             AND (z.instant >= v.updated_at OR v.place = 1)
             AND (z.instant < v.until OR v.until IS NULL)
    ), costed AS (
        SELECT *, round(units * unit_cost, 2)::DECIMAL(18, 2) AS cost FROM kept
    )
"""
)


def rows(lake: Place, table: str) -> Rows:
    """All rows of a table in an order of their own, without ``_`` columns."""
    layer, name = table.split(".")
    found = storage.delta(lake / layer / name).to_pyarrow_table()
    kept = sorted(name for name in found.column_names if name[0] != "_")
    return sorted(zip(*(found[name].to_pylist() for name in kept), strict=True), key=repr)


def differing(one: Place, other: Place, tables: Iterable[str] = TABLES) -> dict[str, str]:
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


def ask(lake: Place, sql: str) -> Rows:
    """A query over a lake, answered by DuckDB."""
    if not isinstance(lake, Path):
        return connect(lake, CATALOGUE).execute(sql).fetchall()
    commits = frozenset((c, c.stat().st_mtime_ns) for c in lake.glob("*/*/_delta_log/*.json"))
    return _connection(lake, commits).execute(sql).fetchall()


@lru_cache(maxsize=4)
def _connection(lake: Path, commits: frozenset[tuple[Path, int]]) -> duckdb.DuckDBPyConnection:
    """A connection to a lake as it stands by these commits: it is asked a hundred times."""
    return connect(lake, CATALOGUE)


def files(landing: Path, *entities: str, kind: str = "parquet") -> dict[str, str]:
    """The landing files of entities, by the names that queries give them."""
    names = {"inventory": "inventory_snapshots", "events": "page_views"}
    return {e: f"{landing}/{names.get(e, e)}/*.{kind}" for e in entities}


def over_files(sql: str, **files: str) -> Rows:
    """A query over landing files, without anything of ours: each name is a pattern of one format."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name, pattern in files.items():
        connection.execute(
            f"CREATE VIEW {name} AS"
            f" SELECT * FROM read_{pattern.rpartition('.')[2]}('{pattern}', filename = true)"
        )
    return connection.execute(sql).fetchall()


def assert_alike(found: Rows, expected: Rows, least: int = 1) -> None:
    """The same rows: floats up to the order in which they were summed, all else exactly."""
    assert len(found) >= least
    assert found == [
        tuple(pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for v in row)
        for row in expected
    ]


def land(day: str, landing: Path, target: Path) -> None:
    """Copy the files of a day from one landing folder to another."""
    for file in landing.glob(f"*/{day}.*"):
        folder = target / file.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder)
