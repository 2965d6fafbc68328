"""Lag features of every pair of store and product, for demand forecasting."""

from datetime import date
from typing import Annotated

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import by_day, days, expect, table

# A pair is followed for this many days after it was last carried or sold; no window is longer.
REACH = 364
LAGS = (1, 7, 14, 28, REACH)
_PAIR = ("store_id", "product_id")


@table(
    key=("store_id", "product_id", "observed_on"),
    scope=days("observed_on"),
    schema="""
        store_id          STRING NOT NULL COMMENT 'Store',
        product_id        STRING NOT NULL COMMENT 'Product',
        observed_on       DATE NOT NULL COMMENT 'Day d; lagged columns use days before it only',
        units             BIGINT NOT NULL COMMENT 'Observed: units sold on d',
        is_ranged         BOOLEAN COMMENT 'Observed: carried on d; null when nothing was counted that day',
        is_in_stock       BOOLEAN COMMENT 'Observed: d closed with stock; null when the pair was not counted',
        estimated_demand  DECIMAL(18,4) NOT NULL COMMENT 'Observed: units, on a day that closed without stock at least the daily demand of the 28 days before',
        units_lag_1       BIGINT COMMENT 'Units of the day before; lags are null before the pair was known',
        units_lag_7       BIGINT COMMENT 'Units 7 days before',
        units_lag_14      BIGINT COMMENT 'Units 14 days before',
        units_lag_28      BIGINT COMMENT 'Units 28 days before',
        units_lag_364     BIGINT COMMENT 'Units 364 days before: the same weekday a year ago',
        units_sum_7       BIGINT NOT NULL COMMENT 'Units of the 7 days before',
        units_sum_28      BIGINT NOT NULL COMMENT 'Units of the 28 days before',
        units_sum_91      BIGINT NOT NULL COMMENT 'Units of the 91 days before',
        units_std_28      DOUBLE COMMENT 'Population standard deviation of the days covered among the 28 before',
        units_std_91      DOUBLE COMMENT 'Population standard deviation of the days covered among the 91 before',
        coverage_days_91  INT NOT NULL COMMENT 'Days among the 91 before on which the pair was known: shorter windows are partial',
        days_since_sale   INT NOT NULL COMMENT 'Days since the last sale before d, at most 364',
        in_stock_days_28  INT NOT NULL COMMENT 'Days among the 28 before that were carried and closed with stock',
        unit_price        DECIMAL(18,4) COMMENT 'List price on d, known ahead; null when the pair was not counted',
        price_change      DECIMAL(18,4) COMMENT 'unit_price less that of 7 days before; null before the pair was known'
    """,
    expects=[
        expect.stop("units_sum_7 <= units_sum_28 AND units_sum_28 <= units_sum_91", "windows nest")
    ],
    references={"store_id": "dim_store.store_id", "observed_on": "dim_date.calendar_on"},
)
def mart_demand_forecast_input(
    int_daily_sales: Annotated[
        DataFrame, by_day("sold_on", windows=(REACH,), uses=(*_PAIR, "gross_units"))
    ],
    fact_inventory_daily: Annotated[
        DataFrame,
        by_day(
            "snapshot_date",
            windows=(REACH,),
            uses=(*_PAIR, "is_ranged", "is_in_stock", "unit_price", "daily_demand"),
        ),
    ],
    as_of: date,
) -> DataFrame:
    """One row per pair and day, from when the pair is carried or sold until 364 days later.

    All of a row follows from its day and the 364 days before it: the pair is known since it was
    first carried or sold in these, and a day without a sale counts 0 from then on. A count of a
    discontinued product makes no row, but shows in the rows there are. Windows are
    differences of running totals; the deviation is sqrt(n sum(x^2) - sum(x)^2) / n.
    """
    observed = _observed(int_daily_sales, fact_inventory_daily)
    observed = observed.where(F.col("observed_on") <= F.lit(as_of))
    span = (
        observed.where("_seen_on IS NOT NULL")
        .groupBy(*_PAIR)
        .agg(F.min("_seen_on").alias("first"), F.max("_seen_on").alias("last"))
    )
    until = F.least(F.date_add("last", REACH), F.lit(as_of))
    every = span.select(*_PAIR, F.explode(F.sequence("first", until)).alias("observed_on"))
    counted = fact_inventory_daily.select(F.col("snapshot_date").alias("observed_on")).distinct()
    filled = (
        every.join(observed, [*_PAIR, "observed_on"], "left")
        .join(F.broadcast(counted.withColumn("_counted", F.lit(True))), "observed_on", "left")
        .withColumns(
            {
                "units": F.coalesce("units", F.lit(0)).cast("bigint"),
                "is_ranged": F.when(F.col("_counted"), F.coalesce("is_ranged", F.lit(False))),
            }
        )
    )
    return _featured(_with_totals(filled))


