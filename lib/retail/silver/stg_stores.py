"""Store events, judged and typed."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, conform, expect, keys, setting, snapshot_events, table
from retail.contracts import STORES
from retail.terms import events


@table(
    key=("store_id", *events.SEQUENCE),
    scope=keys("store_id"),
    ties="quarantine",
    schema="""
        store_id STRING NOT NULL COMMENT 'Store or node, as STR-0001',
        store_name STRING COMMENT 'Name of the store',
        store_type STRING COMMENT 'retail, distribution_center or fulfillment_center',
        address STRING COMMENT 'Street address',
        city STRING COMMENT 'City',
        state STRING COMMENT 'Two-letter state',
        zip_code STRING COMMENT 'Postal code',
        region STRING COMMENT 'Sales region',
        latitude DOUBLE COMMENT 'Degrees north',
        longitude DOUBLE COMMENT 'Degrees east',
        opened_date DATE COMMENT 'First day of business',
        square_footage INT COMMENT 'Selling area in square feet',
        is_active BOOLEAN NOT NULL COMMENT 'False once closed',
        updated_at TIMESTAMP COMMENT 'When this state became true, UTC',
        sequence  TIMESTAMP NOT NULL COMMENT 'When the event happened, UTC',
        event_no  BIGINT NOT NULL COMMENT 'Order of events of one instant; 0 where the source has none',
        operation STRING NOT NULL COMMENT 'upsert or delete'
    """,
    expects=[
        expect.quarantine("store_id RLIKE {ids.store_id}", "store_id is well-formed"),
        *events.RULES,
    ],
    landed_key=events.LANDED_KEY,
)
def stg_stores(
    raw_stores: Annotated[DataFrame, by_key("store_id")],
    snapshots: Annotated[bool, setting("snapshots.stores")],
) -> DataFrame:
    """One row per store and change event, the full state as the event left it."""
    landed = conform(raw_stores, STORES)
    log = snapshot_events(landed, "store_id") if snapshots else landed
    typed = events.event_log(log, STORES, "store_id")
    return typed.withColumn("is_active", F.coalesce("is_active", F.lit(True)))
