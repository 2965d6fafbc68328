"""Calendars: seasons, holidays and the two fiscal years that retailers keep.

NRF 4-5-4: the year ends on the Saturday nearest 31 January. The other rule ends it on the
Sunday nearest 31 January. Both are named by the calendar year they start in and have 52 or 53
weeks of seven days in months of 4, 5 and 4 weeks; the 53rd falls to the last month.
Source: National Retail Federation, 4-5-4 calendar.
"""

import json
from datetime import date
from typing import Literal

import holidays
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

Rule = Literal["nrf_454", "sunday_nearest"]
# dayofweek() of the day that ends the year: 1 is Sunday, 7 is Saturday.
_ENDS_ON = {"nrf_454": 7, "sunday_nearest": 1}
_MONTH_STARTS = (1, 5, 10, 14, 18, 23, 27, 31, 36, 40, 44, 49)


def fiscal_year_end(calendar_year: Column, rule: Rule) -> Column:
    """The last day of the fiscal year that ends around January of ``calendar_year``."""
    anchor = F.make_date(calendar_year, F.lit(1), F.lit(31))
    step = F.pmod(F.lit(_ENDS_ON[rule]) - F.dayofweek(anchor) + 3, F.lit(7)) - 3
    return F.date_add(anchor, step.cast("int"))


def fiscal_year(day: Column, rule: Rule) -> Column:
    """The fiscal year a day lies in, named by the calendar year in which it starts.

    >>> day = spark.sql("SELECT DATE'2024-02-03' day")  # the last day of a 53-week year
    >>> day.select(fiscal_year(F.col("day"), "nrf_454").alias("year"),
    ...            fiscal_week(F.col("day"), "nrf_454").alias("week")).show()
    +----+----+
    |year|week|
    +----+----+
    |2023|  53|
    +----+----+
    <BLANKLINE>
    """
    year = F.year(day)
    return F.when(day > fiscal_year_end(year, rule), year).otherwise(year - 1)


def fiscal_week(day: Column, rule: Rule) -> Column:
    """The week of the fiscal year, 1 to 53."""
    before = fiscal_year_end(fiscal_year(day, rule), rule)
    return (F.ceil(F.datediff(day, before) / 7)).cast("int")


def fiscal_month(day: Column, rule: Rule) -> Column:
    """The month of the fiscal year, 1 to 12, in the pattern 4-5-4.

    >>> days = spark.sql("SELECT explode(array(DATE'2024-03-02', DATE'2024-03-03')) day")
    >>> days.select("day", fiscal_month(F.col("day"), "nrf_454").alias("month")).show()
    +----------+-----+
    |       day|month|
    +----------+-----+
    |2024-03-02|    1|
    |2024-03-03|    2|
    +----------+-----+
    <BLANKLINE>
    """
    week = fiscal_week(day, rule)
    passed = [F.when(week >= start, 1).otherwise(0) for start in _MONTH_STARTS]
    month = passed[0]
    for one in passed[1:]:
        month = month + one
    return month.cast("int")


def fiscal_week_end(day: Column, rule: Rule) -> Column:
    """The last day of the fiscal week that a day lies in: a Saturday, or a Sunday.

    >>> day = spark.sql("SELECT DATE'2026-06-14' day")  # a Sunday
    >>> day.select(fiscal_week_end(F.col("day"), "nrf_454").alias("saturday"),
    ...            fiscal_week_end(F.col("day"), "sunday_nearest").alias("sunday")).show()
    +----------+----------+
    |  saturday|    sunday|
    +----------+----------+
    |2026-06-20|2026-06-14|
    +----------+----------+
    <BLANKLINE>
    """
    return F.date_add(day, F.pmod(F.lit(_ENDS_ON[rule]) - F.dayofweek(day), F.lit(7)).cast("int"))


def grid(days: DataFrame, column: str, as_of: date, rule: Rule) -> DataFrame:
    """The days on which slow-moving figures are taken; grain: one row per ``grid_on``.

    They are every fiscal week end from the first of ``column`` on, and ``as_of`` itself: a function
    of the data, not of when builds ran.
    """
    last = F.lit(as_of)
    first = fiscal_week_end(F.min(column), rule)
    weekly = F.sequence(first, last, F.expr("INTERVAL 7 DAYS"))
    every = F.concat(
        F.when(first <= last, weekly).otherwise(F.array().cast("array<date>")), F.array(last)
    )
    return days.agg(F.array_distinct(every).alias("days")).select(
        F.explode("days").alias("grid_on")
    )


def season(day: Column) -> Column:
    """The meteorological season of the northern hemisphere.

    >>> day = spark.sql("SELECT DATE'2026-12-25' day")
    >>> day.select(season(F.col("day")).alias("season"),
    ...            holiday(F.col("day"), "US").alias("holiday")).show()
    +------+-------------+
    |season|      holiday|
    +------+-------------+
    |winter|Christmas Day|
    +------+-------------+
    <BLANKLINE>
    """
    names = F.array(*[F.lit(name) for name in ("winter", "spring", "summer", "autumn")])
    return F.element_at(names, (F.floor(F.pmod(F.month(day), F.lit(12)) / 3) + 1).cast("int"))


def holiday(day: Column, country: str) -> Column:
    """The name of the public holiday in ``country`` (ISO code), null on other days."""
    known = holidays.country_holidays(country, years=range(1990, 2051), language="en_US")
    names = json.dumps({str(on): name for on, name in known.items()})
    by_day = F.from_json(F.lit(names), "map<string,string>")
    return F.try_element_at(by_day, day.cast("string"))
