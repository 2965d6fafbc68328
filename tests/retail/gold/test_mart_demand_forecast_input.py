"""Lag features: against plain Python over a long history, without a look ahead, incrementally equal."""

import random
from datetime import date, timedelta
from statistics import pstdev
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from rows import frame, table

from lakehouse.write import shaped
from retail.gold.fact_inventory_daily import fact_inventory_daily
from retail.gold.mart_demand_forecast_input import mart_demand_forecast_input
from retail.silver.int_daily_sales import int_daily_sales

SOLD = "store_id product_id sold_on gross_units"
COUNTED = "store_id product_id snapshot_date is_ranged is_in_stock unit_price daily_demand"
FIRST, LAST = date(2024, 1, 1), date(2026, 1, 31)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
OBSERVED = {"store_id", "product_id", "observed_on", "units", "is_ranged", "is_in_stock",
            "estimated_demand", "unit_price", "price_change"}  # fmt: skip

Sales = dict[tuple[str, date], int]
Counts = dict[tuple[str, date], tuple[bool, bool, int, float]]


def history() -> tuple[Sales, Counts]:
    """Pairs of every kind: sold daily, seldom, ranged late, discontinued, gone for over a year."""
    luck = random.Random(11)
    sales: Sales = {}
    counts: Counts = {}
    for product, chance, carried in (
        ("DAILY", 0.8, range(0, 762)),
        ("SELDOM", 0.02, range(300, 762)),
        ("STOPPED", 0.3, range(0, 200)),
        ("RETURNED", 0.4, [*range(0, 40), *range(600, 650)]),
        ("UNCOUNTED", 0.1, range(0)),
    ):
        for number in carried:
            counts[product, DAYS[number]] = (
                luck.random() < 0.95, luck.random() < 0.9, luck.choice([5, 7]), 1.5
            )  # fmt: skip
        for number in carried or range(100, 120):
            if luck.random() < chance:
                sales[product, DAYS[number]] = luck.randint(0, 9)
    # Counted every day, carried at first and at last, and sold out for a while in between.
    for number, day in enumerate(DAYS):
        carried = number < 100 or number >= 612
        counts["LEFTOVERS", day] = carried, luck.random() < 0.9, luck.choice([5, 7]), 1.5
        if luck.random() < (0.3 if number < 120 else 0.02 * carried):
            sales["LEFTOVERS", day] = luck.randint(1, 9)
    return sales, counts


def featured(spark: SparkSession, sales: Sales, counts: Counts, as_of: date = LAST) -> DataFrame:
    sold = [("S", product, day, units) for (product, day), units in sales.items()]
    counted = [("S", product, day, *values) for (product, day), values in counts.items()]
    made = mart_demand_forecast_input(
        frame(spark, int_daily_sales, SOLD, *sold),
        frame(spark, fact_inventory_daily, COUNTED, *counted),
        as_of,
    )
    return shaped(made, table(mart_demand_forecast_input))


def by_hand(sales: Sales, counts: Counts, product: str, day: date) -> dict[str, Any] | None:
    """A row as the docstring says it, day by day in plain Python; None where there is none."""

    def ago(days: int) -> date:
        return day - timedelta(days)

    def event(on: date) -> bool:
        return sales.get((product, on), 0) > 0 or counts.get((product, on), (False,))[0]

    known = max((n for n in range(365) if event(ago(n))), default=-1)
    if known < 0:
        return None

    def units(days: int) -> int:
        return sales.get((product, ago(days)), 0)

    def count(days: int) -> tuple[Any, ...]:
        return counts.get((product, ago(days)), ())

    def deviation(length: int) -> float | None:
        covered = [units(n) for n in range(1, min(length, known) + 1)]
        return pstdev(covered) if covered else None

    today = count(0)
    price, before = (today[2] if today else None), count(7) if known >= 7 else ()
    is_ranged = bool(today and today[0]) if any(d == day for _, d in counts) else None
    stock_out = bool(today) and today[0] and not today[1]
    return {
        "units": units(0),
        "is_ranged": is_ranged,
        "is_in_stock": today[1] if today else None,
        "estimated_demand": max(units(0), today[3] if stock_out else 0),
        **{f"units_lag_{k}": units(k) if known >= k else None for k in (1, 7, 14, 28, 364)},
        **{f"units_sum_{w}": sum(units(n) for n in range(1, w + 1)) for w in (7, 28, 91)},
        "units_std_28": deviation(28),
        "units_std_91": deviation(91),
        "coverage_days_91": min(91, known),
        "days_since_sale": next((n for n in range(1, 365) if units(n) > 0), 364),
        "in_stock_days_28": sum(bool(c and c[0] and c[1]) for c in map(count, range(1, 29))),
        "unit_price": price,
        "price_change": price - before[2] if price is not None and before else None,
    }


def values(row: Row) -> dict[str, Any]:
    found = row.asDict()
    return {k: v for k, v in found.items() if k not in ("store_id", "product_id", "observed_on")}


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[tuple[str, date], Row]:
    return {(r.product_id, r.observed_on): r for r in featured(spark, *history()).collect()}


def test_every_column_of_every_row_is_what_plain_python_makes_of_the_history(
    rows: dict[tuple[str, date], Row],
) -> None:
    sales, counts = history()
    there = 0
    for product in ("DAILY", "SELDOM", "STOPPED", "RETURNED", "UNCOUNTED", "LEFTOVERS"):
        for day in DAYS:
            expected = by_hand(sales, counts, product, day)
            row = rows.get((product, day))
            assert (row is None) == (expected is None), (product, day)
            if row is not None and expected is not None:
                there += 1
                found = {k: float(v) if v is not None else None for k, v in values(row).items()}
                wanted = {
                    k: pytest.approx(float(v)) if v is not None else None
                    for k, v in expected.items()
                }
                assert found == wanted, (product, day)
    assert there == len(rows) > 2_000


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


def test_a_day_follows_from_itself_and_the_364_before(
    spark: SparkSession, rows: dict[tuple[str, date], Row]
) -> None:
    """What the declared spread reads is enough: the law that incremental equals full."""
    sales, counts = history()
    for day in (date(2025, 1, 1), date(2025, 9, 7), LAST):
        start = day - timedelta(364)
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
