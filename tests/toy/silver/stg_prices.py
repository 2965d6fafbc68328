"""Price events, judged."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, conform, keys, sequence, setting, snapshot_events, table
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
        operation STRING NOT NULL COMMENT 'upsert or delete'
    """,
)
def stg_prices(
    raw_prices: Annotated[DataFrame, by_key("item_id")],
    snapshots: Annotated[bool, setting("snapshots.prices")],
) -> DataFrame:
    """One row per item and price event."""
    records = conform(raw_prices, PRICES).withColumn("_operation", F.lit("upsert"))
    events = snapshot_events(records, "item_id") if snapshots else records
    return events.withColumns(
        {"sequence": sequence(F.col("updated_at")), "operation": F.col("_operation")}
    )
