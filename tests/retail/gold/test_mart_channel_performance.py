"""Channels: orders and lines that count, money by group, margin where the cost is known."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.fact_sales import fact_sales
from retail.gold.mart_channel_performance import mart_channel_performance

LINE = (
    "transaction_id order_id sold_on channel fulfillment_type credited_store_id fulfilling_store_id is_cancelled"
    " gross_units returned_units net_units gross_amount returned_amount net_amount line_cost"
    " line_profit"
)
STORE = ("2026-06-01", "in_store", "in_store", "S1", "S1")
SHIPPED = ("2026-06-01", None, "ship_to_home", "online", "DC")


def test_groups_and_margin(spark: SparkSession) -> None:
    lines = frame(
        spark,
        fact_sales,
        LINE,
        ("1", "O1", *STORE, False, 2, 0, 2, "20.00", 0, "20.00", "12.00", "8.00"),
        ("2", "O1", *STORE, False, 1, 1, 0, "5.00", "5.00", "0.00", "0.00", "0.00"),
        ("3", None, *STORE, False, 1, 0, 1, "6.00", 0, "6.00", None, None),
        ("4", None, *STORE, False, 1, 0, 1, "4.00", 0, "4.00", None, None),
        ("5", "O3", *STORE, True, 0, 0, 0, 0, 0, 0, 0, 0),
        ("6", "O4", *SHIPPED, True, 0, 0, 0, 0, 0, 0, None, None),
    )
    assert_rows(
        mart_channel_performance(lines),
        mart_channel_performance,
        "sold_on channel fulfillment_type credited_store_id fulfilling_store_id order_count"
        " line_count gross_units returned_units net_units gross_amount returned_amount net_amount"
        " costed_amount cost_amount profit_amount uncosted_line_count margin_pct",
        (*STORE, 3, 4, 5, 1, 4, "35.00", "5.00", "30.00", "20.00", "12.00", "8.00", 2, "40.00"),
        (SHIPPED[0], "not recorded", *SHIPPED[2:], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None),
    )
