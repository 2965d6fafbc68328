"""Stock: windows, days of supply, states in their order, the product as it was."""

import random
from datetime import date, timedelta

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_product import dim_product
from retail.gold.fact_inventory_daily import fact_inventory_daily
from retail.silver.int_daily_sales import int_daily_sales
from retail.silver.stg_inventory_snapshots import stg_inventory_snapshots

COUNT = "store_id product_id snapshot_date quantity_available safety_stock reorder_point closed_at"
SOLD = "store_id product_id sold_on gross_units net_units"
VERSION = "product_key product_id unit_price unit_cost is_active valid_from valid_to"
ALWAYS = ("1900-01-01 00:00:00", "9999-12-31 00:00:00")


def count(product: str, day: date, available: int, safety: int = 2, reorder: int = 5) -> tuple:
    return ("S", product, day, available, safety, reorder, f"{day} 23:59:59")


def test_states_in_their_order(spark: SparkSession) -> None:
    day, before = date(2026, 6, 29), date(2026, 6, 28)
    levels = {"A": -1, "B": 2, "C": 5, "D": 6, "E": 600, "F": 6, "G": 6, "H": 6}
    levels["unknown"] = 6  # a product called like the member that every dimension has
    counts = [count(p, day, n) for p, n in levels.items()]
    counts += [count(p, before, 9) for p in "ABCDEF"]
    sales = [("S", p, before, 3, 3) for p in "ABCF"]
    sales += [("S", "E", before, 1, 1), ("S", "D", before, 2, 0), ("S", "G", before, 4, 4)]
    sales += [("S", "F", day, 4, 4), ("S", "A", date(2026, 5, 31), 100, 100)]
    versions = [(i, p, "9.99", "5", True, *ALWAYS) for i, p in enumerate("ABCDEG", 1)]
    versions += [(8, "F", "1", "1", True, ALWAYS[0], "2026-06-29 12:00:00")]
    versions += [(7, "H", "2", "1", True, ALWAYS[0], "2026-06-29 23:59:59")]  # deleted at the close
    versions += [(9, "F", "2", "1", False, "2026-06-29 12:00:00", ALWAYS[1])]
    versions += [
        (0, "unknown", None, None, None, *ALWAYS),
        (10, "unknown", "2", "1", True, *ALWAYS),
    ]
    made = fact_inventory_daily(
        frame(spark, stg_inventory_snapshots, COUNT, *counts),
        frame(spark, int_daily_sales, SOLD, *sales),
        frame(spark, dim_product, VERSION, *versions[1:]),
        overstocked_days=60,
        store_ranges=1,
    )
    assert_rows(
        made.where("snapshot_date = DATE'2026-06-29'"),
        fact_inventory_daily,
        "product_id product_key is_ranged is_in_stock day_units units_28d in_stock_days_28d"
        " daily_demand days_of_supply stock_status",
        ("A", 0, True, False, 0, 3, 1, "3", "0.0", "out_of_stock"),  # its product is not there yet
        ("B", 2, True, True, 0, 3, 1, "3", "0.7", "critical"),
        ("C", 3, True, True, 0, 3, 1, "3", "1.7", "low"),
        ("D", 4, True, True, 0, 0, 1, None, None, "no_movement"),  # all came back
        ("E", 5, True, True, 0, 1, 1, "1", "600.0", "overstocked"),
        ("F", 9, False, True, 4, 3, 1, "3", "2.0", "healthy"),  # discontinued that noon
        ("G", 6, True, True, 0, 4, 0, None, None, "healthy"),  # never counted before
        ("H", 0, False, True, 0, 0, 0, None, None, "no_movement"),  # deleted: known, but no more
        ("unknown", 10, True, True, 0, 0, 0, None, None, "no_movement"),
    )


def test_windows_over_gaps_are_those_that_plain_python_counts(spark: SparkSession) -> None:
    luck = random.Random(7)
    days = [date(2026, 3, 1) + timedelta(n) for n in range(90)]
    pairs = ["P1", "P2", "P3"]
    stock = {(p, d): luck.choice([0, 0, 3, 40]) for p in pairs for d in days if luck.random() < 0.8}
    sold = {(p, d): luck.randint(-2, 6) for p in pairs for d in days if luck.random() < 0.3}
    made = fact_inventory_daily(
        frame(spark, stg_inventory_snapshots, COUNT, *[count(p, d, n) for (p, d), n in stock.items()]),
        frame(spark, int_daily_sales, SOLD, *[("S", p, d, max(n, 0), n) for (p, d), n in sold.items()]),
        frame(spark, dim_product, VERSION),
        overstocked_days=60,
        store_ranges=1,
    )  # fmt: skip
    rows = made.collect()
    assert len(rows) == len(stock)
    for row in rows:
        key, day = row.product_id, row.snapshot_date
        past = [day - timedelta(n) for n in range(1, 29)]
        units = max(sum(sold.get((key, d), 0) for d in past), 0)
        stocked = sum(stock.get((key, d), 0) > 0 for d in past)
        assert (row.units_28d, row.in_stock_days_28d) == (units, stocked)
        assert row.day_units == max(sold.get((key, day), 0), 0)
        if units and stocked:
            lasting = row.quantity_available * stocked / units
            assert abs(float(row.days_of_supply) - lasting) <= 0.0501
            assert abs(float(row.daily_demand) - units / stocked) <= 0.000051
        else:
            assert row.days_of_supply is None
