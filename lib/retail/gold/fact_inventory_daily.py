"""Stock at the close of each day, how long it lasts and what state it is in."""

from typing import Annotated

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.window import WindowSpec

from lakehouse import UNKNOWN, by_day, by_version, conserved, days, expect, setting, table, valid_at
from retail.kernels.stock import stock as kernel
from retail.terms import stock
from retail.terms.layout import store_range
from retail.terms.members import without_members


@table(
    key=("store_id", "product_id", "snapshot_date"),
    scope=days(
        "snapshot_date",
        within="store_range",
        kernel=kernel,
        rows_by=("store_id", "product_id"),
    ),
    schema="""
        store_id                STRING NOT NULL COMMENT 'Store or node',
        product_id              STRING NOT NULL COMMENT 'Product',
        product_key             BIGINT NOT NULL COMMENT 'Version of dim_product valid at the close; 0 not yet arrived',
        snapshot_date           DATE NOT NULL COMMENT 'Day whose close the count shows',
        store_range             INT NOT NULL COMMENT 'Stores that lie together in files',
        quantity_on_hand        INT COMMENT 'Units in the building',
        quantity_reserved       INT COMMENT 'Units promised to orders',
        quantity_available      INT NOT NULL COMMENT 'Units that can be sold',
        reorder_point           INT COMMENT 'Units at which to order again',
        safety_stock            INT COMMENT 'Units kept against surprises',
        is_ranged               BOOLEAN NOT NULL COMMENT 'Counted on the day and neither discontinued nor deleted; a product nobody has described yet is neither',
        is_in_stock             BOOLEAN NOT NULL COMMENT 'At least one unit is available',
        unit_price              DECIMAL(18,4) COMMENT 'List price at the close',
        unit_cost               DECIMAL(18,4) COMMENT 'Cost of one unit at the close',
        day_units               BIGINT NOT NULL COMMENT 'Units sold on the day',
        units_28d               BIGINT NOT NULL COMMENT 'Net units of the 28 days before the day, at least 0',
        in_stock_days_28d       INT NOT NULL COMMENT 'Days among them that closed with stock',
        daily_demand            DECIMAL(18,4) COMMENT 'units_28d / in_stock_days_28d; null without sales',
        days_of_supply          DECIMAL(18,1) COMMENT 'Available / daily_demand; null without sales',
        reported_days_of_supply DOUBLE COMMENT 'As the store system reports it',
        stock_status            STRING NOT NULL COMMENT 'out_of_stock, critical, low, no_movement, overstocked or healthy'
    """,
    expects=[
        expect.warn("NOT is_ranged OR product_key <> 0", "counted products are known"),
        expect.stop("in_stock_days_28d BETWEEN 0 AND 28", "a window has 28 days"),
        expect.stop("units_28d >= 0", "units of a window are not negative"),
    ],
    references={
        "product_key": "dim_product.product_key",
        "store_id": "dim_store.store_id",
        "snapshot_date": "dim_date.calendar_on",
    },
    conserves=[
        conserved("count(*)", "silver.stg_inventory_snapshots", "count(*)", by="snapshot_date"),
        conserved(
            "sum(quantity_available)",
            "silver.stg_inventory_snapshots",
            "sum(quantity_available)",
            by="snapshot_date",
        ),
    ],
)
def fact_inventory_daily(
    stg_inventory_snapshots: Annotated[
        DataFrame,
        by_day(
            "snapshot_date",
            windows=(stock.WINDOW_DAYS,),
            uses=(
                *("store_id", "product_id", "closed_at", "reorder_point", "safety_stock"),
                *("quantity_on_hand", "quantity_reserved", "quantity_available", "days_of_supply"),
            ),
        ),
    ],
    int_daily_sales: Annotated[
        DataFrame,
        by_day(
            "sold_on",
            windows=(stock.WINDOW_DAYS,),
            uses=("store_id", "product_id", "gross_units", "net_units"),
        ),
    ],
    dim_product: Annotated[
        DataFrame,
        by_version(
            "product_id",
            at="closed_at",
            uses=("product_key", "unit_price", "unit_cost", "is_active"),
            onwards=True,
        ),
    ],
    overstocked_days: Annotated[int, setting("stock.overstocked_days")],
    store_ranges: Annotated[int, setting("layout.store_ranges")],
) -> DataFrame:
    """One row per store, product and day with a count.

    The formulas are those of retail.terms.stock. A count of the future moves no day before it:
    demand is that of the 28 days before the day.
    """
    counted = _with_past(stg_inventory_snapshots, int_daily_sales)
    closed = F.col("closed_at")
    products = without_members(dim_product, "product_key")
    listed = products.groupBy("product_id").agg(F.min("valid_from").alias("_listed_at"))
    known = valid_at(counted, F.broadcast(products), "product_id", closed).join(
        F.broadcast(listed), "product_id", "left"
    )
    is_deleted = F.col("product_key").isNull() & (F.col("_listed_at") <= closed)
    return (
        known.withColumnRenamed("days_of_supply", "reported_days_of_supply")
        .withColumns(
            {
                "product_key": F.coalesce("product_key", F.lit(UNKNOWN).cast("bigint")),
                "is_ranged": F.coalesce("is_active", ~is_deleted, F.lit(True)),
                "is_in_stock": F.col("quantity_available") > 0,
                "daily_demand": stock.daily_demand(),
                "days_of_supply": stock.days_of_supply(),
                "store_range": store_range(F.col("store_id"), store_ranges),
            }
        )
        .withColumn("stock_status", stock.stock_status(overstocked_days))
        .drop("is_active", "closed_at", "_listed_at")
    )


def _with_past(counts: DataFrame, sales: DataFrame) -> DataFrame:
    """Counts with the sales of their day and of the window before it; grain: that of counts."""
    pair = ("store_id", "product_id")
    attributes = [name for name in counts.columns if name not in (*pair, "snapshot_date")]
    none = F.lit(0).cast("bigint")
    closes = counts.select(
        *pair,
        "snapshot_date",
        F.struct(*attributes).alias("_count"),
        (F.col("quantity_available") > 0).cast("int").alias("_in_stock"),
        *[none.alias(name) for name in ("gross_units", "net_units")],
    )
    sold = sales.select(
        *pair,
        F.col("sold_on").alias("snapshot_date"),
        F.lit(None).cast(closes.schema["_count"].dataType).alias("_count"),
        F.lit(0).alias("_in_stock"),
        "gross_units",
        "net_units",
    )
    day = F.unix_date("snapshot_date")
    past = Window.partitionBy(*pair).orderBy(day).rangeBetween(-stock.WINDOW_DAYS, -1)
    same_day = Window.partitionBy(*pair).orderBy(day).rangeBetween(0, 0)

    def total(column: str, window: WindowSpec) -> Column:
        return F.coalesce(F.sum(column).over(window), F.lit(0))

    summed = closes.unionByName(sold).select(
        *pair,
        "snapshot_date",
        "_count",
        total("gross_units", same_day).alias("day_units"),
        F.greatest(total("net_units", past), none).alias("units_28d"),
        total("_in_stock", past).cast("int").alias("in_stock_days_28d"),
    )
    kept = summed.where("_count IS NOT NULL")
    return kept.select("*", "_count.*").drop("_count")
