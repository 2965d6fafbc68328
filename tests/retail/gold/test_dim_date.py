"""Days and their calendars, held against published years of 53 weeks."""

from datetime import date, timedelta

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rows import assert_rows, frame

from retail.gold.dim_date import dim_date
from retail.silver.stg_inventory_snapshots import stg_inventory_snapshots
from retail.silver.stg_transactions import stg_transactions
from retail.terms import calendar

# Of 2000 to 2030: https://nrf.com/resources/4-5-4-calendar, and by hand for the Sunday rule.
LONG_YEARS = {
    "nrf_454": {2000, 2006, 2012, 2017, 2023, 2028},
    "sunday_nearest": {2001, 2007, 2012, 2018, 2024, 2029},
}


def test_days_of_the_years_in_which_anything_was_sold_or_counted(spark: SparkSession) -> None:
    sales = frame(
        spark,
        stg_transactions,
        "sold_on returned_on",
        ("2025-12-31", None),
        ("2025-07-04", "2026-01-02"),
    )
    counts = frame(spark, stg_inventory_snapshots, "snapshot_date", ("2027-01-01",))
    days = dim_date(sales, counts, "US", "nrf_454")
    assert days.count() == 365 + 365 + 365 + 2
    assert_rows(
        days.where("date_key IN (0, -1, 20250704, 20260131, 20260201)"),
        dim_date,
        "date_key calendar_on calendar_year quarter month_name iso_week weekday weekday_name"
        " is_weekend holiday is_holiday season fiscal_year fiscal_month fiscal_week sunday_year",
        (0, *[None] * 15),
        (-1, *[None] * 15),
        (20250704, "2025-07-04", 2025, 3, "July", 27, 5, "Friday", False, "Independence Day", True,
         "summer", 2025, 5, 22, 2025),
        (20260131, "2026-01-31", 2026, 1, "January", 5, 6, "Saturday", True, None, False,
         "winter", 2025, 12, 52, 2025),
        (20260201, "2026-02-01", 2026, 1, "February", 5, 7, "Sunday", True, None, False,
         "winter", 2026, 1, 1, 2025),
    )  # fmt: skip


@pytest.mark.parametrize("rule", ["nrf_454", "sunday_nearest"])
def test_fiscal_years_of_53_weeks(spark: SparkSession, rule: calendar.Rule) -> None:
    """Every day of 31 years, against a count in plain Python."""
    last_weekday = {"nrf_454": 5, "sunday_nearest": 6}[rule]  # date.weekday()

    def end(year: int) -> date:
        near = [date(year, 1, 31) + timedelta(n) for n in range(-3, 4)]
        return next(day for day in near if day.weekday() == last_weekday)

    days = spark.sql("SELECT explode(sequence(DATE'2000-03-01', DATE'2031-03-01')) AS day")
    found = days.select(
        "day",
        calendar.fiscal_year(F.col("day"), rule).alias("year"),
        calendar.fiscal_week(F.col("day"), rule).alias("week"),
        calendar.fiscal_month(F.col("day"), rule).alias("month"),
    ).collect()
    starts = [0, 4, 9, 13, 17, 22, 26, 30, 35, 39, 43, 48]
    for row in found:
        year = row.day.year if row.day > end(row.day.year) else row.day.year - 1
        week = (row.day - end(year)).days - 1
        month = sum(week // 7 >= start for start in starts)
        assert (row.year, row.week, row.month) == (year, week // 7 + 1, month), row.day
    assert {row.year for row in found if row.week == 53} == LONG_YEARS[rule]
