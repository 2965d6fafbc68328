"""Conversion: an order belongs to the last visit of its customer in the seven days before."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.mart_web_conversion import mart_web_conversion
from retail.silver.int_web_sessions import int_web_sessions
from retail.silver.stg_transactions import stg_transactions

VISIT = (
    "session_id customer_id device_type started_at started_on is_product_seen is_cart_filled"
    " is_converted"
)
LINE = "order_id customer_id sold_at channel is_cancelled line_type"


def test_last_touch_within_seven_days(spark: SparkSession) -> None:
    visits = frame(
        spark,
        int_web_sessions,
        VISIT,
        ("V1", "C1", "mobile", "2026-06-01 10:00:00", "2026-06-01", True, False, False),
        ("V2", "C1", "mobile", "2026-06-03 10:00:00", "2026-06-03", True, True, True),
        ("V3", None, "mobile", "2026-06-03 11:00:00", "2026-06-03", False, False, False),
        ("V4", "C2", "app", "2026-06-03 12:00:00", "2026-06-03", False, False, False),
    )
    lines = frame(
        spark,
        stg_transactions,
        LINE,
        ("O1", "C1", "2026-06-01 10:00:00", "in_store", False, "sale"),  # V1, at its instant
        ("O2", "C1", "2026-06-03 09:59:59", "in_store", False, "sale"),  # V1, V2 comes too late
        ("O3", "C1", "2026-06-03 10:00:01", "online", False, "sale"),  # V2, not V1
        ("O3", "C1", "2026-06-03 10:00:01", "online", False, "sale"),
        ("O4", "C1", "2026-06-10 09:59:59", "app", False, "sale"),  # V2, just within
        ("O5", "C1", "2026-06-10 10:00:00", "app", False, "sale"),  # seven days: nobody's
        ("O6", "C2", "2026-06-04 10:00:00", "in_store", True, "sale"),  # cancelled
        ("O7", "C2", "2026-06-04 10:00:00", "in_store", False, "return"),
        ("O8", None, "2026-06-04 10:00:00", "in_store", False, "sale"),
        ("O9", "C3", "2026-06-04 10:00:00", "in_store", False, "sale"),
    )
    assert_rows(
        mart_web_conversion(visits, lines),
        mart_web_conversion,
        "started_on device_type session_count known_session_count product_session_count"
        " cart_session_count purchase_count online_order_count store_order_count conversion_pct",
        ("2026-06-01", "mobile", 1, 1, 1, 0, 0, 0, 2, 0),
        ("2026-06-03", "mobile", 2, 1, 1, 1, 1, 2, 0, 50),
        ("2026-06-03", "app", 1, 1, 0, 0, 0, 0, 0, 0),
    )
