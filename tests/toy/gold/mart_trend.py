"""Sales over the last days."""

from datetime import date
from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, days, setting, table


@table(
    key=("sold_on",),
    scope=days("sold_on"),
    schema="""
        sold_on DATE NOT NULL COMMENT 'Day',
        amount  DECIMAL(28,2) NOT NULL COMMENT 'Money taken on the day and the two before, scaled'
    """,
)
def mart_trend(
    int_daily: Annotated[DataFrame, by_day("sold_on", windows=(2,))],
    factor: Annotated[int, setting("factor")],
    as_of: date,
) -> DataFrame:
    """One row per day that has a sale, or had one in the two days before."""
    reached = F.explode(F.array(*[F.date_add("sold_on", step) for step in range(3)]))
    spread = int_daily.select(reached.alias("sold_on"), "amount")
    total = (F.sum("amount") * factor).cast("decimal(28,2)").alias("amount")
    return spread.groupBy("sold_on").agg(total).where(F.col("sold_on") <= F.lit(as_of))
