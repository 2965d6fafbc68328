"""Where clocks stand: stores that move, are deleted, or lie in no state we know."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.silver.int_store_zones import int_store_zones
from retail.silver.stg_stores import stg_stores


def test_a_store_has_the_clock_of_its_newest_state(spark: SparkSession) -> None:
    stores = frame(
        spark,
        stg_stores,
        "store_id state operation sequence event_no",
        ("STR-0001", "CA", "upsert", "2026-01-01 00:00:00", 0),
        ("STR-0002", "NY", "upsert", "2026-02-01 00:00:00", 0),
        ("STR-0002", "TX", "upsert", "2026-02-01 00:00:00", 1),
        ("STR-0002", None, "delete", "2026-03-01 00:00:00", 0),
        ("STR-0003", "XX", "upsert", "2026-01-01 00:00:00", 0),
        ("STR-0004", None, "delete", "2026-01-01 00:00:00", 0),
    )
    assert_rows(
        int_store_zones(stores),
        int_store_zones,
        "store_id zone",
        ("STR-0001", "America/Los_Angeles"),
        ("STR-0002", "America/Chicago"),  # moved, and closed since
        ("STR-0003", None),
    )
