"""Inventory health: what is out, lost, dead and too much, by store and category."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_product import dim_product
from retail.gold.fact_inventory_daily import fact_inventory_daily
from retail.gold.mart_inventory_health import mart_inventory_health

FACT = (
    "store_id snapshot_date product_key quantity_available is_ranged unit_price unit_cost"
    " day_units units_28d daily_demand stock_status"
)
DAY = ("S", "2026-06-01")


def test_counts_units_and_money(spark: SparkSession) -> None:
    facts = frame(
        spark,
        fact_inventory_daily,
        FACT,
        (*DAY, 1, 0, True, "10", "6", 1, 28, "2.5", "out_of_stock"),  # lost 1.5
        (*DAY, 1, -3, True, "10", "6", 9, 28, "2.5", "out_of_stock"),  # sold more than usual
        (*DAY, 1, 0, False, "10", "6", 0, 28, "2.5", "out_of_stock"),  # discontinued: not out
        (*DAY, 1, 4, True, "10", "6", 0, 28, "2.5", "low"),
        (*DAY, 1, 5, True, "10", None, 0, 0, None, "no_movement"),
        (*DAY, 1, 90, True, "10", "0.5", 0, 2, "0.1", "overstocked"),
        (*DAY, 0, 0, True, None, None, 0, 5, "1", "out_of_stock"),
        (*DAY, 0, 2, False, None, None, 0, 5, "1", "healthy"),
    )
    products = frame(
        spark, dim_product, "product_key category", (1, "tools"), (0, None), (2, "paint")
    )
    assert_rows(
        mart_inventory_health(facts, products),
        mart_inventory_health,
        "store_id snapshot_date category ranged_count stock_out_count low_count stock_out_pct"
        " available_units stock_amount lost_units lost_amount dead_count dead_units"
        " overstocked_count overstocked_units",
        (*DAY, "tools", 5, 2, 1, "40.00", 99, "69.00", "1.5", "15.00", 1, 5, 1, 90),
        (*DAY, "unknown", 1, 1, 0, "100.00", 2, None, "1", None, 0, 0, 0, 0),
    )
