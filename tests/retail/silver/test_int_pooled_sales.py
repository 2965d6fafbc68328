"""Sales of groups: every unit once in each kind, under the category of the day and the present store."""

from pyspark.sql import SparkSession
from rows import assert_rows, frame

from retail.gold.dim_product import dim_product
from retail.gold.dim_store import dim_store
from retail.silver.int_daily_sales import int_daily_sales
from retail.silver.int_pooled_sales import int_pooled_sales

DAY, NEXT, NOON = "2026-06-01", "2026-06-02", "2026-06-01 12:00:00"
ALWAYS = ("1900-01-01 00:00:00", "9999-12-31 00:00:00")


def test_each_unit_counts_once_in_each_kind_of_group(spark: SparkSession) -> None:
    sales = frame(
        spark,
        int_daily_sales,
        "store_id product_id sold_on gross_units",
        ("S1", "A", DAY, 2),
        ("S1", "A", NEXT, 3),  # in its new category
        ("S2", "A", DAY, 4),
        ("S2", "unknown", DAY, 1),  # a product called like a member
        ("X", "nobody's", DAY, 5),
        ("S1", "A", "2026-06-03", 0),  # only returned
    )
    products = frame(
        spark,
        dim_product,
        "durable_key product_id category valid_from valid_to",
        (1, "A", "paint", ALWAYS[0], NOON),
        (1, "A", "tools", NOON, ALWAYS[1]),
        (0, "unknown", None, *ALWAYS),
        (2, "unknown", "lumber", *ALWAYS),
    )
    stores = frame(
        spark,
        dim_store,
        "store_key store_id region cluster",
        (1, "S1", "West", "West-2"),
        (2, "S2", "West", None),
        (0, "X", None, None),
    )
    assert_rows(
        int_pooled_sales(sales, products, stores),
        int_pooled_sales,
        "pool member sold_on units",
        ("category", "paint", DAY, 6),
        ("category", "tools", NEXT, 3),
        ("category", "lumber", DAY, 1),
        ("category", "unknown", DAY, 5),
        ("region", "West", DAY, 7),
        ("region", "West", NEXT, 3),
        ("region", "unknown", DAY, 5),
        ("cluster", "West-2", DAY, 2),
        ("cluster", "West-2", NEXT, 3),
        ("cluster", "unknown", DAY, 10),
        ("category_region", "paint in West", DAY, 6),
        ("category_region", "tools in West", NEXT, 3),
        ("category_region", "lumber in West", DAY, 1),
        ("category_region", "unknown in unknown", DAY, 5),
    )
