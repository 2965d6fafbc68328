"""Counts: typed, the newest of a pair and day, rejected by rule."""

from pyspark.sql import SparkSession
from rows import assert_rows, landed, rules_broken, staged

from retail.contracts import INVENTORY_SNAPSHOTS
from retail.silver.stg_inventory_snapshots import stg_inventory_snapshots

COUNT = "snapshot_date store_id product_id quantity_on_hand quantity_reserved quantity_available"
PAIR = ("STR-0001", "PRD-000001")


def test_of_two_counts_of_a_pair_and_day_the_newest_counts(spark: SparkSession) -> None:
    raw = landed(
        spark,
        INVENTORY_SNAPSHOTS,
        f"{COUNT} _source_file",
        ("2026-06-01", *PAIR, 9, 2, 7, "i/2026-06-01.csv"),
        ("2026-06-01", *PAIR, 5, 1, 4, "i/2026-06-03.csv"),
        ("2026-06-01", *PAIR, 8, 1, 7, "i/2026-06-02.csv"),
        ("2026-06-02", *PAIR, 6, 1, None, "i/2026-06-02.csv"),
        ("2026-06-03", *PAIR, 6, None, None, "i/2026-06-02.csv"),
        ("2026-06-04", *PAIR, 3, 1, -2, "i/2026-06-04.csv"),
    )
    assert_rows(
        staged(stg_inventory_snapshots, raw, zone=None, store_ranges=1),
        stg_inventory_snapshots,
        f"{COUNT} closed_at sequence",
        ("2026-06-01", *PAIR, 5, 1, 4, "2026-06-01 23:59:59", "2026-06-03 00:00:00"),
        ("2026-06-02", *PAIR, 6, 1, 5, "2026-06-02 23:59:59", "2026-06-02 00:00:00"),
        ("2026-06-03", *PAIR, 6, None, 6, "2026-06-03 23:59:59", "2026-06-02 00:00:00"),
        ("2026-06-04", *PAIR, 3, 1, -2, "2026-06-04 23:59:59", "2026-06-04 00:00:00"),
    )


def test_a_source_s_zone_says_when_its_day_ends(spark: SparkSession) -> None:
    raw = landed(spark, INVENTORY_SNAPSHOTS, COUNT, ("2026-06-01", *PAIR, 9, 2, 7))
    assert_rows(
        staged(stg_inventory_snapshots, raw, zone="Europe/London", store_ranges=1),
        stg_inventory_snapshots,
        "closed_at",
        ("2026-06-01 22:59:59",),
    )


def test_counts_that_cannot_be_are_rejected(spark: SparkSession) -> None:
    raw = landed(
        spark,
        INVENTORY_SNAPSHOTS,
        COUNT,
        ("someday", *PAIR, 1, 0, 1),
        ("0026-06-01", *PAIR, 1, 0, 1),
        ("2026-06-01", "S1", None, 1, 0, 1),
        ("2026-06-01", *PAIR, None, 1, None),
        ("2026-06-01", *PAIR, 1, 0, "1.5"),
    )
    assert rules_broken(stg_inventory_snapshots, raw, zone=None, store_ranges=1) == [
        ["product_id is present", "store_id is well-formed"],
        ["quantity_available is INT"],
        ["quantity_available is present"],
        ["snapshot_date is DATE", "snapshot_date is present", "closed_at is present"],
        ["snapshot_date is a day of business"],
    ]
