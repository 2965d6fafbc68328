"""Sales with the price of their day."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, by_version, days, table


@table(
    key=("sale_id",),
    scope=days("sold_on", rows_by=("sale_id",)),
    schema="""
        sale_id STRING NOT NULL COMMENT 'Sale',
        sold_on DATE NOT NULL COMMENT 'Day of the sale',
        item_id STRING COMMENT 'Item sold',
        amount  DECIMAL(18,2) COMMENT 'Money taken',
        price   DECIMAL(18,2) COMMENT 'Price valid on the day; null for an unknown item'
    """,
    references={"item_id": "dim_item.item_id"},
)
def fact_sale(
    stg_sales: Annotated[DataFrame, by_day("sold_on", uses=("sale_id", "item_id", "amount"))],
    dim_item: Annotated[DataFrame, by_version("item_id", at="sold_on", uses=("price",))],
) -> DataFrame:
    """One row per sale."""
    item = dim_item.withColumnRenamed("item_id", "_id")
    valid = F.expr("item_id = _id AND sold_on >= valid_from AND sold_on < valid_to")
    return stg_sales.join(item, valid, "left").drop("_id", "valid_from", "valid_to")
