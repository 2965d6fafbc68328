"""Product history: versions, what cuts one, and its current view."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_product import dim_product
from retail.gold.dim_product_current import dim_product_current
from retail.silver.stg_products import stg_products

EVENT = "product_id product_name unit_price unit_cost is_active sequence operation"
VERSION = "product_id product_name unit_price unit_cost is_active valid_from valid_to is_current"
OPEN = "9999-12-31 00:00:00"


def test_a_tracked_change_cuts_a_version_and_the_newest_name_shows_in_all(
    spark: SparkSession,
) -> None:
    events = frame(
        spark,
        stg_products,
        EVENT,
        ("P", "saw", "10", "6", True, "2026-06-03 08:00:00", "upsert"),
        ("P", "Saw", "12", "6", True, "2026-06-05 08:00:00", "upsert"),
        ("P", None, "12", "6", True, "2026-06-07 08:00:00", "upsert"),  # nothing tracked changed
        ("P", "Hand saw", "12", "6", False, "2026-06-09 08:00:00", "upsert"),
        ("Q", "nail", "1", None, True, "2026-06-03 08:00:00", "upsert"),
    )
    assert_rows(
        dim_product(events, "1900-01-01").where("product_key NOT IN (0, -1)"),
        dim_product,
        VERSION,
        ("P", "Hand saw", 10, 6, True, "1900-01-01 00:00:00", "2026-06-05 08:00:00", False),
        ("P", "Hand saw", 12, 6, True, "2026-06-05 08:00:00", "2026-06-09 08:00:00", False),
        ("P", "Hand saw", 12, 6, False, "2026-06-09 08:00:00", OPEN, True),
        ("Q", "nail", 1, None, True, "1900-01-01 00:00:00", OPEN, True),
    )


def test_margins_keys_and_members(spark: SparkSession) -> None:
    events = frame(
        spark,
        stg_products,
        EVENT,
        ("P", "saw", "8", "6", True, "2026-06-03 08:00:00", "upsert"),
        ("Q", "gift", "0", "1", True, "2026-06-03 08:00:00", "upsert"),
    )
    # xxhash64 with seed 42, as Spark documents it: the keys must never change.
    keys = spark.sql(
        "SELECT xxhash64('P', TIMESTAMP'1900-01-01') p, xxhash64('P') dp,"
        " xxhash64('Q', TIMESTAMP'1900-01-01') q, xxhash64('Q') dq"
    ).collect()[0]
    assert_rows(
        dim_product(events, "1900-01-01"),
        dim_product,
        "product_key durable_key product_id gross_margin margin_pct is_current",
        (keys.p, keys.dp, "P", "2", "25.00", True),
        (keys.q, keys.dq, "Q", "-1", None, True),
        (0, 0, "unknown", None, None, True),
        (-1, -1, "not applicable", None, None, True),
    )


def test_the_current_view_has_a_row_a_product(spark: SparkSession) -> None:
    versions = frame(
        spark,
        dim_product,
        "product_key product_id unit_price valid_from is_current",
        (1, "P", "10", "1900-01-01 00:00:00", False),
        (2, "P", "12", "2026-06-05 08:00:00", True),
        (3, "Q", "1", "1900-01-01 00:00:00", True),
    )
    versions.createOrReplaceTempView("versions")
    current = spark.sql(dim_product_current().replace("gold.dim_product", "versions"))
    found = [(row.product_key, row.product_id, int(row.unit_price)) for row in current.collect()]
    assert sorted(found) == [(2, "P", 12), (3, "Q", 1)]
