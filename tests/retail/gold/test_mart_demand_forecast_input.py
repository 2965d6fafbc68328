"""Lag features in plain Spark: against plain Python over a long history, without a look ahead."""

from datetime import date, timedelta

import pytest
from oracles.demand_features import (
    DAYS,
    LAST,
    OBSERVED,
    PRODUCTS,
    Counts,
    Sales,
    by_hand,
    history,
    plain,
)
from pyspark.sql import DataFrame, Row, SparkSession
from rows import frame, table

from lakehouse.write import shaped
from retail.gold.fact_inventory_daily import fact_inventory_daily
from retail.gold.mart_demand_forecast_input import mart_demand_forecast_input
from retail.silver.int_daily_sales import int_daily_sales

SOLD = "store_id product_id sold_on gross_units"
COUNTED = "store_id product_id snapshot_date is_ranged is_in_stock unit_price daily_demand"
KEY = ("store_id", "product_id", "observed_on", "store_range")


def featured(spark: SparkSession, sales: Sales, counts: Counts, as_of: date = LAST) -> DataFrame:
    sold = [("S", product, day, units) for (product, day), units in sales.items()]
    counted = [("S", product, day, *values) for (product, day), values in counts.items()]
    made = mart_demand_forecast_input(
        frame(spark, int_daily_sales, SOLD, *sold),
        frame(spark, fact_inventory_daily, COUNTED, *counted),
        as_of,
        store_ranges=1,
    )
    return shaped(made, table(mart_demand_forecast_input))


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[tuple[str, date], Row]:
    return {(r.product_id, r.observed_on): r for r in featured(spark, *history()).collect()}


def test_every_column_of_every_row_is_what_plain_python_makes_of_the_history(
    rows: dict[tuple[str, date], Row],
) -> None:
    expected = by_hand(*history(), PRODUCTS)
    assert rows.keys() == expected.keys()
    assert len(rows) > 2_000
    for key, row in rows.items():
        found = {k: v for k, v in row.asDict().items() if k not in KEY}
        assert plain(found) == plain(expected[key]), key


def test_sales_of_a_day_or_later_change_no_lagged_column_of_the_day(
    spark: SparkSession, rows: dict[tuple[str, date], Row]
) -> None:
    sales, counts = history()
    day = date(2025, 3, 14)
    other = {k: n for k, n in sales.items() if k[1] < day} | {
        (product, d): 77 for product in ("DAILY", "SELDOM") for d in DAYS if d >= day
    }
    changed = {(r.product_id, r.observed_on): r for r in featured(spark, other, counts).collect()}
    compared = 0
    for key, row in rows.items():
        if key[1] <= day and key in changed:
            compared += 1
            for name in set(row.asDict()) - OBSERVED:
                assert row[name] == changed[key][name], (key, name)
    assert compared > 1_000
    assert changed["DAILY", day].units == 77


def test_a_day_follows_from_itself_and_the_728_before(
    spark: SparkSession, rows: dict[tuple[str, date], Row]
) -> None:
    """What the declared spread reads is enough: the law that incremental equals full."""
    sales, counts = history()
    for day in (DAYS[740], LAST):
        start = day - timedelta(728)
        near = {k: n for k, n in sales.items() if start <= k[1] <= day}
        seen = {k: v for k, v in counts.items() if start <= k[1] <= day}
        made = featured(spark, near, seen, day).where(f"observed_on = DATE'{day}'").collect()
        assert {(r.product_id, day): r for r in made} == {
            k: r for k, r in rows.items() if k[1] == day
        }


def test_what_is_known_of_days_after_the_as_of_day_changes_no_row(
    spark: SparkSession, rows: dict[tuple[str, date], Row]
) -> None:
    """RETURNED was last carried more than a year before this day, and comes back after it."""
    day = DAYS[550]
    made = {(r.product_id, r.observed_on): r for r in featured(spark, *history(), day).collect()}
    assert made == {key: row for key, row in rows.items() if key[1] <= day}
