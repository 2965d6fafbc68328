"""Product events, judged and typed."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, conform, expect, keys, setting, snapshot_events, table
from retail.contracts import PRODUCTS
from retail.terms import events


@table(
    key=("product_id", *events.SEQUENCE),
    scope=keys("product_id"),
    ties="quarantine",
    schema="""
        product_id STRING NOT NULL COMMENT 'Product, as PRD-000001',
        sku STRING COMMENT 'Stock keeping unit on the label',
        product_name STRING COMMENT 'Name shown to customers',
        category STRING COMMENT 'Department',
        subcategory STRING COMMENT 'Group within the department',
        brand STRING COMMENT 'Brand',
        unit_price DECIMAL(18,4) COMMENT 'List price of one unit',
        unit_cost DECIMAL(18,4) COMMENT 'Cost of one unit to the retailer',
        weight_lbs DOUBLE COMMENT 'Shipping weight in pounds',
        is_active BOOLEAN NOT NULL COMMENT 'False once discontinued',
        created_at TIMESTAMP COMMENT 'When the product was first listed, UTC',
        updated_at TIMESTAMP COMMENT 'When this state became true, UTC',
        sequence  TIMESTAMP NOT NULL COMMENT 'When the event happened, UTC',
        event_no  BIGINT NOT NULL COMMENT 'Order of events of one instant; 0 where the source has none',
        operation STRING NOT NULL COMMENT 'upsert or delete'
    """,
    expects=[
        expect.quarantine("product_id RLIKE {ids.product_id}", "product_id is well-formed"),
        expect.quarantine("unit_price >= 0", "unit_price is not negative"),
        expect.quarantine("unit_cost >= 0", "unit_cost is not negative"),
        *events.RULES,
    ],
    landed_key=events.LANDED_KEY,
)
def stg_products(
    raw_products: Annotated[DataFrame, by_key("product_id")],
    snapshots: Annotated[bool, setting("snapshots.products")],
) -> DataFrame:
    """One row per product and change event, the full state as the event left it."""
    landed = conform(raw_products, PRODUCTS)
    log = snapshot_events(landed, "product_id") if snapshots else landed
    typed = events.event_log(log, PRODUCTS, "product_id")
    return typed.withColumn("is_active", F.coalesce("is_active", F.lit(True)))
