"""Lags of groups: calendar days before, whether or not something was sold on them."""

import random
from datetime import date, timedelta

import duckdb

from retail.gold.pooled_demand import pooled_demand

DAYS = [date(2026, 1, 1) + timedelta(n) for n in range(120)]


def test_lags_and_sums_are_those_of_plain_python() -> None:
    luck = random.Random(2)
    sold = {
        (member, day): luck.randint(1, 9)
        for member, since in (("tools", 0), ("paint", 50))
        for day in DAYS[since:]
        if luck.random() < 0.6
    }
    lake = duckdb.connect()
    lake.execute("CREATE SCHEMA gold; CREATE SCHEMA silver")
    lake.execute("CREATE TABLE gold.dim_date (calendar_on DATE)")
    lake.execute(
        "CREATE TABLE silver.int_pooled_sales (pool TEXT, member TEXT, sold_on DATE, units BIGINT)"
    )
    lake.executemany("INSERT INTO gold.dim_date VALUES (?)", [(day,) for day in DAYS])
    lake.executemany(
        "INSERT INTO silver.int_pooled_sales VALUES ('category', ?, ?, ?)",
        [(*key, units) for key, units in sold.items()],
    )
    found = lake.execute(
        "SELECT member, observed_on, units_lag_1, units_lag_7, units_lag_28,"
        f" units_sum_7, units_sum_28, units_sum_91 FROM ({pooled_demand()}) ORDER BY ALL"
    ).fetchall()
    expected = []
    for member in ("paint", "tools"):
        first = min(day for name, day in sold if name == member)
        for day in (one for one in DAYS if one >= first):
            past = [
                (sold.get((member, day - timedelta(n)), 0), day - timedelta(n)) for n in range(92)
            ]
            lags = [past[n][0] if past[n][1] >= first else None for n in (1, 7, 28)]
            sums = [sum(units for units, _ in past[1 : n + 1]) for n in (7, 28, 91)]
            expected.append((member, day, *lags, *sums))
    assert found == expected
