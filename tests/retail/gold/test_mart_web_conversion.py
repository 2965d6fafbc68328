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
LINE = (
    "transaction_id order_id customer_id sold_at sold_on channel is_cancelled line_type quantity"
    " total_amount"
)


def line(order: str | None, customer: str | None, at: str, channel: str = "in_store",
         cancelled: bool = False, kind: str = "sale", quantity: int = 1, number: str = "T",
         ) -> tuple:  # fmt: skip
    return (number, order, customer, at, at[:10], channel, cancelled, kind, quantity, quantity)


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
        line("O1", "C1", "2026-06-01 10:00:00"),  # V1, at its instant
        line("O2", "C1", "2026-06-03 09:59:59"),  # V1, V2 comes too late
        line("O3", "C1", "2026-06-03 10:00:01", "online"),  # V2, not V1
        line("O3", "C1", "2026-06-03 10:00:01", "online"),
        line("O4", "C1", "2026-06-10 09:59:59", "app"),  # V2, just within
        line("O5", "C1", "2026-06-10 10:00:00", "app"),  # seven days: nobody's
        line("O6", "C2", "2026-06-04 10:00:00", cancelled=True),
        line("O7", "C2", "2026-06-04 10:00:00", kind="return"),
        line("O7", "C2", "2026-06-04 10:00:00", quantity=-1),  # gives back
        line("O7", "C2", "2026-06-04 10:00:00", kind="charge"),
        line("O8", None, "2026-06-04 10:00:00"),
        line("O9", "C3", "2026-06-04 10:00:00"),
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


def test_an_order_counts_once_a_business_day_and_a_line_without_one_for_itself(
    spark: SparkSession,
) -> None:
    visits = frame(
        spark,
        int_web_sessions,
        VISIT,
        ("V1", "C1", "app", "2026-06-08 10:00:00", "2026-06-08", False, False, False),
        ("V2", "C2", "app", "2026-06-09 10:00:00", "2026-06-09", False, False, False),
        ("V3", "C3", "app", "2026-06-09 10:00:00", "2026-06-09", False, False, False),
    )
    lines = frame(
        spark,
        stg_transactions,
        LINE,
        line("O", "C1", "2026-05-25 10:00:00"),  # so far back that a late day does not read it
        line("O", "C1", "2026-06-10 10:00:00"),
        line("O", "C1", "2026-06-11 09:00:00"),
        line("O", "C1", "2026-06-11 10:00:00"),
        line(None, "C2", "2026-06-10 10:00:00", number="1"),
        line(None, "C2", "2026-06-10 10:00:00", number="2"),
        line(None, "C3", "2026-06-10 10:00:00", number="3"),
    )
    assert_rows(
        mart_web_conversion(visits, lines),
        mart_web_conversion,
        "started_on device_type store_order_count",
        ("2026-06-08", "app", 2),
        ("2026-06-09", "app", 3),
    )
