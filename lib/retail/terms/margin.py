"""Margin: what is left of a price after the cost of the goods."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from retail.terms.share import pct


def gross_margin() -> Column:
    """Price less cost of one unit; null where either is unknown."""
    return (F.col("unit_price") - F.col("unit_cost")).cast("decimal(18,4)")


def margin_pct() -> Column:
    """Margin as a percentage of the price; null at price 0.

    >>> row = spark.sql("SELECT 8.00BD unit_price, 6.00BD unit_cost")
    >>> row.select(margin_pct().alias("margin_pct")).show()
    +----------+
    |margin_pct|
    +----------+
    |     25.00|
    +----------+
    <BLANKLINE>
    """
    return pct(gross_margin(), F.col("unit_price"))
