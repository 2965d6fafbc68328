"""Customers: newest state, buyers without a master, members."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_customer import dim_customer
from retail.silver.int_customer_metrics import int_customer_metrics
from retail.silver.stg_customers import stg_customers
from retail.silver.stg_transactions import stg_transactions


def test_masters_buyers_and_members(spark: SparkSession) -> None:
    events = frame(
        spark,
        stg_customers,
        "customer_id loyalty_tier sequence operation",
        ("C1", "gold", "2026-02-01 00:00:00", "upsert"),
        ("C1", "bronze", "2026-01-01 00:00:00", "upsert"),
        ("C2", "silver", "2026-01-01 00:00:00", "delete"),
    )
    sales = frame(spark, stg_transactions, "customer_id", ("C1",), ("C2",), ("C3",), (None,))
    metrics = frame(
        spark,
        int_customer_metrics,
        "customer_id grid_on lifetime_value first_ordered_on last_ordered_on segment",
        ("C1", "2026-06-06", "1.00", "2026-06-01", "2026-06-01", "new"),
        ("C1", "2026-06-13", "9.50", "2026-06-01", "2026-06-09", "loyal"),
        ("C3", "2026-06-13", "4.00", "2026-06-08", "2026-06-08", "new"),
    )
    c1, c2, c3 = spark.sql("SELECT xxhash64('C1'), xxhash64('C2'), xxhash64('C3')").collect()[0]
    assert_rows(
        dim_customer(events, sales, metrics),
        dim_customer,
        "customer_key customer_id loyalty_tier is_inferred lifetime_value first_order_date"
        " last_order_date purchase_segment",
        (c1, "C1", "gold", False, "9.50", "2026-06-01", "2026-06-09", "loyal"),
        (c2, "C2", None, True, "0.00", None, None, "no_purchase"),
        (c3, "C3", None, True, "4.00", "2026-06-08", "2026-06-08", "new"),
        (0, "unknown", None, False, None, None, None, None),
        (-1, "anonymous", None, False, None, None, None, None),
    )
