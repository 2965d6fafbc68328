"""Sales lines: the cost of their moment, what returns and cancellations measure, keys."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_product import dim_product
from retail.gold.fact_sales import fact_sales
from retail.silver.stg_transactions import stg_transactions

LINE = (
    "transaction_id customer_id store_id product_id sold_on sold_at quantity unit_price"
    " discount_amount total_amount line_type is_cancelled returned_on fulfillment_type"
    " fulfilled_from"
)


def test_cost_measures_and_keys(spark: SparkSession) -> None:
    versions = frame(
        spark,
        dim_product,
        "product_key product_id unit_cost valid_from valid_to",
        (11, "P", "3.335", "1900-01-01 00:00:00", "2026-06-02 12:00:00"),
        (12, "P", "4", "2026-06-02 12:00:00", "9999-12-31 00:00:00"),
        (13, "Q", None, "1900-01-01 00:00:00", "9999-12-31 00:00:00"),
        (0, "unknown", None, "1900-01-01 00:00:00", "9999-12-31 00:00:00"),
        (14, "unknown", "2", "1900-01-01 00:00:00", "9999-12-31 00:00:00"),
    )

    def line(number: int, product: str, at: str, quantity: int, total: str | None, kind: str = "sale",
             cancelled: bool = False, back: str | None = None, customer: str | None = "C1",
             ships: tuple[str, str | None] = ("in_store", None)) -> tuple:  # fmt: skip
        return (number, customer, "S", product, at[:10], at, quantity, "5", "0", total, kind,
                cancelled, back, *ships)  # fmt: skip

    lines = frame(
        spark,
        stg_transactions,
        LINE,
        line(1, "P", "2026-06-02 11:59:59", 1, "5.00", customer=None),
        line(2, "P", "2026-06-02 12:00:00", 2, None, ships=("ship_to_home", "DC")),
        line(3, "P", "2026-06-03 09:00:00", 3, "15.00", back="2026-06-20"),
        line(4, "P", "2026-06-03 09:00:00", 3, "15.00", cancelled=True),
        line(5, "P", "2026-06-03 09:00:00", -1, "-5.00", kind="return"),
        line(6, "Q", "2026-06-03 09:00:00", 1, "5.00", ships=("bopis", None)),
        line(7, "X", "2026-06-03 09:00:00", 1, "5.00", ships=("ship_to_home", None)),
        line(8, "POST", "2026-06-03 09:00:00", 1, "4.95", kind="charge"),
        line(9, "unknown", "2026-06-03 09:00:00", 1, "5.00"),  # a product called like the member
    )
    facts = fact_sales(lines, versions)
    assert_rows(
        facts,
        fact_sales,
        "transaction_id product_key unit_cost gross_units returned_units net_units gross_amount"
        " returned_amount net_amount line_cost line_profit",
        (1, 11, "3.335", 1, 0, 1, "5", 0, "5", "3.34", "1.66"),
        (2, 12, "4", 2, 0, 2, "10", 0, "10", "8", "2"),
        (3, 12, "4", 3, 3, 0, "15", "15", 0, 0, 0),
        (4, 12, "4", 0, 0, 0, 0, 0, 0, 0, 0),
        (5, 12, "4", 0, 1, -1, 0, "5", "-5", "-4", "-1"),
        (6, 13, None, 1, 0, 1, "5", 0, "5", None, None),
        (7, 0, None, 1, 0, 1, "5", 0, "5", None, None),
        (8, -1, None, 0, 0, 0, "4.95", 0, "4.95", None, None),
        (9, 14, "2", 1, 0, 1, "5", 0, "5", "2", "3"),
    )
    c1 = spark.sql("SELECT xxhash64('C1')").collect()[0][0]
    assert_rows(
        facts.where("transaction_id IN (1, 2, 6, 7)"),
        fact_sales,
        "transaction_id customer_key store_id credited_store_id fulfilling_store_id",
        (1, -1, "S", "S", "S"),
        (2, c1, "S", "online", "DC"),
        (6, c1, "S", "S", "S"),
        (7, c1, "S", "online", "not recorded"),
    )
