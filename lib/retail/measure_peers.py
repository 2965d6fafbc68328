"""The day's lag features by DuckDB and Polars, from the same files, with as many threads.

Each does it in two ways: all windows again from 91 days of sales by pair and day, or yesterday's
features, made so, moved on by a day, which reads the few days that enter and leave a window.
It takes a range of stores at a time, as the files lie. Late sales are left out: a peer's day is a
little cheaper.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 28, 91)
# Days before the day of which the moved-on features need sales: lags, and what leaves a window.
MOVING = (0, 7, 8, 14, 28, 29, 92)


@dataclass(frozen=True)
class Files:
    """What one range of stores has: sales by days before the day, and counts and features."""

    sales: dict[int, list[str]]
    counts: list[str]
    before: list[str]

    def sold(self, days: tuple[int, ...]) -> list[str]:
        return [file for ago in days for file in self.sales.get(ago, [])]


def ranges(lake: Path, day: date, before: Path | None = None) -> dict[str, Files]:
    """The files of each range of stores for the features of a day.

    ``before`` is the folder of those of the day before, a file a range.
    """
    sales = _by_range(lake / "silver" / "int_daily_sales", "sold_on", day)
    counts = _by_range(lake / "gold" / "fact_inventory_daily", "snapshot_date", day)
    found = {}
    for place, counted in counts.items():
        moved = [str(before / f"{place}.parquet")] if before else []
        found[place] = Files(sales[place], counted.get(0, []), moved)
    return found


def _by_range(table: Path, column: str, day: date) -> dict[str, dict[int, list[str]]]:
    """Files of a table by store range and days before the day."""
    delta = DeltaTable(str(table))
    found: dict[str, dict[int, list[str]]] = {}
    actions = delta.get_add_actions(flatten=True)
    rows = [actions.column(name).to_pylist() for name in ("path", f"partition.{column}")]
    places = (
        actions.column("partition.store_range").to_pylist()
        if "partition.store_range" in actions.schema.names
        else ["0"] * len(rows[0])
    )
    for path, on, place in zip(*rows, places, strict=True):
        ago = (day - date.fromisoformat(str(on))).days
        found.setdefault(str(place), {}).setdefault(ago, []).append(str(table / path))
    return found


def by_duckdb(files: Files, day: date, way: str, output: Path) -> None:
    """The features of a range, written by DuckDB."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {cores()}")
    sql = _recomputed(files, day) if way == "recompute" else _moved_on(files, day)
    connection.execute(f"COPY ({sql}) TO '{output}' (FORMAT parquet, COMPRESSION zstd)")


def _units(ago: int) -> str:
    return f"coalesce(sum(gross_units) FILTER (ago = {ago}), 0)"


def _sales(files: Files, day: date, days: tuple[int, ...]) -> str:
    listed = files.sold(days)
    columns = "store_id, product_id, gross_units"
    return (
        f"SELECT {columns}, DATE '{day}' - sold_on::DATE AS ago"
        f" FROM read_parquet({listed}, hive_partitioning = true)"
    )


def _recomputed(files: Files, day: date) -> str:
    within = "FILTER (ago BETWEEN 1 AND {})"
    parts = [f"{_units(0)} AS units", *(f"{_units(k)} AS units_lag_{k}" for k in LAGS)]
    for window in WINDOWS:
        over = within.format(window)
        parts.append(f"coalesce(sum(gross_units) {over}, 0) AS units_sum_{window}")
        parts.append(f"coalesce(sum(gross_units * gross_units) {over}, 0) AS squares_{window}")
    parts.append("min(ago) FILTER (ago > 0) AS last_ago")
    return f"""
        SELECT store_id, product_id, coalesce(units, 0) AS units,
               {", ".join(f"coalesce(units_lag_{k}, 0) AS units_lag_{k}" for k in LAGS)},
               {", ".join(f"coalesce(units_sum_{w}, 0) AS units_sum_{w}" for w in WINDOWS)},
               {", ".join(f"coalesce(squares_{w}, 0) AS units_squares_{w}" for w in (28, 91))},
               {", ".join(map(_deviation, (28, 91)))},
               coalesce(last_ago, 364) AS days_since_sale
        FROM (SELECT store_id, product_id FROM read_parquet({files.counts}))
        LEFT JOIN (SELECT store_id, product_id, {", ".join(parts)}
                   FROM ({_sales(files, day, tuple(range(92)))}) GROUP BY ALL)
             USING (store_id, product_id)"""


def _deviation(window: int) -> str:
    """Over the whole window, from its sum and the sum of squares."""
    total = f"units_sum_{window}"
    return f"sqrt({window} * squares_{window} - {total} * {total}) / {window} AS units_std_{window}"


