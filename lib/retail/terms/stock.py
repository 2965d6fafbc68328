"""Stock: how long it lasts, and what state a pair of store and product is in."""

from pyspark.sql import Column
from pyspark.sql import functions as F

# The days before a day over which demand is looked at.
WINDOW_DAYS = 28


def daily_demand() -> Column:
    """Units a day while there was stock: units_28d / in_stock_days_28d; null without either.

    Days without stock say nothing of demand, so they are left out of the divisor.

    >>> row = spark.sql("SELECT 12L units_28d, 24 in_stock_days_28d")
    >>> row.select(daily_demand().alias("daily")).show()
    +------+
    | daily|
    +------+
    |0.5000|
    +------+
    <BLANKLINE>
    """
    known = (F.col("units_28d") > 0) & (F.col("in_stock_days_28d") > 0)
    units = F.col("units_28d").cast("decimal(18,0)")
    days = F.when(known, F.col("in_stock_days_28d")).cast("decimal(9,0)")
    return F.round(units / days, 4).cast("decimal(18,4)")


def days_of_supply() -> Column:
    """Days that the available units last at daily_demand, 0 where none are; null without sales.

    >>> rows = spark.sql("SELECT explode(array(9, -2)) quantity_available,"
    ...                  " 12L units_28d, 24 in_stock_days_28d")
    >>> rows.select("quantity_available", days_of_supply().alias("days")).show()
    +------------------+----+
    |quantity_available|days|
    +------------------+----+
    |                 9|18.0|
    |                -2| 0.0|
    +------------------+----+
    <BLANKLINE>
    """
    known = (F.col("units_28d") > 0) & (F.col("in_stock_days_28d") > 0)
    units = F.greatest(F.col("quantity_available"), F.lit(0)).cast("decimal(18,0)")
    lasting = units * F.col("in_stock_days_28d") / F.when(known, F.col("units_28d"))
    return F.round(lasting, 1).cast("decimal(18,1)")


def stock_status(overstocked_days: int) -> Column:
    """The first status that fits, in the order below; ``overstocked_days`` limits days_of_supply.

    >>> row = spark.sql("SELECT 3 quantity_available, 3 safety_stock, 9 reorder_point,"
    ...                 " 12L units_28d, 2.0BD days_of_supply")
    >>> row.select(stock_status(60).alias("status")).show()
    +--------+
    |  status|
    +--------+
    |critical|
    +--------+
    <BLANKLINE>
    """
    available = F.col("quantity_available")
    return (
        F.when(available <= 0, "out_of_stock")
        .when(available <= F.col("safety_stock"), "critical")
        .when(available <= F.col("reorder_point"), "low")
        .when(F.col("units_28d") <= 0, "no_movement")
        .when(F.col("days_of_supply") > overstocked_days, "overstocked")
        .otherwise("healthy")
    )


def demand_status() -> Column:
    """What a day says of the demand for a pair; null where nothing was sold and nothing counted.

    ``is_in_stock`` tells of the close: a day that ended without stock may have sold before, and yet
    what it sold is less than was asked for, so it counts as out of stock.

    >>> rows = spark.sql("SELECT * FROM VALUES (2, true, true), (0, true, true), (2, true, false),"
    ...                  " (0, false, null), (1, null, null), (0, null, null)"
    ...                  " AS t(units, is_ranged, is_in_stock)")
    >>> rows.select("*", demand_status().alias("status")).show()
    +-----+---------+-----------+------------+
    |units|is_ranged|is_in_stock|      status|
    +-----+---------+-----------+------------+
    |    2|     true|       true|        sold|
    |    0|     true|       true|   true_zero|
    |    2|     true|      false|out_of_stock|
    |    0|    false|       NULL|  not_ranged|
    |    1|     NULL|       NULL|        sold|
    |    0|     NULL|       NULL|        NULL|
    +-----+---------+-----------+------------+
    <BLANKLINE>
    """
    return (
        F.when(F.col("is_ranged") & ~F.col("is_in_stock"), "out_of_stock")
        .when(F.col("units") > 0, "sold")
        .when(F.col("is_ranged"), "true_zero")
        .when(~F.col("is_ranged"), "not_ranged")
    )


def estimated_demand() -> Column:
    """Units asked for: those sold, and on a day that ended without stock at least daily_demand.

    Sales of a stocked-out day are demand cut off at the stock, so they are replaced by the mean of
    the days that were not cut off, unless they are more: Conrad, Sales Data and the Estimation of
    Demand (Operational Research Quarterly 27, 1976); that taking them as they are is biased low,
    Wecker, Predicting Demand from Sales Data in the Presence of Stockouts (Management Science 24,
    1978).

    >>> rows = spark.sql("SELECT * FROM VALUES (1, true, false, 2.5BD), (4, true, false, 2.5BD),"
    ...                  " (0, true, true, 2.5BD) AS t(units, is_ranged, is_in_stock, daily_demand)")
    >>> rows.select("units", estimated_demand().alias("estimated")).show()
    +-----+---------+
    |units|estimated|
    +-----+---------+
    |    1|   2.5000|
    |    4|   4.0000|
    |    0|   0.0000|
    +-----+---------+
    <BLANKLINE>
    """
    hidden = F.when(F.col("is_ranged") & ~F.col("is_in_stock"), F.col("daily_demand"))
    return F.greatest("units", F.coalesce(hidden, F.lit(0))).cast("decimal(18,4)")
