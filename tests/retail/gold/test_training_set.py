"""Targets of the training set: sums from a day on, null where a day is missing or still to come."""

from datetime import date, timedelta

import duckdb

from retail.gold.training_set import training_set

# Forty days of one pair; nothing is known of the 36th.
DAYS = [date(2026, 1, 1) + timedelta(n) for n in range(40) if n != 35]
UNITS = {day: (7 * n) % 5 for n, day in enumerate(DAYS)}
COLUMNS = {
    "dim_product_current": "product_key BIGINT, product_id VARCHAR, category VARCHAR, subcategory VARCHAR",
    "dim_store": "store_key BIGINT, store_id VARCHAR, region VARCHAR, cluster VARCHAR",
    "dim_date": "calendar_on DATE, weekday INT, is_weekend BOOLEAN, is_holiday BOOLEAN,"
    " season VARCHAR, fiscal_week INT, month INT",
    "mart_demand_forecast_input": "store_id VARCHAR, product_id VARCHAR, observed_on DATE, units BIGINT",
}


def by_hand(day: date, length: int) -> int | None:
    span = [day + timedelta(n) for n in range(length)]
    return sum(UNITS[one] for one in span) if set(span) <= set(DAYS) else None


def test_targets_are_sums_of_days_that_are_all_there() -> None:
    lake = duckdb.connect()
    lake.execute("CREATE SCHEMA gold")
    for name, columns in COLUMNS.items():
        lake.execute(f"CREATE TABLE gold.{name} ({columns})")
    lake.executemany(
        "INSERT INTO gold.mart_demand_forecast_input VALUES ('S', ?, ?, ?)",
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
