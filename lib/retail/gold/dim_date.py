"""Days with their calendars."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import NOT_APPLICABLE, UNKNOWN, by_day, setting, table, whole, with_members
from retail.terms import calendar


@table(
    key=("date_key",),
    scope=whole(),
    schema="""
        date_key        INT NOT NULL COMMENT 'yyyymmdd; 0 not yet known, -1 not applicable',
        calendar_on     DATE COMMENT 'The day',
        calendar_year   INT COMMENT 'Year',
        quarter         INT COMMENT 'Quarter, 1 to 4',
        month           INT COMMENT 'Month, 1 to 12',
        month_name      STRING COMMENT 'Month in English',
        iso_week        INT COMMENT 'ISO 8601 week, 1 to 53',
        weekday         INT COMMENT 'ISO weekday, 1 Monday to 7 Sunday',
        weekday_name    STRING COMMENT 'Weekday in English',
        is_weekend      BOOLEAN COMMENT 'Saturday or Sunday',
        holiday         STRING COMMENT 'Public holiday of the source country',
        is_holiday      BOOLEAN COMMENT 'Whether the day is one',
        season          STRING COMMENT 'winter, spring, summer or autumn',
        fiscal_year     INT COMMENT 'Fiscal year by the rule in conf, named by its first day',
        fiscal_month    INT COMMENT 'Fiscal month, 1 to 12 in the pattern 4-5-4',
        fiscal_week     INT COMMENT 'Fiscal week, 1 to 53',
        nrf_454_year    INT COMMENT 'Fiscal year that ends the Saturday nearest 31 January',
        nrf_454_week    INT COMMENT 'Its week, 1 to 53',
        sunday_year     INT COMMENT 'Fiscal year that ends the Sunday nearest 31 January',
        sunday_week     INT COMMENT 'Its week, 1 to 53'
    """,
)
def dim_date(
    stg_transactions: Annotated[DataFrame, by_day("sold_on", uses=("sold_on", "returned_on"))],
    stg_inventory_snapshots: Annotated[DataFrame, by_day("snapshot_date", uses=())],
    holidays: Annotated[str, setting("holidays")],
    fiscal: Annotated[calendar.Rule, setting("fiscal_calendar")],
) -> DataFrame:
    """One row per day of the calendar years in which anything was sold, returned or counted."""
    sold = stg_transactions.agg(
        F.min("sold_on").alias("first"),
        F.greatest(F.max("sold_on"), F.max("returned_on")).alias("last"),
    )
    counted = stg_inventory_snapshots.agg(
        F.min("snapshot_date").alias("first"), F.max("snapshot_date").alias("last")
    )
    first = F.trunc(F.min("first"), "year")
    last = F.make_date(F.year(F.max("last")), F.lit(12), F.lit(31))
    span = sold.unionByName(counted).agg(F.sequence(first, last).alias("days"))
    day = F.col("calendar_on")
    dates = span.select(F.explode("days").alias("calendar_on")).withColumns(
        {
            "date_key": F.date_format(day, "yyyyMMdd").cast("int"),
            "calendar_year": F.year(day),
            "quarter": F.quarter(day),
            "month": F.month(day),
            "month_name": F.date_format(day, "MMMM"),
            "iso_week": F.weekofyear(day),
            "weekday": (F.weekday(day) + 1),
            "weekday_name": F.date_format(day, "EEEE"),
            "is_weekend": F.weekday(day) >= 5,
            "holiday": calendar.holiday(day, holidays),
            "is_holiday": calendar.holiday(day, holidays).isNotNull(),
            "season": calendar.season(day),
            "fiscal_year": calendar.fiscal_year(day, fiscal),
            "fiscal_month": calendar.fiscal_month(day, fiscal),
            "fiscal_week": calendar.fiscal_week(day, fiscal),
            "nrf_454_year": calendar.fiscal_year(day, "nrf_454"),
            "nrf_454_week": calendar.fiscal_week(day, "nrf_454"),
            "sunday_year": calendar.fiscal_year(day, "sunday_nearest"),
            "sunday_week": calendar.fiscal_week(day, "sunday_nearest"),
        }
    )
    return with_members(dates, "date_key", {UNKNOWN: {}, NOT_APPLICABLE: {}})