def _observed(sales: DataFrame, counts: DataFrame) -> DataFrame:
    """What a day says of a pair; grain: pair and day. ``_seen_on`` is the day if carried or sold."""
    sold = sales.where("gross_units > 0").select(
        *_PAIR, F.col("sold_on").alias("observed_on"), F.col("gross_units").alias("units")
    )
    counted = counts.withColumnRenamed("snapshot_date", "observed_on")
    both = sold.unionByName(counted, allowMissingColumns=True)
    seen = (F.col("units") > 0) | F.col("is_ranged")
    attributes = ("units", "is_ranged", "is_in_stock", "unit_price", "daily_demand")
    return (
        both.groupBy(*_PAIR, "observed_on")
        .agg(*[F.max(name).alias(name) for name in attributes])
        .withColumn("_seen_on", F.when(seen, F.col("observed_on")))
    )


def _with_totals(rows: DataFrame) -> DataFrame:
    """Rows with the running totals of the days before, and the day since which the pair is known."""
    in_time = Window.partitionBy(*_PAIR).orderBy("observed_on")
    before = in_time.rowsBetween(Window.unboundedPreceding, -1)
    onwards = in_time.rowsBetween(Window.currentRow, Window.unboundedFollowing)
    stocked = F.col("is_ranged") & F.col("is_in_stock")

    def total(value: Column) -> Column:
        return F.coalesce(F.sum(value).over(before), F.lit(0))

    totals = rows.withColumns(
        {
            "_units": total(F.col("units")),
            "_squares": total(F.col("units") * F.col("units")),
            "_stocked": total(F.when(stocked, 1).otherwise(0)),
            "_sold_on": F.max(F.when(F.col("units") > 0, F.col("observed_on"))).over(before),
            "_next_on": F.min("_seen_on").over(onwards),
            "_first_on": F.min("observed_on").over(in_time),
        }
    )
    since = F.coalesce(F.lag("_next_on", REACH).over(in_time), "_first_on")
    return totals.withColumn("_known", F.datediff("observed_on", since))


def _featured(rows: DataFrame) -> DataFrame:
    """The declared columns; a pair of which nothing was seen for longer than REACH has no row."""
    in_time = Window.partitionBy(*_PAIR).orderBy("observed_on")

    def window(column: str, length: int) -> Column:
        return F.col(column) - F.coalesce(F.lag(column, length).over(in_time), F.lit(0))

    def deviation(length: int) -> Column:
        n = F.least(F.lit(length), F.col("_known")).cast("bigint")
        units = window("_units", length)
        return F.when(n > 0, F.sqrt(n * window("_squares", length) - units * units) / n)

    lags = {
        f"units_lag_{k}": F.when(F.col("_known") >= k, F.lag("units", k).over(in_time))
        for k in LAGS
    }
    sums = {f"units_sum_{length}": window("_units", length) for length in (7, 28, 91)}
    ago = F.datediff("observed_on", "_sold_on")
    price_before = F.lag("unit_price", 7).over(in_time)
    unmet = F.col("is_ranged") & ~F.col("is_in_stock")
    least = F.coalesce(F.when(unmet, F.col("daily_demand")), F.lit(0))
    return rows.withColumns(
        {
            **lags,
            **sums,
            "units_std_28": deviation(28),
            "units_std_91": deviation(91),
            "coverage_days_91": F.least(F.lit(91), F.col("_known")),
            "days_since_sale": F.least(F.coalesce(ago, F.lit(REACH)), F.lit(REACH)),
            "in_stock_days_28": window("_stocked", 28).cast("int"),
            "price_change": F.when(F.col("_known") >= 7, F.col("unit_price") - price_before).cast(
                "decimal(18,4)"
            ),
            "estimated_demand": F.greatest(F.col("units"), least).cast("decimal(18,4)"),
        }
    ).where("_known >= 0")
