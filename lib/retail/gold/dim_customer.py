"""Customers in their newest state, with what they are worth."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import (
    by_day,
    newest_state,
    surrogate_key,
    table,
    whole,
    with_members,
)
from retail.terms.events import SEQUENCE
from retail.terms.members import members
from retail.terms.segments import NO_PURCHASE


@table(
    key=("customer_key",),
    scope=whole(),
    schema="""
        customer_key  BIGINT NOT NULL COMMENT 'xxhash64(customer_id); 0 not yet arrived, -1 anonymous',
        customer_id   STRING NOT NULL COMMENT 'Customer',
        customer_type STRING COMMENT 'consumer or pro',
        email         STRING COMMENT 'Address for receipts',
        first_name    STRING COMMENT 'First name',
        last_name     STRING COMMENT 'Last name',
        city          STRING COMMENT 'City',
        state         STRING COMMENT 'Two-letter state',
        zip_code      STRING COMMENT 'Postal code',
        created_at    TIMESTAMP COMMENT 'When the customer registered, UTC',
        loyalty_tier  STRING COMMENT 'bronze, silver, gold or pro_xtra',
        lifetime_value      DECIMAL(28,2) COMMENT 'Net amount of all days; 0 without a purchase',
        first_order_date    DATE COMMENT 'Day of the first order',
        last_order_date     DATE COMMENT 'Day of the last order',
        purchase_segment    STRING COMMENT 'Segment on the last grid day; no_purchase without one',
        is_inferred   BOOLEAN NOT NULL COMMENT 'No master: it has not arrived, or was deleted'
    """,
)
def dim_customer(
    stg_customers: DataFrame,
    stg_transactions: Annotated[DataFrame, by_day("sold_on", uses=("customer_id",))],
    int_customer_metrics: DataFrame,
) -> DataFrame:
    """One row per customer known from a master, past or present, or from a sale, and the members 0 and -1."""
    newest = newest_state(stg_customers, "customer_id", sequence=SEQUENCE).drop("updated_at")
    masters = newest.withColumn("is_inferred", F.lit(False))
    # Whoever bought, and whoever was deleted: facts and history name them for ever.
    buyers = stg_transactions.select("customer_id").where("customer_id IS NOT NULL")
    named = buyers.union(stg_customers.select("customer_id")).distinct()
    inferred = named.join(masters, "customer_id", "left_anti").withColumn(
        "is_inferred", F.lit(True)
    )
    everyone = masters.unionByName(inferred, allowMissingColumns=True)
    customers = everyone.join(_at_last(int_customer_metrics), "customer_id", "left").withColumns(
        {
            "customer_key": surrogate_key("customer_id"),
            "lifetime_value": F.coalesce("lifetime_value", F.lit(0)).cast("decimal(28,2)"),
            "purchase_segment": F.coalesce("purchase_segment", F.lit(NO_PURCHASE)),
        }
    )
    known = members("anonymous", "customer_id", is_inferred=False)
    return with_members(customers, "customer_key", known)


def _at_last(metrics: DataFrame) -> DataFrame:
    """The figures of each customer on their last grid day."""
    figures = {
        "lifetime_value": "lifetime_value",
        "first_ordered_on": "first_order_date",
        "last_ordered_on": "last_order_date",
        "segment": "purchase_segment",
    }
    last = F.max_by(F.struct(*[F.col(own).alias(name) for own, name in figures.items()]), "grid_on")
    return metrics.groupBy("customer_id").agg(last.alias("last")).select("customer_id", "last.*")
