"""Daily sales of groups of pairs: they tell what a single pair sells too seldom to tell."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, by_key, by_version, conserved, days, table, valid_at
from retail.terms.members import without_members
from retail.terms.pools import POOLS, UNKNOWN


@table(
    key=("pool", "member", "sold_on"),
    scope=days("sold_on"),
    schema="""
        pool    STRING NOT NULL COMMENT 'Kind of group: category, region, cluster or category_region',
        member  STRING NOT NULL COMMENT 'The group, as tools, West, West-2, tools in West; unknown where it is',
        sold_on DATE NOT NULL COMMENT 'Business day of the sale',
        units   BIGINT NOT NULL COMMENT 'Units sold by the pairs of the group'
    """,
    references={"sold_on": "dim_date.calendar_on"},
    conserves=[conserved("sum(units)", "silver.int_daily_sales", "4 * sum(gross_units)")],
)
def int_pooled_sales(
    int_daily_sales: Annotated[
        DataFrame, by_day("sold_on", uses=("store_id", "product_id", "gross_units"))
    ],
    dim_product: Annotated[
        DataFrame, by_version("product_id", at="sold_on", uses=("durable_key", "category"))
    ],
    dim_store: Annotated[DataFrame, by_key("store_id", uses=("store_key", "region", "cluster"))],
) -> DataFrame:
    """One row per kind of group, group and business day on which it sold something.

    A product counts for the category it had when the day began, a store for its present region
    and cluster. Every unit is counted once in each kind of group.
    """
    products = without_members(dim_product, "durable_key").drop("durable_key")
    stores = without_members(dim_store, "store_key").drop("store_key")
    sold = int_daily_sales.where("gross_units > 0")
    placed = valid_at(sold, F.broadcast(products), "product_id", F.col("sold_on")).join(
        F.broadcast(stores), "store_id", "left"
    )
    single = ("category", "region", "cluster")
    named = {name: F.coalesce(name, F.lit(UNKNOWN)) for name in single}
    summed = (
        placed.withColumns(named)
        .groupBy("sold_on", *named)
        .agg(F.sum("gross_units").alias("units"))
    )
    members = (*(F.col(name) for name in single), F.concat_ws(" in ", "category", "region"))
    pools = zip(POOLS, members, strict=True)
    groups = F.array(*[F.struct(F.lit(p).alias("pool"), m.alias("member")) for p, m in pools])
    return (
        summed.select("sold_on", "units", F.inline(groups))
        .groupBy("pool", "member", "sold_on")
        .agg(F.sum("units").alias("units"))
    )
