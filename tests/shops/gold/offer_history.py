"""Offers with the history of price and cost."""

from typing import Annotated

from pyspark.sql import DataFrame

from lakehouse import by_key, history, surrogate_key, table, versions

OFFER = history(
    "shop_id",
    "item_id",
    tracked=("price", "cost"),
    last_known=("cost", "note"),
    sequence=("changed_at", "event_no"),
)


@table(
    key=("offer_key",),
    scope=OFFER,
    schema="""
        offer_key  BIGINT NOT NULL COMMENT 'xxhash64(shop_id, item_id, valid_from)',
        shop_id    STRING NOT NULL COMMENT 'Shop',
        item_id    STRING NOT NULL COMMENT 'Item',
        price      INT COMMENT 'Price of one',
        cost       INT COMMENT 'Cost of one',
        label      STRING COMMENT 'Newest text on the shelf',
        note       STRING COMMENT 'Newest remark',
        valid_from TIMESTAMP NOT NULL COMMENT 'First instant of the version, UTC',
        valid_to   TIMESTAMP NOT NULL COMMENT 'First instant after it',
        is_current BOOLEAN NOT NULL COMMENT 'The open version'
    """,
)
def offer_history(
    stg_offers: Annotated[DataFrame, by_key("shop_id", "item_id")],
) -> DataFrame:
    """One row per shop, item and version."""
    key = surrogate_key("shop_id", "item_id", "valid_from")
    return versions(stg_offers, OFFER).withColumn("offer_key", key)
