"""How well stores are stocked: what is out, what it costs, what lies too long."""

from typing import Annotated

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, by_key, conserved, days, table
from retail.terms.share import pct


@table(
    key=("snapshot_date", "store_id", "category"),
    scope=days("snapshot_date"),
    schema="""
        snapshot_date       DATE NOT NULL COMMENT 'Day whose close is meant',
        store_id            STRING NOT NULL COMMENT 'Store or node',
        category            STRING NOT NULL COMMENT 'Department; unknown where the product has none',
        ranged_count        BIGINT NOT NULL COMMENT 'Products carried: counted and not discontinued',
        stock_out_count     BIGINT NOT NULL COMMENT 'Of these, without a unit available',
        low_count           BIGINT NOT NULL COMMENT 'Of these, critical or low',
        stock_out_pct       DECIMAL(18,2) COMMENT 'stock_out_count as a percentage of ranged_count; null at 0',
        available_units     BIGINT NOT NULL COMMENT 'Units that can be sold, discontinued products included',
        stock_amount        DECIMAL(28,2) COMMENT 'Their cost, where it is known; null where none is',
        lost_units          DECIMAL(28,4) NOT NULL COMMENT 'Demand that stock-outs left unmet: daily_demand less the units sold on the day, at least 0',
        lost_amount         DECIMAL(28,2) COMMENT 'lost_units at list price; null where no price is known',
        dead_count          BIGINT NOT NULL COMMENT 'Products with stock and no net units in the 28 days before: nothing sold, or all of it returned',
        dead_units          BIGINT NOT NULL COMMENT 'Their units',
        overstocked_count   BIGINT NOT NULL COMMENT 'Products with more days of supply than conf allows',
        overstocked_units   BIGINT NOT NULL COMMENT 'Their units'
    """,
    references={"snapshot_date": "dim_date.calendar_on", "store_id": "dim_store.store_id"},
    conserves=[
        conserved(
            "sum(ranged_count)",
            "gold.fact_inventory_daily",
            "count(*) FILTER (is_ranged)",
            by="snapshot_date",
        ),
        conserved(
            "sum(available_units)",
            "gold.fact_inventory_daily",
            "sum(greatest(quantity_available, 0))",
            by="snapshot_date",
        ),
    ],
)
def mart_inventory_health(
    fact_inventory_daily: Annotated[
        DataFrame,
        by_day(
            "snapshot_date",
            uses=(
                *("store_id", "product_key", "quantity_available", "is_ranged", "unit_price"),
                *("unit_cost", "day_units", "daily_demand", "stock_status", "units_28d"),
            ),
        ),
    ],
    dim_product: Annotated[DataFrame, by_key("product_key", uses=("category",))],
) -> DataFrame:
    """One row per day, store and category with a count."""
    category = F.coalesce("category", F.lit("unknown"))
    ranged = F.col("is_ranged")
    out = ranged & (F.col("stock_status") == "out_of_stock")
    low = ranged & F.col("stock_status").isin("critical", "low")
    units = F.greatest("quantity_available", F.lit(0)).cast("bigint")
    unmet = F.greatest(F.col("daily_demand") - F.col("day_units"), F.lit(0))
    lost = F.when(out, F.coalesce(unmet, F.lit(0))).otherwise(0).cast("decimal(18,4)")
    dead = (units > 0) & (F.col("units_28d") == 0)
    over = F.col("stock_status") == "overstocked"

    def total(value: Column, kind: str) -> Column:
        return F.sum(value).cast(kind)

    return (
        fact_inventory_daily.join(
            F.broadcast(dim_product.select("product_key", "category")), "product_key", "left"
        )
        .groupBy("snapshot_date", "store_id", category.alias("category"))
        .agg(
            F.count_if(ranged).alias("ranged_count"),
            F.count_if(out).alias("stock_out_count"),
            F.count_if(low).alias("low_count"),
            total(units, "bigint").alias("available_units"),
            total(units * F.col("unit_cost"), "decimal(28,2)").alias("stock_amount"),
            total(lost, "decimal(28,4)").alias("lost_units"),
            total(lost * F.col("unit_price"), "decimal(28,2)").alias("lost_amount"),
            F.count_if(dead).alias("dead_count"),
            total(F.when(dead, units).otherwise(0), "bigint").alias("dead_units"),
            F.count_if(over).alias("overstocked_count"),
            total(F.when(over, units).otherwise(0), "bigint").alias("overstocked_units"),
        )
        .withColumn("stock_out_pct", pct(F.col("stock_out_count"), F.col("ranged_count")))
    )
