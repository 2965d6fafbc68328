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
