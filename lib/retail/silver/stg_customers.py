"""Customer events, judged and typed."""

from typing import Annotated

from pyspark.sql import DataFrame

from lakehouse import by_key, conform, expect, keys, setting, snapshot_events, table
from retail.contracts import CUSTOMERS
from retail.terms import events


@table(
    key=("customer_id", *events.SEQUENCE),
    scope=keys("customer_id"),
    ties="quarantine",
    schema="""
        customer_id STRING NOT NULL COMMENT 'Customer, as CUS-00000001',
        customer_type STRING COMMENT 'consumer or pro',
        email STRING COMMENT 'Address for receipts',
        first_name STRING COMMENT 'First name',
        last_name STRING COMMENT 'Last name',
        city STRING COMMENT 'City',
        state STRING COMMENT 'Two-letter state',
        zip_code STRING COMMENT 'Postal code',
        created_at TIMESTAMP COMMENT 'When the customer registered, UTC',
        loyalty_tier STRING COMMENT 'bronze, silver, gold or pro_xtra',
        updated_at TIMESTAMP COMMENT 'When this state became true, UTC',
        sequence  TIMESTAMP NOT NULL COMMENT 'When the event happened, UTC',
        event_no  BIGINT NOT NULL COMMENT 'Order of events of one instant; 0 where the source has none',
        operation STRING NOT NULL COMMENT 'upsert or delete'
    """,
    expects=[
        expect.quarantine("customer_id RLIKE {ids.customer_id}", "customer_id is well-formed"),
        *events.RULES,
    ],
    landed_key=events.LANDED_KEY,
)
def stg_customers(
    raw_customers: Annotated[DataFrame, by_key("customer_id")],
    snapshots: Annotated[bool, setting("snapshots.customers")],
) -> DataFrame:
    """One row per customer and change event, the full state as the event left it."""
    landed = conform(raw_customers, CUSTOMERS)
    log = snapshot_events(landed, "customer_id") if snapshots else landed
    return events.event_log(log, CUSTOMERS, "customer_id")
