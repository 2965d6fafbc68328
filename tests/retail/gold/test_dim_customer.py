"""Customers: newest state, buyers without a master, members."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_customer import dim_customer
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
    c1, c2, c3 = spark.sql("SELECT xxhash64('C1'), xxhash64('C2'), xxhash64('C3')").collect()[0]
    assert_rows(
        dim_customer(events, sales),
        dim_customer,
        "customer_key customer_id loyalty_tier is_inferred",
        (c1, "C1", "gold", False),
        (c2, "C2", None, True),
        (c3, "C3", None, True),
        (0, "unknown", None, False),
        (-1, "anonymous", None, False),
    )
