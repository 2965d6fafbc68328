"""The day's lag features by DuckDB and Polars, from the same files, with as many threads.

Each does it in two ways: all windows again from 91 days of sales by pair and day, or yesterday's
features moved on by a day, which reads the few days that enter and leave a window. Both make what
sales tell alone. DuckDB also carries all columns of the table on by a day, as its kernel does. A
range of stores is taken at a time, as the files lie. Late sales are left out: a peer's day is a
little cheaper.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from retail.kernels.demand_features import LAGS as ALL_LAGS
from retail.kernels.demand_features import REACH

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 28, 91)
# Days before the day of which the moved-on features need sales: lags, and what leaves a window.
MOVING = (0, 7, 8, 14, 28, 29, 92)
# Of which the carried ones need counts: the day's own, its price before, what leaves a window.
COUNTED = (0, 7, 29)


@dataclass(frozen=True)
class Files:
    """What one range of stores has: sales and counts by days before the day, and the features of
    the day before; ``landed`` are the days before the day, as numbers, on which anything landed.
    """

    sales: dict[int, list[str]]
    counts: dict[int, list[str]]
    before: list[str]
    landed: frozenset[int]

    def sold(self, days: tuple[int, ...]) -> list[str]:
        return [file for ago in days for file in self.sales.get(ago, [])]


def ranges(lake: Path, day: date) -> dict[str, Files]:
    """The files of each range of stores for the features of a day."""
    sales = _by_range(lake / "silver" / "int_daily_sales", "sold_on", day)
    counts = _by_range(lake / "gold" / "fact_inventory_daily", "snapshot_date", day)
    landed = {ago for days in (*sales.values(), *counts.values()) for ago in days}
    before = _day_before(lake / "gold" / "mart_demand_forecast_input", day)
    return {
        place: Files(sales[place], counted, before.get(place, []), frozenset(landed))
        for place, counted in counts.items()
    }


def _day_before(table: Path, day: date) -> dict[str, list[str]]:
    """Files of the features of the day before, by store range: of the newest version that has any,
    as a table that keeps few days has dropped them.
    """
    newest = DeltaTable(str(table)).version() if DeltaTable.is_deltatable(str(table)) else -1
    for version in range(newest, -1, -1):
        days = _by_range(table, "observed_on", day, version)
        if found := {place: held[1] for place, held in days.items() if 1 in held}:
            return found
    return {}


def _by_range(
    table: Path, column: str, day: date, version: int | None = None
) -> dict[str, dict[int, list[str]]]:
    """Files of a table by store range and days before the day."""
    delta = DeltaTable(str(table), version=version)
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
    made = {"recompute": _recomputed, "move": _moved_on, "carry": _carried}
    sql = made[way](files, day)
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
        FROM (SELECT store_id, product_id FROM read_parquet({files.counts[0]}))
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
              FROM (SELECT store_id, product_id FROM read_parquet({files.counts[0]}))
              LEFT JOIN read_parquet({files.before}) p USING (store_id, product_id)
              LEFT JOIN (SELECT store_id, product_id, {sold}
                         FROM ({_sales(files, day, MOVING)}) GROUP BY ALL)
                   USING (store_id, product_id))"""


