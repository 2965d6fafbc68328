"""Visits to the site and the app, and how far they got."""

from collections.abc import Callable
from typing import Annotated

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, conserved, keys, table


@table(
    key=("session_id",),
    scope=keys("session_id", partitioned_by="started_on"),
    schema="""
        session_id       STRING NOT NULL COMMENT 'Visit',
        customer_id      STRING COMMENT 'Customer who signed in last; null for nobody',
        device_type      STRING NOT NULL COMMENT 'Device of the first event that names one, else unknown',
        started_at       TIMESTAMP NOT NULL COMMENT 'First event, UTC',
        ended_at         TIMESTAMP NOT NULL COMMENT 'Last event, UTC',
        started_on       DATE NOT NULL COMMENT 'Day of the first event, UTC',
        event_count      BIGINT NOT NULL COMMENT 'Events',
        product_count    BIGINT NOT NULL COMMENT 'Different products looked at',
        step_reached     STRING NOT NULL COMMENT 'visit, product, cart or purchase: the furthest step',
        is_product_seen  BOOLEAN NOT NULL COMMENT 'Looked at a product',
        is_cart_filled   BOOLEAN NOT NULL COMMENT 'Put something into the cart',
        is_converted     BOOLEAN NOT NULL COMMENT 'Ended in a purchase'
    """,
    conserves=[conserved("sum(event_count)", "silver.stg_page_views", "count(*)")],
)
def int_web_sessions(
    stg_page_views: Annotated[
        DataFrame,
        by_key(
            "session_id",
            uses=("event_timestamp", "event_type", "customer_id", "product_id", "device_type"),
        ),
    ],
) -> DataFrame:
    """One row per visit, whatever day its events lie on.

    Of events at one instant the lowest value counts, so that their order never matters.
    """
    first, last = F.min("event_timestamp"), F.max("event_timestamp")
    steps = F.col("event_type")
    bought, filled = F.bool_or(steps == "purchase"), F.bool_or(steps == "add_to_cart")
    seen = F.count("product_id") > 0
    reached = (
        F.when(bought, "purchase").when(filled, "cart").when(seen, "product").otherwise("visit")
    )
    # Counting products apart would move the events twice: those of a visit are brought together once.
    return (
        stg_page_views.repartition("session_id")
        .groupBy("session_id")
        .agg(
            _by_time("customer_id", F.max).alias("customer_id"),
            F.coalesce(_by_time("device_type", F.min), F.lit("unknown")).alias("device_type"),
            first.alias("started_at"),
            last.alias("ended_at"),
            F.to_date(first).alias("started_on"),
            F.count("*").alias("event_count"),
            F.count_distinct("product_id").alias("product_count"),
            reached.alias("step_reached"),
            seen.alias("is_product_seen"),
            (filled | bought).alias("is_cart_filled"),
            bought.alias("is_converted"),
        )
    )


def _by_time(column: str, extreme: Callable[[Column], Column]) -> Column:
    """The value of the first (min) or last (max) event that has one."""
    timed = F.when(F.col(column).isNotNull(), F.struct("event_timestamp", column))
    return extreme(timed)[column]
