"""Customer history: what cuts a version, what a delete leaves, and the members."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.customer_history import customer_history
from retail.silver.stg_customers import stg_customers

OPEN = "9999-12-31 00:00:00"


def test_tier_type_and_state_cut_versions(spark: SparkSession) -> None:
    events = frame(
        spark,
        stg_customers,
        "customer_id loyalty_tier customer_type state email sequence event_no operation",
        ("C", "bronze", "consumer", "TX", "a@x", "2026-06-01 08:00:00", 0, "upsert"),
        ("C", "silver", "consumer", "TX", "a@x", "2026-06-03 08:00:00", 0, "upsert"),
        ("C", "silver", "consumer", "TX", "b@x", "2026-06-04 08:00:00", 0, "upsert"),
        ("C", "silver", "pro", "TX", "b@x", "2026-06-05 08:00:00", 0, "upsert"),
        ("C", "silver", "pro", None, "b@x", "2026-06-05 08:00:00", 1, "upsert"),
        ("D", "gold", "pro", "CA", "d@x", "2026-06-01 08:00:00", 0, "upsert"),
        ("D", None, None, None, None, "2026-06-07 08:00:00", 0, "delete"),
    )
    # xxhash64 with seed 42, as Spark documents it: the keys must never change.
    c, d, first = spark.sql(
        "SELECT xxhash64('C'), xxhash64('D'), xxhash64('D', TIMESTAMP'1900-01-01')"
    ).collect()[0]
    made = customer_history(events, "1900-01-01")
    assert_rows(
        made,
        customer_history,
        "customer_key customer_id loyalty_tier customer_type state valid_from valid_to is_current",
        (c, "C", "bronze", "consumer", "TX", "1900-01-01 00:00:00", "2026-06-03 08:00:00", False),
        (c, "C", "silver", "consumer", "TX", "2026-06-03 08:00:00", "2026-06-05 08:00:00", False),
        (c, "C", "silver", "pro", None, "2026-06-05 08:00:00", OPEN, True),
        (d, "D", "gold", "pro", "CA", "1900-01-01 00:00:00", "2026-06-07 08:00:00", False),
        (0, "unknown", None, None, None, "1900-01-01 00:00:00", OPEN, True),
        (-1, "anonymous", None, None, None, "1900-01-01 00:00:00", OPEN, True),
    )
    assert_rows(
        made.where("customer_id IN ('D', 'unknown', 'anonymous')"),
        customer_history,
        "customer_version_key customer_id",
        (first, "D"),
        (0, "unknown"),
        (-1, "anonymous"),
    )
