"""Stores, distribution centres and fulfilment centres."""

from typing import Annotated

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import (
    by_day,
    fixed_rows,
    newest_state,
    setting,
    surrogate_key,
    table,
    whole,
    with_members,
)
from retail.terms.attribution import NOT_RECORDED, ONLINE
from retail.terms.events import SEQUENCE
from retail.terms.members import members
from retail.terms.zones import zone_of


@table(
    key=("store_key",),
    scope=whole(),
    schema="""
        store_key      BIGINT NOT NULL COMMENT 'xxhash64(store_id); 0 not yet arrived, -1 not applicable',
        store_id       STRING NOT NULL COMMENT 'Store or node; also online and not recorded',
        store_name     STRING COMMENT 'Name of the store',
        store_type     STRING COMMENT 'retail, distribution_center or fulfillment_center',
        address        STRING COMMENT 'Street address',
        city           STRING COMMENT 'City',
        state          STRING COMMENT 'Two-letter state',
        zip_code       STRING COMMENT 'Postal code',
        region         STRING COMMENT 'Sales region',
        latitude       DOUBLE COMMENT 'Degrees north',
        longitude      DOUBLE COMMENT 'Degrees east',
        opened_date    DATE COMMENT 'First day of business',
        square_footage INT COMMENT 'Selling area in square feet',
        is_active      BOOLEAN COMMENT 'False once closed',
        zone           STRING COMMENT 'IANA time zone of the store clock',
        cluster        STRING COMMENT 'Region and tercile of square footage among its retail stores, as West-2; null for other nodes, and where either is unknown'
    """,
)
def dim_store(
    stg_stores: DataFrame,
    stg_transactions: Annotated[DataFrame, by_day("sold_on", uses=("store_id", "fulfilled_from"))],
    stg_inventory_snapshots: Annotated[DataFrame, by_day("snapshot_date", uses=("store_id",))],
    zone: Annotated[str | None, setting("zone")],
) -> DataFrame:
    """One row per store or node in its newest state, and per member that facts may name.

    A store that sales or counts name before its master arrives has a row with its id for a name and
    nothing else, so that no join loses money. The cluster is a rank, so the table is made whole.
    """
    masters = newest_state(stg_stores, "store_id", sequence=SEQUENCE).drop("updated_at")
    stores = masters.withColumns(
        {
            "zone": F.coalesce(F.lit(zone), zone_of(F.col("state"))),
            "cluster": _cluster(),
        }
    )
    named = F.explode(F.array_compact(F.array("store_id", "fulfilled_from")))
    nowhere = fixed_rows(stg_transactions, "store_id", [ONLINE, NOT_RECORDED])
    counted = stg_inventory_snapshots.select("store_id")
    ids = stg_transactions.select(named.alias("store_id")).union(nowhere).union(counted).distinct()
    inferred = ids.join(masters, "store_id", "left_anti").withColumn(
        "store_name", F.col("store_id")
    )
    dimension = stores.unionByName(inferred, allowMissingColumns=True).withColumn(
        "store_key", surrogate_key("store_id")
    )
    known = members("not applicable", "store_id", "store_name")
    return with_members(dimension, "store_key", known)


def _cluster() -> Column:
    """Region and tercile of the stores that sell over a counter and whose size is known."""
    ranked = (
        (F.col("store_type") == "retail")
        & F.col("region").isNotNull()
        & F.col("square_footage").isNotNull()
    )
    peers = Window.partitionBy("region", ranked).orderBy("square_footage", "store_id")
    tercile = F.ntile(3).over(peers).cast("string")
    return F.when(ranked, F.concat_ws("-", "region", tercile))