def _carried(files: Files, day: date) -> str:
    """Every column of the table, from yesterday's rows."""
    sold_on = sorted({*MOVING, REACH})
    sold = ", ".join(f"{_units(ago)}::INT AS sold_{ago}" for ago in sold_on)
    counts = [
        f"c{ago} AS (SELECT * FROM read_parquet({files.counts[ago]}))"
        if files.counts.get(ago)
        else f"c{ago} AS (FROM c0 LIMIT 0)"
        for ago in COUNTED
    ]
    # How many of the days before, from none to 91, something landed on.
    landed = [0, *accumulate(int(ago in files.landed) for ago in range(1, 92))]
    lags = [f"CASE WHEN known >= {k} THEN sold_{k} END AS units_lag_{k}" for k in ALL_LAGS]
    return f"""
        WITH {", ".join(counts)},
        sold AS (SELECT store_id, product_id, {sold}
                 FROM ({_sales(files, day, tuple(sold_on))}) GROUP BY ALL),
        joined AS (
            SELECT store_id, product_id, coalesce(sold_0, 0) AS units, c0.is_ranged,
                   c0.is_in_stock, c0.unit_price, c0.daily_demand,
                   coalesce(c0.is_ranged, false) OR coalesce(sold_0, 0) > 0 AS is_seen,
                   CASE WHEN p.known_days IS NULL THEN 0
                        ELSE least(p.known_days + 1, {REACH}) END AS known,
                   CASE WHEN is_seen THEN 0 ELSE p.unseen_days + 1 END AS unseen_days,
                   CASE WHEN p.units > 0 THEN 1
                        ELSE least(coalesce(p.days_since_sale, {REACH}) + 1, {REACH})
                   END AS days_since_sale,
                   coalesce(p.units, 0) AS sold_1,
                   {", ".join(f"coalesce(sold_{n}, 0) AS sold_{n}" for n in sold_on if n)},
                   coalesce(p.is_ranged AND p.is_in_stock, false)::INT AS entered,
                   coalesce(c29.is_ranged AND c29.is_in_stock, false)::INT AS gone,
                   coalesce(p.in_stock_days_28, 0) + entered - gone AS in_stock_days_28,
                   coalesce(p.in_stock_units_28, 0) + entered * sold_1
                       - gone * coalesce(sold_29, 0) AS in_stock_units_28,
                   {_moved("units_sum", WINDOWS, "{0}")},
                   {_moved("units_squares", (28, 91), "{0}::BIGINT * {0}")},
                   CASE WHEN known >= 7 THEN c0.unit_price - c7.unit_price END AS price_change
            FROM read_parquet({files.before}) p
            FULL JOIN c0 USING (store_id, product_id)
            FULL JOIN sold USING (store_id, product_id)
            LEFT JOIN c7 USING (store_id, product_id)
            LEFT JOIN c29 USING (store_id, product_id)
        ), covered AS (
            SELECT *, {landed}[least(known, 28) + 1] AS coverage_days_28,
                   {landed}[least(known, 91) + 1] AS coverage_days_91
            FROM joined WHERE unseen_days <= {REACH}
        )
        SELECT store_id, product_id,
               CASE WHEN is_ranged AND NOT is_in_stock THEN 'out_of_stock'
                    WHEN units > 0 THEN 'sold'
                    WHEN is_ranged THEN 'true_zero' ELSE 'not_ranged' END AS demand_status,
               units, coalesce(is_ranged, false) AS is_ranged, is_in_stock,
               greatest(units, CASE WHEN is_ranged AND NOT is_in_stock
                                    THEN coalesce(daily_demand, 0) ELSE 0 END)::DECIMAL(18, 4)
                   AS estimated_demand,
               {", ".join(lags)}, units_sum_7, units_sum_28, units_sum_91,
               units_squares_28::BIGINT AS units_squares_28,
               units_squares_91::BIGINT AS units_squares_91,
               {_covered_deviation(28)}, {_covered_deviation(91)},
               coverage_days_28, coverage_days_91, known AS known_days, unseen_days,
               days_since_sale, in_stock_days_28, in_stock_units_28, unit_price, price_change
        FROM covered"""


def _moved(name: str, windows: tuple[int, ...], value: str) -> str:
    """Sums of yesterday with what enters a window and without what leaves it."""
    entered, gone = value.format("coalesce(p.units, 0)"), "coalesce(sold_{}, 0)"
    return ", ".join(
        f"coalesce(p.{name}_{w}, 0) + {entered} - {value.format(gone.format(w + 1))} AS {name}_{w}"
        for w in windows
    )


def _covered_deviation(window: int) -> str:
    """Over the days of the window on which the pair was known and data landed."""
    days, total = f"coverage_days_{window}", f"units_sum_{window}::BIGINT"
    squares = f"units_squares_{window}::BIGINT"
    root = f"sqrt({days} * {squares} - {total} * {total}) / {days}"
    return f"CASE WHEN {days} > 0 THEN {root} END AS units_std_{window}"


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

    counts = pl.scan_parquet(files.counts[0]).select(pair)
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
WAYS = {"duckdb": ("recompute", "move", "carry"), "polars": ("recompute", "move")}


def main() -> int:
    """Run one peer in a process of its own, whose memory and threads are its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("way", choices=WAYS["duckdb"])
    parser.add_argument("lake", type=Path)
    parser.add_argument("day", type=date.fromisoformat)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for place, files in ranges(options.lake, options.day).items():
        output = options.output / f"{place}.parquet"
        PEERS[options.peer](files, options.day, options.way, output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
