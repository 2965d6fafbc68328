"""Visits: who, with what, from when to when, and how far."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.silver.int_web_sessions import int_web_sessions
from retail.silver.stg_page_views import stg_page_views


def test_visits_and_the_furthest_step(spark: SparkSession) -> None:
    events = frame(
        spark,
        stg_page_views,
        "session_id event_timestamp event_type customer_id product_id device_type",
        ("A", "2026-06-01 23:59:00", "page_view", None, None, None),
        ("A", "2026-06-02 00:01:00", "page_view", "C1", "P1", "mobile"),
        ("A", "2026-06-02 00:02:00", "add_to_cart", "C2", "P1", "tablet"),
        ("A", "2026-06-02 00:03:00", "search", None, None, "tablet"),
        ("B", "2026-06-01 10:00:00", "purchase", "C1", "P2", "app"),
        ("B", "2026-06-01 10:00:00", "page_view", "C1", "P3", "app"),
        ("C", "2026-06-01 11:00:00", "search", None, None, None),
        ("D", "2026-06-01 12:00:00", "page_view", None, "P1", "mobile"),
        ("D", "2026-06-01 12:00:05", "page_view", None, "P1", "mobile"),
    )
    assert_rows(
        int_web_sessions(events),
        int_web_sessions,
        "session_id customer_id device_type started_at ended_at started_on event_count"
        " product_count step_reached is_product_seen is_cart_filled is_converted",
        ("A", "C2", "mobile", "2026-06-01 23:59:00", "2026-06-02 00:03:00", "2026-06-01", 4, 1,
         "cart", True, True, False),
        ("B", "C1", "app", "2026-06-01 10:00:00", "2026-06-01 10:00:00", "2026-06-01", 2, 2,
         "purchase", True, True, True),
        ("C", None, "unknown", "2026-06-01 11:00:00", "2026-06-01 11:00:00", "2026-06-01", 1, 0,
         "visit", False, False, False),
        ("D", None, "mobile", "2026-06-01 12:00:00", "2026-06-01 12:00:05", "2026-06-01", 2, 1,
         "product", True, False, False),
    )  # fmt: skip
