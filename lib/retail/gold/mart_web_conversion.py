"""Visits and what came of them: orders online, and in the store in the days after."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, conserved, days, table
from retail.terms import ledger
from retail.terms.share import pct

# An order counts as a visit's own for less than this many days after it began.
WITHIN = 7


@table(
    key=("started_on", "device_type"),
    scope=days("started_on"),
    schema="""
        started_on            DATE NOT NULL COMMENT 'Day of the visit, UTC',
        device_type           STRING NOT NULL COMMENT 'Kind of device; unknown',
        session_count         BIGINT NOT NULL COMMENT 'Visits',
        known_session_count   BIGINT NOT NULL COMMENT 'Visits of customers who signed in',
        product_session_count BIGINT NOT NULL COMMENT 'Visits that looked at a product',
        cart_session_count    BIGINT NOT NULL COMMENT 'Visits that filled a cart',
        purchase_count        BIGINT NOT NULL COMMENT 'Visits that ended in a purchase',
        online_order_count    BIGINT NOT NULL COMMENT 'Orders online or in the app of the same customer within 7 days',
        store_order_count     BIGINT NOT NULL COMMENT 'Orders in store of the same customer within 7 days',
        conversion_pct        DECIMAL(18,2) NOT NULL COMMENT 'purchase_count as a percentage of session_count'
    """,
    conserves=[
        conserved("sum(session_count)", "silver.int_web_sessions", "count(*)", by="started_on")
    ],
)
def mart_web_conversion(
    int_web_sessions: Annotated[
        DataFrame,
        by_day(
            "started_on",
            lags=range(-WITHIN - 1, 0),
            uses=(
                *("session_id", "customer_id", "device_type", "started_at"),
                *("is_product_seen", "is_cart_filled", "is_converted"),
            ),
        ),
    ],
    stg_transactions: Annotated[
        DataFrame,
        by_day(
            "sold_on",
            lags=range(-WITHIN - 1, 2),
            uses=(
                *("transaction_id", "order_id", "customer_id", "sold_at", "channel"),
                *ledger.SALE_COLUMNS,
            ),
        ),
    ],
) -> DataFrame:
    """One row per day and device with a visit.

    An order belongs to the last visit that its customer began at or before it (last touch), if that
    lies less than 7 days back, so that no order counts twice; one whose lines were sold on several
    business days counts once for each. Days of visits are UTC and business days the store's: the
    day on either side is read too.
    """
    known = int_web_sessions.where("customer_id IS NOT NULL")
    touched = _orders(stg_transactions).join(
        known.select("customer_id", "started_at", "session_id"), "customer_id"
    )
    ago = F.col("ordered_at") - F.col("started_at")
    week = F.expr(f"INTERVAL '{WITHIN}' DAY")
    before = (F.col("started_at") <= F.col("ordered_at")) & (ago < week)
    led = (
        touched.where(before)
        .groupBy("order", "sold_on", "is_store_order")
        .agg(F.max(F.struct("started_at", "session_id")).session_id.alias("session_id"))
    )
    orders = led.groupBy("session_id").agg(
        F.count_if(~F.col("is_store_order")).alias("online"),
        F.count_if(F.col("is_store_order")).alias("in_store"),
    )
    return (
        int_web_sessions.join(orders, "session_id", "left")
        .groupBy("started_on", "device_type")
        .agg(
            F.count("*").alias("session_count"),
            F.count("customer_id").alias("known_session_count"),
            F.count_if("is_product_seen").alias("product_session_count"),
            F.count_if("is_cart_filled").alias("cart_session_count"),
            F.count_if("is_converted").alias("purchase_count"),
            F.coalesce(F.sum("online"), F.lit(0)).alias("online_order_count"),
            F.coalesce(F.sum("in_store"), F.lit(0)).alias("store_order_count"),
        )
        .withColumn("conversion_pct", pct(F.col("purchase_count"), F.col("session_count")))
    )


def _orders(lines: DataFrame) -> DataFrame:
    """What known customers ordered; grain: order, customer, business day and whether in store."""
    goods = ledger.sells() & ~ledger.is_charge()
    in_store = (F.col("channel") == "in_store").alias("is_store_order")
    return (
        lines.where(goods & F.col("customer_id").isNotNull())
        .groupBy(ledger.order().alias("order"), "customer_id", "sold_on", in_store)
        .agg(F.min("sold_at").alias("ordered_at"))
    )
