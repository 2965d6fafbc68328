"""The training set: targets from a day on, null where one is missing; means; lags of the groups."""

from datetime import date, timedelta

import duckdb

from retail.gold.training_set import training_set
from retail.terms.pools import POOLED

# Forty days of one pair; nothing is known of the 36th.
DAYS = [date(2026, 1, 1) + timedelta(n) for n in range(40) if n != 35]
UNITS = {day: (7 * n) % 5 for n, day in enumerate(DAYS)}
COLUMNS = {
    "dim_product_current": "product_key BIGINT, product_id VARCHAR, category VARCHAR, subcategory VARCHAR",
    "dim_store": "store_key BIGINT, store_id VARCHAR, region VARCHAR, cluster VARCHAR",
    "dim_date": "calendar_on DATE, weekday INT, is_weekend BOOLEAN, is_holiday BOOLEAN,"
    " season VARCHAR, fiscal_week INT, month INT",
    "mart_demand_forecast_input": "store_id VARCHAR, product_id VARCHAR, observed_on DATE, units BIGINT,"
    " units_sum_28 INT, coverage_days_28 INT, in_stock_units_28 INT, in_stock_days_28 INT",
    "pooled_demand": "pool VARCHAR, member VARCHAR, observed_on DATE, "
    + ", ".join(f"{name} BIGINT" for name in POOLED),
}


def by_hand(day: date, length: int) -> int | None:
    span = [day + timedelta(n) for n in range(length)]
    return sum(UNITS[one] for one in span) if set(span) <= set(DAYS) else None


def empty_lake() -> duckdb.DuckDBPyConnection:
    lake = duckdb.connect()
    lake.execute("CREATE SCHEMA gold")
    for name, columns in COLUMNS.items():
        lake.execute(f"CREATE TABLE gold.{name} ({columns})")
    return lake


def test_targets_are_sums_of_days_that_are_all_there() -> None:
    lake = empty_lake()
    lake.executemany(
        "INSERT INTO gold.mart_demand_forecast_input VALUES ('S', ?, ?, ?, 0, 0, 0, 0)",
        [("P", day, units) for day, units in UNITS.items()] + [("Q", DAYS[0], 99)],
    )
    lake.execute("INSERT INTO gold.dim_store VALUES (7, 'S', 'West', 'West-2')")
    lake.execute("INSERT INTO gold.dim_store VALUES (0, 'S', NULL, NULL)")  # a member of that name
    lake.execute("INSERT INTO gold.dim_product_current VALUES (0, 'P', 'none', NULL)")
    found = lake.execute(
        f"SELECT observed_on, target_1, target_7, target_28, cluster, category FROM ({training_set()})"
        " WHERE product_id = 'P' ORDER BY observed_on"
    ).fetchall()
    targets = [(day, *[by_hand(day, length) for length in (1, 7, 28)]) for day in DAYS]
    assert found == [(*row, "West-2", None) for row in targets]
    # 28 days fit before the gap for eight days; seven fit before it and not after.
    assert sum(row[3] is not None for row in targets) == 8
    assert sum(row[2] is not None for row in targets) == 29


def test_means_with_and_without_stocked_out_days_and_lags_of_the_pair_s_groups() -> None:
    lake = empty_lake()
    day = DAYS[0]
    lake.execute(
        "INSERT INTO gold.mart_demand_forecast_input VALUES ('S', 'P', ?, 1, 30, 20, 24, 8)", [day]
    )
    lake.execute(
        "INSERT INTO gold.mart_demand_forecast_input VALUES ('X', 'Q', ?, 1, 0, 0, 0, 0)", [day]
    )
    lake.execute("INSERT INTO gold.dim_store VALUES (7, 'S', 'West', 'West-2')")
    lake.execute("INSERT INTO gold.dim_product_current VALUES (9, 'P', 'tools', 'saws')")
    members = [("category", "tools", 1), ("region", "West", 2), ("cluster", "West-2", 3),
               ("category_region", "tools in West", 4), ("category", "unknown", 5)]  # fmt: skip
    for pool, member, units in members:
        values = ", ".join([str(units)] * len(POOLED))
        lake.execute(
            f"INSERT INTO gold.pooled_demand VALUES (?, ?, ?, {values})", [pool, member, day]
        )
    found = lake.execute(
        "SELECT units_mean_28, in_stock_mean_28, category_units_lag_7, region_units_sum_28,"
        f" cluster_units_lag_1, category_region_units_sum_91 FROM ({training_set()}) ORDER BY store_id"
    ).fetchall()
    assert found == [(1.5, 3.0, 1, 2, 3, 4), (None, None, 5, None, None, None)]
