"""Sales, judged; moved between days by later records."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, conform, expect, keys, sequence, table
from toy.contracts import SALES


@table(
    key=("sale_id",),
    scope=keys("sale_id", partitioned_by="sold_on"),
    newest=("sequence",),
    schema="""
        sale_id  STRING NOT NULL COMMENT 'Sale',
        item_id  STRING COMMENT 'Item sold',
        sold_on  DATE NOT NULL COMMENT 'Day of the sale',
        amount   DECIMAL(18,2) COMMENT 'Money taken',
        sequence TIMESTAMP NOT NULL COMMENT 'When the record was written, UTC'
    """,
    expects=[
        expect.quarantine("amount >= {least_amount}", "amount is not negative"),
        expect.warn("item_id IN (SELECT item_id FROM stg_prices)", "item_id has a price"),
        expect.stop("count(DISTINCT item_id) <= 20", "few items are sold"),
    ],
    measures={"amount": "amount"},
)
def stg_sales(raw_sales: Annotated[DataFrame, by_key("sale_id")]) -> DataFrame:
    """One row per sale, in its newest state."""
    return conform(raw_sales, SALES).withColumn("sequence", sequence(F.col("updated_at")))
