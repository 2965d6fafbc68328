"""Lag features of every pair of store and product, for demand forecasting."""

from datetime import date
from typing import Annotated

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import by_day, carry, expect, setting, table
from retail.kernels.demand_features import LAGS, demand_features
from retail.kernels.demand_state import BITS, REACH
from retail.terms.layout import store_range
from retail.terms.stock import demand_status, estimated_demand

_PAIR = ("store_id", "product_id")


@table(
    key=("store_id", "product_id", "observed_on"),
    scope=carry(
        "observed_on", within="store_range", kernel=demand_features, kept="features.kept_days"
    ),
    schema="""
        store_id          STRING NOT NULL COMMENT 'Store',
        product_id        STRING NOT NULL COMMENT 'Product',
        observed_on       DATE NOT NULL COMMENT 'Day d; lagged columns use days before it only',
        store_range       INT NOT NULL COMMENT 'Stores that lie together in files',
        demand_status     STRING COMMENT 'Observed: sold, true_zero, out_of_stock or not_ranged; null when nothing was sold, and on d nothing counted at all',
        units             INT NOT NULL COMMENT 'Observed: units sold on d',
        is_ranged         BOOLEAN COMMENT 'Observed: carried on d; null when nothing was counted that day',
        is_in_stock       BOOLEAN COMMENT 'Observed: d closed with stock; null when the pair was not counted',
        estimated_demand  DECIMAL(18,4) NOT NULL COMMENT 'Observed: units, on a day that closed without stock at least the daily demand of the 28 days before',
        units_lag_1       INT COMMENT 'Units of the day before; lags are null before the pair was known',
        units_lag_7       INT COMMENT 'Units 7 days before',
        units_lag_14      INT COMMENT 'Units 14 days before',
        units_lag_28      INT COMMENT 'Units 28 days before',
        units_lag_364     INT COMMENT 'Units 364 days before: the same weekday a year ago',
        units_sum_7       INT NOT NULL COMMENT 'Units of the 7 days before',
        units_sum_28      INT NOT NULL COMMENT 'Units of the 28 days before',
        units_sum_91      INT NOT NULL COMMENT 'Units of the 91 days before',
        units_squares_28  BIGINT NOT NULL COMMENT 'Sum of the squared units of the 28 days before',
        units_squares_91  BIGINT NOT NULL COMMENT 'Sum of the squared units of the 91 days before',
        units_std_28      DOUBLE COMMENT 'Population standard deviation over coverage_days_28',
        units_std_91      DOUBLE COMMENT 'Population standard deviation over coverage_days_91',
        coverage_days_28  INT NOT NULL COMMENT 'Days among the 28 before on which the pair was known and data landed: windows may be partial',
        coverage_days_91  INT NOT NULL COMMENT 'The same among the 91 before',
        known_days        INT NOT NULL COMMENT 'Days before d since which the pair has had rows, at most 364',
        unseen_days       INT NOT NULL COMMENT 'Days since the pair was last carried or sold, 0 on d itself',
        sold_days_63      BIGINT NOT NULL COMMENT 'Bits: that of 2^(n - 1) is set where the pair sold n days before; bit_count tells how many days',
        days_since_sale   INT NOT NULL COMMENT 'Days since the last sale before d; 64 where the 63 days before have none',
        in_stock_days_28  INT NOT NULL COMMENT 'Days among the 28 before that were carried and closed with stock',
        in_stock_units_28 INT NOT NULL COMMENT 'Units of these days: no stock-out hid demand on them',
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
        DataFrame, by_day("sold_on", windows=(2 * REACH,), uses=(*_PAIR, "gross_units"))
    ],
    fact_inventory_daily: Annotated[
        DataFrame,
        by_day(
            "snapshot_date",
            windows=(2 * REACH,),
            uses=(*_PAIR, "is_ranged", "is_in_stock", "unit_price", "daily_demand"),
        ),
    ],
    as_of: date,
    store_ranges: Annotated[int, setting("layout.store_ranges")],
) -> DataFrame:
    """One row per pair and day, from when the pair is carried or sold until 364 days later.

    A pair not carried or sold for longer is forgotten, and known anew when it comes back. While
    it is known, a day without a sale counts 0. All of a row follows from its day and the 728
    before: of the 364th the 364 before tell whether it had a row. A count of a discontinued product
    makes no row, but shows in the rows there are. Windows are differences of running totals;
    the deviation is sqrt(n sum(x^2) - sum(x)^2) / n.
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
    filled = every.join(observed, [*_PAIR, "observed_on"], "left").withColumn(
        "units", F.coalesce("units", F.lit(0)).cast("int")
    )
    landed = _landed(int_daily_sales, fact_inventory_daily)
    rows = _featured(_with_totals(filled.join(F.broadcast(landed), "observed_on", "left")))
    return rows.withColumn("store_range", store_range(F.col("store_id"), store_ranges))


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


def _landed(sales: DataFrame, counts: DataFrame) -> DataFrame:
    """The days of which anything is known, and whether stock was counted; grain: day."""
    days = sales.select(F.col("sold_on").alias("observed_on"), F.lit(False).alias("_counted"))
    counted = counts.select("snapshot_date", F.lit(True))
    return days.union(counted).groupBy("observed_on").agg(F.max("_counted").alias("_counted"))


def _with_totals(rows: DataFrame) -> DataFrame:
    """Rows with the running totals of the days before, and the day since which the pair is known."""
    in_time = Window.partitionBy(*_PAIR).orderBy("observed_on")
    before = in_time.rowsBetween(Window.unboundedPreceding, -1)
    so_far = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    stocked = F.col("is_ranged") & F.col("is_in_stock")
    units = F.col("units").cast("bigint")

    def total(value: Column) -> Column:
        return F.coalesce(F.sum(value).over(before), F.lit(0))

    totals = rows.withColumns(
        {
            "_units": total(units),
            "_squares": total(units * units),
            "_stocked": total(F.when(stocked, 1).otherwise(0)),
            "_stocked_units": total(F.when(stocked, units).otherwise(0)),
            "_landed": total(F.when(F.col("_counted").isNotNull(), 1).otherwise(0)),
            "_sold_on": F.max(F.when(F.col("units") > 0, F.col("observed_on"))).over(before),
            "_sold_days": F.collect_list(F.when(F.col("units") > 0, F.col("observed_on"))).over(
                in_time.rowsBetween(-BITS, -1)
            ),
            "_seen_before_on": F.max("_seen_on").over(before),
        }
    )
    away = F.datediff("_seen_on", "_seen_before_on")
    starts = F.col("_seen_on").isNotNull() & (away.isNull() | (away > REACH + 1))
    return totals.withColumns(
        {
            "_known_on": F.max(F.when(starts, F.col("observed_on"))).over(so_far),
            "_landed_until_known": F.max(F.when(starts, F.col("_landed"))).over(so_far),
        }
    ).withColumn("_known", F.datediff("observed_on", "_known_on"))


def _bit(ago: Column) -> Column:
    """The whole number with the bit of so many days ago."""
    return F.call_function("shiftleft", F.lit(1).cast("bigint"), ago - 1)


def _featured(rows: DataFrame) -> DataFrame:
    """The declared columns; a pair of which nothing was seen for longer than REACH has no row."""
    in_time = Window.partitionBy(*_PAIR).orderBy("observed_on")

    def window(column: str, length: int, kind: str = "int") -> Column:
        before = F.coalesce(F.lag(column, length).over(in_time), F.lit(0))
        return (F.col(column) - before).cast(kind)

    def covered(length: int) -> Column:
        before = F.when(F.col("_known") >= length, F.lag("_landed", length).over(in_time))
        return (F.col("_landed") - F.coalesce(before, "_landed_until_known")).cast("int")

    def deviation(length: int) -> Column:
        n = F.col(f"coverage_days_{length}").cast("bigint")
        units = F.col(f"units_sum_{length}").cast("bigint")
        return F.when(n > 0, F.sqrt(n * F.col(f"units_squares_{length}") - units * units) / n)

    lags = {
        f"units_lag_{k}": F.when(F.col("_known") >= k, F.lag("units", k).over(in_time))
        for k in LAGS
    }
    seen_on = F.coalesce("_seen_on", "_seen_before_on")
    price_before = F.lag("unit_price", 7).over(in_time)
    is_ranged = F.when(F.col("_counted"), F.coalesce("is_ranged", F.lit(False)))
    since_sale = F.coalesce(F.datediff("observed_on", "_sold_on"), F.lit(BITS + 1))
    sold_days = F.aggregate(
        "_sold_days",
        F.lit(0).cast("bigint"),
        lambda bits, day: bits + _bit(F.datediff("observed_on", day)),
    )
    change = F.when(F.col("_known") >= 7, F.col("unit_price") - price_before)
    windows = rows.withColumns(
        {
            **lags,
            **{f"units_sum_{length}": window("_units", length) for length in (7, 28, 91)},
            **{f"units_squares_{n}": window("_squares", n, "bigint") for n in (28, 91)},
            "in_stock_days_28": window("_stocked", 28),
            "in_stock_units_28": window("_stocked_units", 28),
            **{f"coverage_days_{length}": covered(length) for length in (28, 91)},
            "known_days": F.least("_known", F.lit(REACH)),
            "unseen_days": F.datediff("observed_on", seen_on),
            "sold_days_63": sold_days,
            "days_since_sale": F.least(since_sale, F.lit(BITS + 1)),
            "price_change": change.cast("decimal(18,4)"),
            "is_ranged": is_ranged,
        }
    )
    kept = windows.where(F.col("unseen_days") <= REACH).withColumns(
        {f"units_std_{length}": deviation(length) for length in (28, 91)}
    )
    return kept.withColumns(
        {"demand_status": demand_status(), "estimated_demand": estimated_demand()}
    )
