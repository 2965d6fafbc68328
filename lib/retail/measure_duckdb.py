"""The lag features of a day by DuckDB."""

from datetime import date
from itertools import accumulate
from pathlib import Path

import duckdb

from retail.kernels.demand_features import LAGS as KERNEL_LAGS
from retail.kernels.demand_state import BITS, REACH
from retail.measure_peer_files import LAGS, MOVING, WINDOWS, Files, cores

# Days before the day whose counts are carried from: its own, the one of the price change, the one
# that leaves 28 days.
COUNTED = (0, 7, 29)
_SQUARE = "{0}::BIGINT * {0}"


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
               least(coalesce(last_ago, {BITS + 1}), {BITS + 1}) AS days_since_sale
        FROM (SELECT store_id, product_id FROM read_parquet({files.counts[0]}))
        LEFT JOIN (SELECT store_id, product_id, {", ".join(parts)}
                   FROM ({_sales(files, day, tuple(range(92)))}) GROUP BY ALL)
             USING (store_id, product_id)"""


def _deviation(window: int, days: str = "") -> str:
    """Over the window or those ``days`` of it, from its sum and the sum of squares; else null."""
    n, total = days or str(window), f"units_sum_{window}::BIGINT"
    root = f"sqrt({n} * squares_{window}::BIGINT - {total} * {total}) / {n}"
    return f"CASE WHEN {n} > 0 THEN {root} END AS units_std_{window}"


def _moved_on(files: Files, day: date) -> str:
    """Yesterday's sums a day on."""
    sold = ", ".join(f"{_units(ago)} AS sold_{ago}" for ago in MOVING)
    sums, squares = _moved("units_sum", WINDOWS, "{0}"), _moved("squares", (28, 91), _SQUARE)
    lags = ", ".join(f"coalesce(sold_{k}, 0) AS units_lag_{k}" for k in LAGS if k > 1)
    return f"""
        SELECT * RENAME (squares_28 AS units_squares_28, squares_91 AS units_squares_91),
               {", ".join(map(_deviation, (28, 91)))}
        FROM (SELECT store_id, product_id, coalesce(sold_0, 0) AS units, p.units AS units_lag_1,
                     {lags}, {sums}, {squares},
                     CASE WHEN p.units > 0 THEN 1
                          ELSE least(p.days_since_sale + 1, {BITS + 1}) END AS days_since_sale
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
    lags = [f"CASE WHEN known >= {k} THEN sold_{k} END AS units_lag_{k}" for k in KERNEL_LAGS]
    return f"""
        WITH {", ".join(counts)},
        sold AS (SELECT store_id, product_id, {sold}
                 FROM ({_sales(files, day, tuple(sold_on))}) GROUP BY ALL),
        joined AS ({_joined(files, sold_on)}
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
               squares_28::BIGINT AS units_squares_28, squares_91::BIGINT AS units_squares_91,
               {_deviation(28, "coverage_days_28")}, {_deviation(91, "coverage_days_91")},
               coverage_days_28, coverage_days_91, known AS known_days, unseen_days,
               sold_days_63, days_since_sale, in_stock_days_28, in_stock_units_28,
               unit_price, price_change
        FROM covered"""


def _joined(files: Files, sold_on: list[int]) -> str:
    """What yesterday's rows, the counts and the sales say of each pair, and sums moved on."""
    return f"""
            SELECT store_id, product_id, coalesce(sold_0, 0) AS units, c0.is_ranged,
                   c0.is_in_stock, c0.unit_price, c0.daily_demand,
                   coalesce(c0.is_ranged, false) OR coalesce(sold_0, 0) > 0 AS is_seen,
                   CASE WHEN p.known_days IS NULL THEN 0
                        ELSE least(p.known_days + 1, {REACH}) END AS known,
                   CASE WHEN is_seen THEN 0 ELSE p.unseen_days + 1 END AS unseen_days,
                   CASE WHEN p.units > 0 THEN 1
                        ELSE least(coalesce(p.days_since_sale, {BITS}) + 1, {BITS + 1})
                   END AS days_since_sale,
                   ((coalesce(p.sold_days_63, 0) & {2 ** (BITS - 1) - 1}) * 2
                       + (coalesce(p.units, 0) > 0)::BIGINT) AS sold_days_63,
                   coalesce(p.units, 0) AS sold_1,
                   {", ".join(f"coalesce(sold_{n}, 0) AS sold_{n}" for n in sold_on if n)},
                   coalesce(p.is_ranged AND p.is_in_stock, false)::INT AS entered,
                   coalesce(c29.is_ranged AND c29.is_in_stock, false)::INT AS gone,
                   coalesce(p.in_stock_days_28, 0) + entered - gone AS in_stock_days_28,
                   coalesce(p.in_stock_units_28, 0) + entered * sold_1
                       - gone * coalesce(sold_29, 0) AS in_stock_units_28,
                   {_moved("units_sum", WINDOWS, "{0}")},
                   {_moved("squares", (28, 91), _SQUARE)},
                   CASE WHEN known >= 7 THEN c0.unit_price - c7.unit_price END AS price_change
            FROM read_parquet({files.before}) p
            FULL JOIN c0 USING (store_id, product_id)
            FULL JOIN sold USING (store_id, product_id)
            LEFT JOIN c7 USING (store_id, product_id)
            LEFT JOIN c29 USING (store_id, product_id)"""


def _moved(name: str, windows: tuple[int, ...], value: str) -> str:
    """Sums of yesterday with what enters a window and without what leaves it."""
    before = name if name == "units_sum" else f"units_{name}"
    entered, gone = value.format("coalesce(p.units, 0)"), "coalesce(sold_{}, 0)"
    return ", ".join(
        f"coalesce(p.{before}_{w}, 0) + {entered} - {value.format(gone.format(w + 1))}"
        f" AS {name}_{w}"
        for w in windows
    )
