"""Shares in percent."""

from decimal import Decimal

from pyspark.sql import Column
from pyspark.sql import functions as F


def pct(part: Column, whole: Column) -> Column:
    """``part`` in percent of ``whole``, half up to two decimals; null where either is null or whole 0.

    Counted in whole hundredths of a percent: a quotient of decimals keeps but six places, and
    rounding it once more turns 12.3449999 into 12.35.

    >>> rows = spark.sql("SELECT * FROM VALUES (1.00BD, 800.00BD), (-1.00BD, 800.00BD),"
    ...                  " (1234499.99BD, 10000000.00BD), (3.00BD, 0.00BD) AS (part, whole)")
    >>> rows.select("part", "whole", pct(F.col("part"), F.col("whole")).alias("pct")).show()
    +----------+-----------+-----+
    |      part|      whole|  pct|
    +----------+-----------+-----+
    |      1.00|     800.00| 0.13|
    |     -1.00|     800.00|-0.13|
    |1234499.99|10000000.00|12.34|
    |      3.00|       0.00| NULL|
    +----------+-----------+-----+
    <BLANKLINE>
    """
    part, whole = part.cast("decimal(28,4)"), whole.cast("decimal(28,4)")
    twice = F.abs(part) * 20000 + F.abs(whole)
    size = F.call_function("div", twice, F.nullif(F.abs(whole) * 2, F.lit(0)))
    signed = F.when((part < 0) == (whole < 0), size).otherwise(-size)
    return (signed * F.lit(Decimal("0.01"))).cast("decimal(18,2)")
