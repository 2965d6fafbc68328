"""What customers bought, and what that makes of them, week by week."""

from datetime import date
from typing import Annotated

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import by_day, setting, table, whole
from retail.terms import calendar, segments
from retail.terms.ledger import LINE_COLUMNS, entries, order


@table(
    key=("customer_id", "grid_on"),
    scope=whole(),
    schema="""
        customer_id      STRING NOT NULL COMMENT 'Customer',
        grid_on          DATE NOT NULL COMMENT 'Fiscal week end, or the last day: figures are those of its close',
        first_ordered_on DATE NOT NULL COMMENT 'Day of the first order',
        last_ordered_on  DATE NOT NULL COMMENT 'Day of the last order',
        recency_days     INT COMMENT 'Days since the last order; null when it is 365 days ago or more',
        frequency        BIGINT NOT NULL COMMENT 'Orders in the 365 days to the grid day',
        monetary_amount  DECIMAL(28,2) NOT NULL COMMENT 'Net amount of those days: sales less returns by their own day',
        recency_score    INT COMMENT '1 to 5, 5 the most recent; null without an order in those days',
        frequency_score  INT COMMENT '1 to 5, 5 the most frequent',
        monetary_score   INT COMMENT '1 to 5, 5 the highest, by whole units of the currency',
        lifetime_value   DECIMAL(28,2) NOT NULL COMMENT 'Net amount of all days to the grid day',
        segment          STRING NOT NULL COMMENT 'By the scores, see retail.terms.segments; no_purchase without',
        previous_segment STRING COMMENT 'That of the grid day before; null on the first'
    """,
)
def int_customer_metrics(
    stg_transactions: Annotated[
        DataFrame,
        by_day("sold_on", uses=("transaction_id", "order_id", "customer_id", *LINE_COLUMNS)),
    ],
    fiscal: Annotated[calendar.Rule, setting("fiscal_calendar")],
    as_of: date,
) -> DataFrame:
    """One row per customer and grid day on or after their first order.

    The ledger dates money, so a return of next week changes no figure of this one.
    """
    known = stg_transactions.where("customer_id IS NOT NULL").withColumn("order_id", order())
    ordered_on = F.when(F.col("is_sale"), F.col("sold_on"))
    orders = (
        entries(known, "customer_id", "order_id")
        .groupBy("customer_id", "order_id", "sold_on")
        .agg(
            F.max(ordered_on).alias("ordered_on"),
            F.sum(F.col("gross_amount") - F.col("returned_amount")).alias("amount"),
        )
    )
    grid = calendar.grid(stg_transactions, "sold_on", as_of, fiscal)
    so_far = orders.join(F.broadcast(grid), F.col("sold_on") <= F.col("grid_on"))
    recent = F.datediff("grid_on", "sold_on") < segments.WINDOW_DAYS
    counted = F.when(recent & F.col("ordered_on").isNotNull(), F.col("order_id"))
    figures = (
        so_far.groupBy("customer_id", "grid_on")
        .agg(
            F.min("ordered_on").alias("first_ordered_on"),
            F.max("ordered_on").alias("last_ordered_on"),
            F.count_distinct(counted).alias("frequency"),
            F.sum(F.when(recent, F.col("amount")).otherwise(0))
            .cast("decimal(28,2)")
            .alias("monetary_amount"),
            F.sum("amount").cast("decimal(28,2)").alias("lifetime_value"),
        )
        # No amount of 28 digits reaches 1E26. Named here, lifetime_value is a column to both readers
        # of the figures, thresholds and rows: of other columns Spark would make them twice.
        .where("first_ordered_on IS NOT NULL AND coalesce(lifetime_value, 0) < 1E26BD")
    )
    return _segmented(figures)


def _segmented(figures: DataFrame) -> DataFrame:
    """Figures with recency, scores and segments; those without a recent order score nothing."""
    buys = F.col("frequency") > 0
    days = F.when(buys, F.datediff("grid_on", "last_ordered_on"))
    rows = figures.withColumns(
        {
            "recency_days": days,
            "_recency": days.cast("bigint"),
            "_frequency": F.when(buys, F.col("frequency")),
            "_monetary": F.when(buys, F.floor("monetary_amount")),
        }
    )
    names = ("recency", "frequency", "monetary")
    rows = segments.with_scores(rows, "grid_on", {f"_{name}": f"{name}_score" for name in names})
    rows = rows.withColumn("recency_score", 6 - F.col("recency_score"))  # few days are recent
    scores = [F.col(f"{name}_score") for name in names]
    in_time = Window.partitionBy("customer_id").orderBy("grid_on")
    return rows.withColumn("segment", segments.segment(*scores)).withColumn(
        "previous_segment", F.lag("segment").over(in_time)
    )
