"""What late product events changed about sales already told."""

from typing import Annotated

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import by_commit, changelog, surrogate_key, table
from retail.terms.events import SEQUENCE
from retail.terms.margin import line_cost, line_profit


@table(
    key=("transaction_id", "fact_version"),
    scope=changelog(),
    schema="""
        transaction_id       STRING NOT NULL COMMENT 'Transaction line',
        fact_version         BIGINT NOT NULL COMMENT 'Version of fact_sales that shows it restated',
        product_id           STRING NOT NULL COMMENT 'Product of the line',
        sold_on              DATE NOT NULL COMMENT 'Business day whose margin it changed',
        sold_at              TIMESTAMP NOT NULL COMMENT 'Instant of the sale, UTC',
        event_at             TIMESTAMP COMMENT 'Sequence of the product event that caused it; null when none did, as when the line was corrected',
        event_operation      STRING COMMENT 'What the event said: upsert or delete',
        event_change         STRING COMMENT 'What became of the event: arrived, corrected or withdrawn',
        net_units            BIGINT NOT NULL COMMENT 'Sold less returned, as of the commit: both costs are told at these units',
        net_amount           DECIMAL(18,2) NOT NULL COMMENT 'Taken less given back, as of the commit',
        product_key_before   BIGINT NOT NULL COMMENT 'Version of dim_product before; 0 not yet arrived',
        product_key_after    BIGINT NOT NULL COMMENT 'Version of dim_product after',
        unit_cost_before     DECIMAL(18,4) COMMENT 'Cost of one unit before; null when unknown',
        unit_cost_after      DECIMAL(18,4) COMMENT 'Cost of one unit after; null when unknown',
        line_cost_before     DECIMAL(18,2) COMMENT 'net_units x unit_cost_before',
        line_cost_after      DECIMAL(18,2) COMMENT 'net_units x unit_cost_after',
        line_profit_before   DECIMAL(18,2) COMMENT 'net_amount - line_cost_before; null when cost was unknown',
        line_profit_after    DECIMAL(18,2) COMMENT 'net_amount - line_cost_after; null when cost is unknown',
        cost_change_amount   DECIMAL(18,2) NOT NULL COMMENT 'Cost after less before, an unknown one as 0',
        profit_change_amount DECIMAL(18,2) NOT NULL COMMENT 'Profit after less before, an unknown one as 0',
        batch_id             STRING COMMENT 'Build that restated the line',
        restated_at          TIMESTAMP NOT NULL COMMENT 'When fact_sales was committed so, UTC'
    """,
)
def restatements(
    fact_sales: Annotated[
        DataFrame,
        by_commit(
            "transaction_id",
            uses=(
                *("product_id", "sold_on", "sold_at", "net_units", "net_amount"),
                *("product_key", "unit_cost"),
            ),
        ),
    ],
    stg_products: Annotated[DataFrame, by_commit("product_id", *SEQUENCE)],
) -> DataFrame:
    """One row per transaction line and commit of fact_sales that gave it another cost or product_key.

    Both costs are told at the units of that commit, so a return in the same build does not mix in;
    a return later does, so margin as first reported is the present units at the first
    unit_cost_before (docs/restatements.md). The change of an unknown cost or profit counts from 0.
    A line that is new, gone, or changed in its units alone is not restated. The event is, of those
    which came with the commit, the one that opened the line's version, else the last at or before
    sold_at, else the product's first. This is a log: a full refresh leaves it as it is, and it
    starts empty when the lake is first built.
    """
    before, after = F.col("before"), F.col("after")
    moved = ~F.struct(before.product_key, before.unit_cost).eqNullSafe(
        F.struct(after.product_key, after.unit_cost)
    )
    lines = fact_sales.where(before.isNotNull() & after.isNotNull() & moved).select(
        "transaction_id",
        F.col("commit_version").alias("fact_version"),
        "after.*",
        F.col("before.product_key").alias("product_key_before"),
        F.col("after.product_key").alias("product_key_after"),
        F.col("before.unit_cost").alias("unit_cost_before"),
        F.col("after.unit_cost").alias("unit_cost_after"),
        "batch_id",
        F.col("committed_at").alias("restated_at"),
    )
    told = lines.join(_events(stg_products), ["product_id", "fact_version"], "left")
    return _measured(told.withColumns(_cause()).drop("events"))


def _events(stg_products: DataFrame) -> DataFrame:
    """Product events by the commit they came with; grain: one row per product and commit."""
    before, after = F.col("before"), F.col("after")
    became = (
        F.when(before.isNull(), "arrived").when(after.isNull(), "withdrawn").otherwise("corrected")
    )
    event = F.struct(
        F.col("sequence").alias("at"),
        "event_no",
        F.coalesce(after, before).operation.alias("operation"),
        became.alias("change"),
        surrogate_key("product_id", "sequence").alias("opens"),
    )
    grouped = stg_products.groupBy("product_id", F.col("commit_version").alias("fact_version"))
    return grouped.agg(F.sort_array(F.collect_list(event)).alias("events"))


def _cause() -> dict[str, Column]:
    """The event that opened the line's version, where it came; an event need not change anything.

    Else the last at or before the sale, else the first: its version then reaches back.
    """
    opening = F.filter("events", lambda event: event["opens"] == F.col("product_key_after"))
    earlier = F.filter("events", lambda event: event["at"] <= F.col("sold_at"))
    cause = F.coalesce(
        F.try_element_at(opening, F.lit(-1)),
        F.try_element_at(earlier, F.lit(-1)),
        F.get("events", F.lit(0)),
    )
    return {f"event_{name}": cause[name] for name in ("at", "operation", "change")}


def _measured(lines: DataFrame) -> DataFrame:
    """Lines with costs and profits on either side, and what changed, an unknown one as 0."""
    sides = {}
    for side in ("before", "after"):
        cost = line_cost(F.col("net_units"), F.col(f"unit_cost_{side}"))
        sides[f"line_cost_{side}"] = cost
        sides[f"line_profit_{side}"] = line_profit(F.col("net_amount"), cost)
    return lines.withColumns(sides).withColumns(
        {f"{what}_change_amount": _change(f"line_{what}") for what in ("cost", "profit")}
    )


def _change(column: str) -> Column:
    now, then = (F.coalesce(f"{column}_{side}", F.lit(0)) for side in ("after", "before"))
    return (now - then).cast("decimal(18,2)")
