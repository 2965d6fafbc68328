"""Products week by week: sums, margin where the cost is known, rank and ABC class."""

from datetime import date

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_product import dim_product
from retail.gold.fact_sales import fact_sales
from retail.silver.int_product_performance import int_product_performance

SALE = "product_id line_type sold_on net_units net_amount line_profit"


def test_sums_rank_and_class(spark: SparkSession) -> None:
    sales = frame(
        spark,
        fact_sales,
        SALE,
        ("P1", "sale", "2026-01-30", 9, "90.00", "9.00"),  # the fiscal year before
        ("P1", "sale", "2026-02-02", 1, "10.00", "4.00"),
        ("P1", "sale", "2026-02-03", 2, "70.00", None),
        ("P2", "sale", "2026-02-03", 1, "10.00", "1.00"),
        ("P3", "sale", "2026-02-03", 1, "6.00", "3.00"),
        ("P4", "return", "2026-02-03", -1, "-1000000.00", "-123449.96"),  # 12.344996 %
        ("POST", "charge", "2026-02-03", 0, "500.00", None),
    )
    products = frame(
        spark,
        dim_product,
        "product_key product_id category valid_from valid_to",
        (11, "P1", "old", "1900-01-01 00:00:00", "2026-02-01 00:00:00"),
        (12, "P1", "tools", "2026-02-01 00:00:00", "9999-12-31 00:00:00"),
        (0, "P2", None, "1900-01-01 00:00:00", "9999-12-31 00:00:00"),  # a member of that name
        (13, "P2", "paint", "1900-01-01 00:00:00", "9999-12-31 00:00:00"),
        (14, "P3", "tools", "1900-01-01 00:00:00", "9999-12-31 00:00:00"),
    )
    made = int_product_performance(sales, products, "nrf_454", date(2026, 3, 1))
    assert_rows(
        made.where("grid_on IN (DATE'2026-01-31', DATE'2026-02-07', DATE'2026-03-01')"),
        int_product_performance,
        "product_id grid_on category units_28d amount_28d profit_28d margin_pct_28d"
        " units_ytd amount_ytd margin_pct_ytd category_rank abc_class",
        ("P1", "2026-01-31", "old", 9, "90.00", "9.00", "10.00", 9, "90.00", "10.00", 1, "A"),
        ("P1", "2026-02-07", "tools", 12, "170.00", "13.00", "13.00", 3, "80.00", "40.00", 1, "A"),
        ("P2", "2026-02-07", "paint", 1, "10.00", "1.00", "10.00", 1, "10.00", "10.00", 1, "B"),
        ("P3", "2026-02-07", "tools", 1, "6.00", "3.00", "50.00", 1, "6.00", "50.00", 2, "C"),
        ("P4", "2026-02-07", None, -1, "-1000000.00", "-123449.96", "12.34", -1, "-1000000.00",
         "12.34", 1, "C"),
        ("P1", "2026-03-01", "tools", 3, "80.00", "4.00", "40.00", 3, "80.00", "40.00", 1, "A"),
        ("P2", "2026-03-01", "paint", 1, "10.00", "1.00", "10.00", 1, "10.00", "10.00", 1, "B"),
        ("P3", "2026-03-01", "tools", 1, "6.00", "3.00", "50.00", 1, "6.00", "50.00", 2, "B"),
        ("P4", "2026-03-01", None, -1, "-1000000.00", "-123449.96", "12.34", -1, "-1000000.00",
         "12.34", 1, "C"),
    )  # fmt: skip
