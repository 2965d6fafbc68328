"""Daily sales: entries on the day of sale and on the day back."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.silver.int_daily_sales import int_daily_sales
from retail.silver.stg_transactions import stg_transactions

LINE = (
    "transaction_id order_id store_id product_id sold_on quantity discount_amount total_amount"
    " line_type is_cancelled returned_on"
)


def test_sales_returns_credit_notes_and_charges(spark: SparkSession) -> None:
    lines = frame(
        spark,
        stg_transactions,
        LINE,
        ("1", "O1", "S", "P", "2026-06-01", 2, "1.00", "9.00", "sale", False, None),
        ("2", "O1", "S", "P", "2026-06-01", 1, "0", "5.00", "sale", False, None),
        ("3", "O2", "S", "P", "2026-06-01", 3, None, "15.00", "sale", False, "2026-06-04"),
        ("4", "O3", "S", "P", "2026-06-01", 7, "0", "35.00", "sale", True, None),  # cancelled
        ("5", "O4", "S", "P", "2026-06-04", -1, "0", "-5.00", "return", False, None),
        ("6", "O4", "S", "POST", "2026-06-04", 1, "0", "4.95", "charge", False, None),
        ("7", None, "S", "Q", "2026-06-04", 1, "0", "2.00", "sale", False, None),
        ("8", None, "S", "Q", "2026-06-04", 1, "0", "2.00", "sale", False, None),
    )
    assert_rows(
        int_daily_sales(lines, 1),
        int_daily_sales,
        "store_id product_id sold_on gross_units returned_units net_units gross_amount"
        " returned_amount net_amount discount_amount line_count order_count",
        ("S", "P", "2026-06-01", 6, 0, 6, "29.00", 0, "29.00", "1.00", 3, 2),
        ("S", "P", "2026-06-04", 0, 4, -4, 0, "20.00", "-20.00", 0, 0, 0),
        ("S", "POST", "2026-06-04", 0, 0, 0, "4.95", 0, "4.95", 0, 1, 1),
        ("S", "Q", "2026-06-04", 2, 0, 2, "4.00", 0, "4.00", 0, 2, 2),  # no order named: two
    )
