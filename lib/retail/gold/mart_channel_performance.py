"""What each channel sold, by who is credited and who handed the goods over."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, conserved, days, table
from retail.terms.attribution import NOT_RECORDED
from retail.terms.ledger import order
from retail.terms.share import pct

_GROUPS = (
    "sold_on",
    "channel",
    "fulfillment_type",
    "credited_store_id",
    "fulfilling_store_id",
)


@table(
    key=_GROUPS,
    scope=days("sold_on"),
    schema="""
        sold_on             DATE NOT NULL COMMENT 'Business day of the sale',
        channel             STRING NOT NULL COMMENT 'Where the demand arose: online, in_store or app; not recorded',
        fulfillment_type    STRING NOT NULL COMMENT 'in_store, bopis or ship_to_home; not recorded',
        credited_store_id   STRING NOT NULL COMMENT 'Store credited; online when shipped',
        fulfilling_store_id STRING NOT NULL COMMENT 'Node that handed the goods over',
        order_count         BIGINT NOT NULL COMMENT 'Orders with a line here that was not cancelled',
        line_count          BIGINT NOT NULL COMMENT 'Lines, cancelled ones left out',
        gross_units         BIGINT NOT NULL COMMENT 'Units sold',
        returned_units      BIGINT NOT NULL COMMENT 'Units given back, on whichever day',
        net_units           BIGINT NOT NULL COMMENT 'Sold less returned',
        gross_amount        DECIMAL(28,2) NOT NULL COMMENT 'Money taken, after discount',
        returned_amount     DECIMAL(28,2) NOT NULL COMMENT 'Money given back',
        net_amount          DECIMAL(28,2) NOT NULL COMMENT 'Taken less given back',
        costed_amount       DECIMAL(28,2) NOT NULL COMMENT 'net_amount of the lines whose cost is known',
        cost_amount         DECIMAL(28,2) NOT NULL COMMENT 'Cost of those lines',
        profit_amount       DECIMAL(28,2) NOT NULL COMMENT 'costed_amount - cost_amount',
        uncosted_line_count BIGINT NOT NULL COMMENT 'Lines whose cost is unknown',
        margin_pct          DECIMAL(18,2) COMMENT 'profit_amount as a percentage of costed_amount; null at 0'
    """,
    references={
        "sold_on": "dim_date.calendar_on",
        "credited_store_id": "dim_store.store_id",
        "fulfilling_store_id": "dim_store.store_id",
    },
    conserves=[
        conserved("sum(net_amount)", "gold.fact_sales", "sum(net_amount)", by="sold_on"),
        conserved("sum(net_units)", "gold.fact_sales", "sum(net_units)", by="sold_on"),
        conserved("sum(profit_amount)", "gold.fact_sales", "sum(line_profit)", by="sold_on"),
    ],
)
def mart_channel_performance(
    fact_sales: Annotated[
        DataFrame,
        by_day(
            "sold_on",
            uses=(
                *("transaction_id", "order_id", "is_cancelled", *_GROUPS[1:]),
                *("net_amount", "line_cost"),
                *("gross_units", "returned_units", "net_units", "gross_amount", "returned_amount"),
                "line_profit",
            ),
        ),
    ],
) -> DataFrame:
    """One row per business day, channel, fulfilment type, store credited and node.

    Summed by channel (who asked), by node (who shipped) or by store credited (who earned), it is
    the same money: three views of one net amount.
    """
    counts = ~F.col("is_cancelled")
    costed = F.when(F.col("line_profit").isNotNull(), F.col("net_amount")).otherwise(0)
    named = {name: F.coalesce(name, F.lit(NOT_RECORDED)) for name in _GROUPS[1:3]}
    money = {
        "gross_amount": F.col("gross_amount"),
        "returned_amount": F.col("returned_amount"),
        "net_amount": F.col("net_amount"),
        "costed_amount": costed,
        "cost_amount": F.coalesce("line_cost", F.lit(0)),
        "profit_amount": F.coalesce("line_profit", F.lit(0)),
    }
    return (
        fact_sales.withColumns(named)
        .groupBy(*_GROUPS)
        .agg(
            F.count_distinct(F.when(counts, order())).alias("order_count"),
            F.count_if(counts).alias("line_count"),
            *[F.sum(name).alias(name) for name in ("gross_units", "returned_units", "net_units")],
            *[F.sum(value).cast("decimal(28,2)").alias(name) for name, value in money.items()],
            F.count_if(counts & F.col("line_profit").isNull()).alias("uncosted_line_count"),
        )
        .withColumn("margin_pct", pct(F.col("profit_amount"), F.col("costed_amount")))
    )
