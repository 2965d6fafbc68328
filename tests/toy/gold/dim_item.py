"""Items with the history of their price."""

from typing import Annotated

from pyspark.sql import DataFrame

from lakehouse import by_key, history, surrogate_key, table, versions

ITEM = history("item_id", tracked=("price",))


@table(
    key=("item_key",),
    scope=ITEM,
    schema="""
        item_key   BIGINT NOT NULL COMMENT 'xxhash64(item_id, valid_from)',
        item_id    STRING NOT NULL COMMENT 'Item',
        price      DECIMAL(18,2) COMMENT 'Price of one',
        label      STRING COMMENT 'Newest text on the shelf',
        valid_from TIMESTAMP NOT NULL COMMENT 'First instant of the version, UTC',
        valid_to   TIMESTAMP NOT NULL COMMENT 'First instant after it',
        is_current BOOLEAN NOT NULL COMMENT 'The open version'
    """,
)
def dim_item(stg_prices: Annotated[DataFrame, by_key("item_id")]) -> DataFrame:
    """One row per item and version."""
    key = surrogate_key("item_id", "valid_from")
    return versions(stg_prices, ITEM).withColumn("item_key", key)
