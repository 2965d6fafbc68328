"""Daily sales by store and product."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, conserved, days, expect, setting, table
from retail.terms.layout import store_range, store_ranges_sql
from retail.terms.ledger import LINE_COLUMNS, LINES_SQL, entries, order


@table(
    key=("store_id", "product_id", "sold_on"),
    scope=days("sold_on", within="store_range", rows_by=("store_id", "product_id")),
    schema="""
        store_id        STRING NOT NULL COMMENT 'Store of the sale',
        product_id      STRING NOT NULL COMMENT 'Product sold, or code of a charge',
        sold_on         DATE NOT NULL COMMENT 'Business day of the sale or return',
        store_range     INT NOT NULL COMMENT 'Stores that lie together in files',
        gross_units     BIGINT NOT NULL COMMENT 'Units sold',
        returned_units  BIGINT NOT NULL COMMENT 'Units given back',
        net_units       BIGINT NOT NULL COMMENT 'Sold less returned',
        gross_amount    DECIMAL(28,2) NOT NULL COMMENT 'Money taken, after discounts',
        returned_amount DECIMAL(28,2) NOT NULL COMMENT 'Money given back',
        net_amount      DECIMAL(28,2) NOT NULL COMMENT 'After discounts and returns',
        discount_amount DECIMAL(28,2) NOT NULL COMMENT 'Discounts on the lines sold',
        line_count      BIGINT NOT NULL COMMENT 'Lines sold',
        order_count     BIGINT NOT NULL COMMENT 'Orders with a line sold'
    """,
    expects=[
        expect.warn("net_units >= -1000", "more returned than a store plausibly takes back"),
        expect.stop("gross_amount >= 0 AND returned_amount >= 0", "entries are not negative"),
    ],
    references={"sold_on": "dim_date.calendar_on", "store_id": "dim_store.store_id"},
    conserves=[
        conserved("sum(net_amount)", "gold.fact_sales", "sum(net_amount)"),
        conserved("sum(net_units)", "gold.fact_sales", "sum(net_units)"),
        conserved("sum(gross_amount)", "gold.fact_sales", "sum(gross_amount)", by="sold_on"),
        conserved("sum(gross_units)", "gold.fact_sales", "sum(gross_units)", by="sold_on"),
    ],
    duckdb=f"""
        WITH lines AS (
            SELECT *, coalesce(order_id, transaction_id) AS sold_order,
                coalesce(discount_amount, 0) AS discount
            FROM {LINES_SQL}
        ), entries AS (
            SELECT store_id, product_id, sold_on, sold_order, line_units AS gross_units,
                line_amount AS gross_amount, 0 AS returned_units,
                CAST(0 AS DECIMAL(18,2)) AS returned_amount, discount
            FROM lines WHERE sells
            UNION ALL
            SELECT store_id, product_id,
                CASE WHEN is_credit_note THEN sold_on ELSE returned_on END AS sold_on, NULL, 0, 0,
                line_units, abs(line_amount), 0
            FROM lines WHERE gives_back
        ), orders AS (
            SELECT store_id, product_id, sold_on, sold_order, count(sold_order) AS line_count,
                sum(gross_units) AS gross_units, sum(gross_amount) AS gross_amount,
                sum(returned_units) AS returned_units, sum(returned_amount) AS returned_amount,
                sum(discount) AS discount
            FROM entries GROUP BY ALL
        )
        SELECT store_id, product_id, sold_on, store_range,
            CAST(sum(gross_units) AS BIGINT) AS gross_units,
            CAST(sum(returned_units) AS BIGINT) AS returned_units,
            CAST(sum(gross_units) - sum(returned_units) AS BIGINT) AS net_units,
            CAST(sum(gross_amount) AS DECIMAL(28,2)) AS gross_amount,
            CAST(sum(returned_amount) AS DECIMAL(28,2)) AS returned_amount,
            CAST(sum(gross_amount) - sum(returned_amount) AS DECIMAL(28,2)) AS net_amount,
            CAST(sum(discount) AS DECIMAL(28,2)) AS discount_amount,
            CAST(sum(line_count) AS BIGINT) AS line_count, count(sold_order) AS order_count
        FROM orders JOIN {store_ranges_sql("stg_transactions")} USING (store_id)
        GROUP BY store_id, product_id, sold_on, store_range
    """,
)
def int_daily_sales(
    stg_transactions: Annotated[
        DataFrame,
        by_day(
            "sold_on",
            "returned_on",
            uses=("transaction_id", "order_id", "store_id", "product_id", *LINE_COLUMNS),
        ),
    ],
    store_ranges: Annotated[int, setting("layout.store_ranges")],
) -> DataFrame:
    """One row per store, product and business day with at least one sale or return."""
    sold = F.col("is_sale")
    # Counting orders apart would move the lines twice: those of a pair are brought together once.
    lines = stg_transactions.repartition("store_id", "product_id")
    return (
        entries(lines, "transaction_id", "order_id", "store_id", "product_id")
        .groupBy("store_id", "product_id", "sold_on")
        .agg(
            *[
                F.sum(name).alias(name)
                for name in ("gross_units", "returned_units", "gross_amount", "returned_amount")
            ],
            F.sum(F.col("gross_units") - F.col("returned_units")).alias("net_units"),
            F.sum("discount_amount").alias("discount_amount"),
            F.count_if(sold).alias("line_count"),
            F.count_distinct(F.when(sold, order())).alias("order_count"),
        )
        .withColumns(
            {
                "net_amount": (F.col("gross_amount") - F.col("returned_amount")).cast(
                    "decimal(28,2)"
                ),
                "store_range": store_range(F.col("store_id"), store_ranges),
            }
        )
    )
