"""Stores: newest state, clusters, and a row for whatever a fact may name."""

from pyspark.sql import DataFrame, SparkSession
from rows import assert_rows, frame

from retail.gold.dim_store import dim_store
from retail.silver.stg_inventory_snapshots import stg_inventory_snapshots
from retail.silver.stg_stores import stg_stores
from retail.silver.stg_transactions import stg_transactions

JANUARY = "2026-01-01 00:00:00"


def counted(spark: SparkSession, *stores: str) -> DataFrame:
    return frame(spark, stg_inventory_snapshots, "store_id", *[(store,) for store in stores])


def test_stores_clusters_and_members(spark: SparkSession) -> None:
    events = frame(
        spark,
        stg_stores,
        "store_id store_name store_type state region square_footage sequence operation",
        ("S1", "old", "retail", "NY", "West", 10, JANUARY, "upsert"),
        ("S1", "new", "retail", "CA", "West", 30, "2026-02-01 00:00:00", "upsert"),
        ("S2", "two", "retail", "CA", "West", 20, JANUARY, "upsert"),
        ("S3", "three", "retail", "CA", "West", 40, JANUARY, "upsert"),
        ("S4", "four", "retail", "XX", "East", 1, JANUARY, "upsert"),
        ("S5", "gone", "retail", "TX", "East", 1, JANUARY, "delete"),
        ("D1", "depot", "distribution_center", "CA", "West", 25, JANUARY, "upsert"),
        ("N1", "size?", "retail", "CA", "West", None, JANUARY, "upsert"),
        ("N2", "where?", "retail", "CA", None, 5, JANUARY, "upsert"),
    )
    sales = frame(
        spark,
        stg_transactions,
        "store_id fulfilled_from",
        ("S1", "S9"),
        ("S8", None),
    )
    assert_rows(
        dim_store(events, sales, counted(spark, "S1", "S7"), None),
        dim_store,
        "store_id store_name state zone cluster",
        ("S1", "new", "CA", "America/Los_Angeles", "West-2"),
        ("S2", "two", "CA", "America/Los_Angeles", "West-1"),
        ("S3", "three", "CA", "America/Los_Angeles", "West-3"),
        ("S4", "four", "XX", None, "East-1"),
        ("D1", "depot", "CA", "America/Los_Angeles", None),
        ("N1", "size?", "CA", "America/Los_Angeles", None),
        ("N2", "where?", "CA", "America/Los_Angeles", None),
        ("S7", "S7", None, None, None),
        ("S8", "S8", None, None, None),
        ("S9", "S9", None, None, None),
        ("online", "online", None, None, None),
        ("not recorded", "not recorded", None, None, None),
        ("unknown", "unknown", None, None, None),
        ("not applicable", "not applicable", None, None, None),
    )


def test_a_source_with_one_zone_gives_it_to_every_store(spark: SparkSession) -> None:
    events = frame(
        spark,
        stg_stores,
        "store_id state sequence operation",
        ("S1", "CA", "2026-01-01 00:00:00", "upsert"),
    )
    sales = frame(spark, stg_transactions, "store_id", ("S1",))
    stores = dim_store(events, sales, counted(spark), "Europe/London").where("store_id = 'S1'")
    assert_rows(stores, dim_store, "store_id zone", ("S1", "Europe/London"))