def _moved_on(files: Files, day: date) -> str:
    """Yesterday's sums a day on."""
    sold = ", ".join(f"{_units(ago)} AS sold_{ago}" for ago in MOVING)
    sums = ", ".join(
        f"p.units_sum_{w} + p.units - coalesce(sold_{w + 1}, 0) AS units_sum_{w}" for w in WINDOWS
    )
    squares = ", ".join(
        f"p.units_squares_{w} + p.units ** 2 - coalesce(sold_{w + 1}, 0) ** 2 AS squares_{w}"
        for w in (28, 91)
    )
    lags = ", ".join(f"coalesce(sold_{k}, 0) AS units_lag_{k}" for k in LAGS if k > 1)
    return f"""
        SELECT * RENAME (squares_28 AS units_squares_28, squares_91 AS units_squares_91),
               {", ".join(map(_deviation, (28, 91)))}
        FROM (SELECT store_id, product_id, coalesce(sold_0, 0) AS units, p.units AS units_lag_1,
                     {lags}, {sums}, {squares},
                     CASE WHEN p.units > 0 THEN 1
                          ELSE least(p.days_since_sale + 1, 364) END AS days_since_sale
              FROM (SELECT store_id, product_id FROM read_parquet({files.counts}))
              LEFT JOIN read_parquet({files.before}) p USING (store_id, product_id)
              LEFT JOIN (SELECT store_id, product_id, {sold}
                         FROM ({_sales(files, day, MOVING)}) GROUP BY ALL)
                   USING (store_id, product_id))"""


def by_polars(files: Files, day: date, way: str, output: Path) -> None:
    """The features of a range, written by Polars."""
    os.environ["POLARS_MAX_THREADS"] = str(cores())
    import polars as pl

    pair = ["store_id", "product_id"]
    ago, units = pl.col("ago"), pl.col("gross_units")

    def sales(days: tuple[int, ...]) -> Any:
        parts = [
            pl.scan_parquet(files.sales[n]).select(*pair, units, pl.lit(n, pl.Int32).alias("ago"))
            for n in days
            if n in files.sales
        ]
        return pl.concat(parts)

    def summed(chosen: Any, value: Any = units) -> Any:
        return pl.when(chosen).then(value).otherwise(0).sum()

    def deviation(n: int) -> Any:
        total = pl.col(f"units_sum_{n}")
        return (n * pl.col(f"squares_{n}") - total * total).sqrt() / n

    counts = pl.scan_parquet(files.counts).select(pair)
    if way == "recompute":
        within = {w: ago.is_between(1, w) for w in WINDOWS}
        sums = (
            sales(tuple(range(92)))
            .group_by(pair)
            .agg(
                summed(ago == 0).alias("units"),
                *[summed(ago == k).alias(f"units_lag_{k}") for k in LAGS],
                *[summed(within[w]).alias(f"units_sum_{w}") for w in WINDOWS],
                *[summed(within[w], units * units).alias(f"squares_{w}") for w in WINDOWS],
                pl.when(ago > 0).then(ago).min().alias("last_ago"),
            )
        )
        rows = counts.join(sums, pair, "left").with_columns(
            pl.col("last_ago").fill_null(364).alias("days_since_sale"),
            pl.exclude(*pair, "last_ago").fill_null(0),
        )
    else:
        sold = sales(MOVING).group_by(pair)
        sold = sold.agg(*[summed(ago == n).alias(f"sold_{n}") for n in MOVING])
        rows = counts.join(pl.scan_parquet(files.before), pair, "left").join(sold, pair, "left")
        rows = rows.with_columns(pl.col("^sold_.*$").fill_null(0))
        was = pl.col("units")

        def squares(window: int) -> Any:
            left = pl.col(f"sold_{window + 1}")
            return pl.col(f"units_squares_{window}") + was * was - left * left

        rows = rows.select(
            *pair,
            pl.col("sold_0").alias("units"),
            was.alias("units_lag_1"),
            *[pl.col(f"sold_{k}").alias(f"units_lag_{k}") for k in LAGS if k > 1],
            *[
                (pl.col(f"units_sum_{w}") + was - pl.col(f"sold_{w + 1}")).alias(f"units_sum_{w}")
                for w in WINDOWS
            ],
            *[squares(w).alias(f"squares_{w}") for w in (28, 91)],
            pl.when(was > 0)
            .then(1)
            .otherwise(pl.min_horizontal(pl.col("days_since_sale") + 1, pl.lit(364)))
            .alias("days_since_sale"),
        )
    rows.with_columns(*[deviation(w).alias(f"units_std_{w}") for w in (28, 91)]).rename(
        {f"squares_{w}": f"units_squares_{w}" for w in (28, 91)}
    ).drop("squares_7", "last_ago", strict=False).sink_parquet(output, compression="zstd")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


PEERS: dict[str, Callable[[Files, date, str, Path], None]] = {
    "duckdb": by_duckdb,
    "polars": by_polars,
}
WAYS = ("recompute", "move")


def main() -> int:
    """Run one peer in a process of its own, whose memory and threads are its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("way", choices=WAYS)
    parser.add_argument("lake", type=Path)
    parser.add_argument("day", type=date.fromisoformat)
    parser.add_argument("output", type=Path)
    parser.add_argument("--before", type=Path, help="the output of the day before, to move on")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for place, files in ranges(options.lake, options.day, options.before).items():
        output = options.output / f"{place}.parquet"
        PEERS[options.peer](files, options.day, options.way, output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
