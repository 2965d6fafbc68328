"""Offer events, judged."""

from typing import Annotated

from pyspark.sql import DataFrame

from lakehouse import by_key, conform, keys, table
from shops.contracts import OFFERS


@table(
    key=("shop_id", "item_id", "changed_at", "event_no"),
    scope=keys("shop_id", "item_id"),
    ties="quarantine",
    schema="""
        shop_id    STRING NOT NULL COMMENT 'Shop',
        item_id    STRING NOT NULL COMMENT 'Item',
        price      INT COMMENT 'Price of one',
        cost       INT COMMENT 'Cost of one; null when it is as before',
        label      STRING COMMENT 'Text on the shelf',
        note       STRING COMMENT 'Remark; null when it is as before',
        changed_at TIMESTAMP NOT NULL COMMENT 'When it became true, UTC',
        event_no   BIGINT NOT NULL COMMENT 'Order within an instant',
        operation  STRING NOT NULL COMMENT 'upsert or delete'
    """,
)
def stg_offers(raw_offers: Annotated[DataFrame, by_key("shop_id", "item_id")]) -> DataFrame:
    """One row per shop, item and event."""
    return conform(raw_offers, OFFERS)
