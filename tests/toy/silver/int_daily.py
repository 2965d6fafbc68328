"""Sales a day."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, conserved, days, expect, table


@table(
    key=("sold_on",),
    scope=days("sold_on"),
    schema="""
        sold_on DATE NOT NULL COMMENT 'Day',
        amount  DECIMAL(28,2) NOT NULL COMMENT 'Money taken'
    """,
    expects=[
        expect.stop("amount < 1000", "a day takes less than a thousand"),
        expect.warn("amount < 500", "a day takes less than five hundred"),
    ],
    conserves=[conserved("sum(amount)", "silver.stg_sales", "sum(amount)", by="sold_on")],
)
def int_daily(
    stg_sales: Annotated[DataFrame, by_day("sold_on", uses=("amount",))],
) -> DataFrame:
    """One row per day with a sale."""
    return stg_sales.groupBy("sold_on").agg(F.sum("amount").alias("amount"))
