"""Inventory counts, judged and typed."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, conform, conserved, days, expect, sequence, setting, table
from retail.contracts import INVENTORY_SNAPSHOTS
from retail.terms.layout import store_range, store_ranges_sql
from retail.terms.zones import close, utc_sql


@table(
    key=("store_id", "product_id", "snapshot_date"),
    scope=days("snapshot_date", within="store_range"),
    newest=("sequence",),
    schema="""
        snapshot_date      DATE NOT NULL COMMENT 'Day whose close the count shows',
        store_range        INT COMMENT 'Stores that lie together in files',
        store_id           STRING NOT NULL COMMENT 'Store or node',
        product_id         STRING NOT NULL COMMENT 'Product',
        quantity_on_hand   INT COMMENT 'Units in the building',
        quantity_reserved  INT COMMENT 'Units promised to orders',
        quantity_available INT NOT NULL COMMENT 'As landed, else on hand less reserved',
        reorder_point      INT COMMENT 'Units at which to order again',
        safety_stock       INT COMMENT 'Units kept against surprises',
        days_of_supply     DOUBLE COMMENT 'As the store system reports it',
        closed_at          TIMESTAMP NOT NULL COMMENT 'Last second of the day, UTC or in the zone of the source',
        sequence           TIMESTAMP NOT NULL COMMENT 'Orders the counts of a pair and day: the date of the file, UTC'
    """,
    expects=[
        expect.quarantine(
            "snapshot_date BETWEEN DATE'1900-01-01' AND DATE'9999-12-30'",
            "snapshot_date is a day of business",
        ),
        expect.quarantine("store_id RLIKE {ids.store_id}", "store_id is well-formed"),
        expect.quarantine("product_id RLIKE {ids.product_id}", "product_id is well-formed"),
        expect.warn(
            "quantity_available = quantity_on_hand - quantity_reserved",
            "quantity_available is quantity_on_hand - quantity_reserved",
        ),
        expect.warn(
            "least(quantity_on_hand, quantity_reserved, quantity_available) >= 0",
            "no quantity is negative",
        ),
        expect.warn("store_id IN (SELECT store_id FROM stg_stores)", "store_id is known"),
        expect.warn("product_id IN (SELECT product_id FROM stg_products)", "product_id is known"),
        expect.warn(
            "max(snapshot_date) >= DATE {as_of} - INTERVAL {freshness.inventory_days} DAYS",
            "counts keep up with sales",
        ),
    ],
    conserves=[
        conserved(
            "count(*)",
            "bronze.raw_inventory_snapshots",
            "count(DISTINCT (snapshot_date, store_id, product_id))",
        )
    ],
    measures={"units": "quantity_on_hand"},
    duckdb=f"""
        SELECT snapshot_date, store_range, store_id, product_id, quantity_on_hand,
            quantity_reserved, reorder_point, safety_stock, days_of_supply, closed_at,
            coalesce(quantity_available, quantity_on_hand - coalesce(quantity_reserved, 0))
                AS quantity_available,
            file_date AS sequence
        FROM landed
        LEFT JOIN {store_ranges_sql("landed")} USING (store_id)
        LEFT JOIN (
            SELECT snapshot_date,
                {utc_sql("(snapshot_date + INTERVAL 86399 SECOND)", "coalesce({zone}, 'UTC')")}
                    AS closed_at
            FROM (SELECT DISTINCT snapshot_date FROM landed)
        ) USING (snapshot_date)
    """,
)
def stg_inventory_snapshots(
    raw_inventory_snapshots: Annotated[DataFrame, by_day("snapshot_date")],
    zone: Annotated[str | None, setting("zone")],
    store_ranges: Annotated[int, setting("layout.store_ranges")],
) -> DataFrame:
    """One row per store, product and day counted; of several counts the one landed last by date."""
    counts = conform(raw_inventory_snapshots, INVENTORY_SNAPSHOTS)
    landed = F.col("quantity_on_hand") - F.coalesce("quantity_reserved", F.lit(0))
    return counts.withColumns(
        {
            "quantity_available": F.coalesce("quantity_available", landed),
            "closed_at": close(F.col("snapshot_date"), zone or "UTC"),
            "sequence": sequence(),
            "store_range": store_range(F.col("store_id"), store_ranges),
        }
    )
