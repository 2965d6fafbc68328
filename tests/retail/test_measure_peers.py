"""Peers agree with one another: DuckDB and Polars, all windows again and yesterday's moved on.

That DuckDB carries what the kernel does stands in kernels/test_closes.py.
"""

import random
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from retail.measure_peer_files import ranges
from retail.measure_peers import PEERS

DAY = date(2026, 6, 30)
PAIRS = [(f"STR-{s}", f"PRD-{p}") for s in range(3) for p in range(20)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred days of sales of some pairs, and the counts of two days."""
    lake, luck = tmp_path_factory.mktemp("lake"), random.Random(3)
    days = [DAY - timedelta(n) for n in range(100)]
    units = {(*p, d): luck.randint(1, 9) for p in PAIRS for d in days if luck.random() < 0.3}
    sales = [(*pair, day, 0, sold) for (*pair, day), sold in units.items()]
    save(lake / "silver/int_daily_sales", "sold_on", sales, ["gross_units"])
    counts = [(*pair, day, 0) for pair in PAIRS for day in days[:2]]
    save(lake / "gold/fact_inventory_daily", "snapshot_date", counts, [])
    return lake


def save(table: Path, day: str, rows: list[tuple[Any, ...]], names: list[str]) -> None:
    columns = ["store_id", "product_id", day, "store_range", *names]
    data = pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
    write_deltalake(str(table), data, partition_by=[day, "store_range"])


def made(lake: Path, peer: str, way: str, folder: Path) -> list[tuple[Any, ...]]:
    before, output = folder / "before.parquet", folder / "output.parquet"
    folder.mkdir()
    yesterday = DAY - timedelta(1)
    PEERS[peer](ranges(lake, yesterday)["0"], yesterday, "recompute", before)
    PEERS[peer](replace(ranges(lake, DAY)["0"], before=[str(before)]), DAY, way, output)
    return duckdb.sql(
        f"""SELECT store_id, product_id, units, units_lag_1, units_lag_7, units_lag_14, units_lag_28,
                   units_sum_7, units_sum_28, units_sum_91, days_since_sale,
                   units_squares_28, units_squares_91,
                   round(units_std_28, 9), round(units_std_91, 9)
            FROM '{output}' ORDER BY ALL"""
    ).fetchall()


def test_both_peers_find_the_same_in_both_ways(lake: Path, tmp_path: Path) -> None:
    found = {
        (peer, way): made(lake, peer, way, tmp_path / f"{peer}-{way}")
        for peer in PEERS
        for way in ("recompute", "move")
    }
    first, *others = found.values()
    assert len(first) == len(PAIRS)
    assert all(other == first for other in others)
