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


def line_cost(net_units: Column, unit_cost: Column) -> Column:
    """Cost of the goods that a line kept, half up; null where the cost is unknown."""
    return F.round(net_units * unit_cost, 2).cast("decimal(18,2)")


def line_profit(net_amount: Column, line_cost: Column) -> Column:
    """What is left of a line's money after the cost of its goods; null where that is unknown.

    >>> row = spark.sql("SELECT 3 units, 3.335BD cost, 15.00BD money")
    >>> cost = line_cost(F.col("units"), F.col("cost"))
    >>> row.select(cost.alias("cost"), line_profit(F.col("money"), cost).alias("left")).show()
    +-----+----+
    | cost|left|
    +-----+----+
    |10.01|4.99|
    +-----+----+
    <BLANKLINE>
    """
    return (net_amount - line_cost).cast("decimal(18,2)")
