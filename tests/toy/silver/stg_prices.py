"""Price events, judged."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, conform, keys, sequence, table
from toy.contracts import PRICES


@table(
    key=("item_id", "sequence"),
    scope=keys("item_id"),
    ties="quarantine",
    schema="""
        item_id   STRING NOT NULL COMMENT 'Item',
        price     DECIMAL(18,2) COMMENT 'Price of one',
        label     STRING COMMENT 'Text on the shelf',
        sequence  TIMESTAMP NOT NULL COMMENT 'When the price became true, UTC',
        operation STRING NOT NULL COMMENT 'upsert'
    """,
)
def stg_prices(raw_prices: Annotated[DataFrame, by_key("item_id")]) -> DataFrame:
    """One row per item and price event."""
    events = conform(raw_prices, PRICES)
    return events.withColumns(
        {"sequence": sequence(F.col("updated_at")), "operation": F.lit("upsert")}
    )
