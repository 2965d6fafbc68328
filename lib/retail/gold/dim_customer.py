"""Customers in their newest state."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import NOT_APPLICABLE, UNKNOWN, by_day, surrogate_key, table, whole, with_members
from retail.terms.members import member


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
        is_inferred   BOOLEAN NOT NULL COMMENT 'Known from sales alone: the master has not arrived'
    """,
)
def dim_customer(
    stg_customers: DataFrame,
    stg_transactions: Annotated[DataFrame, by_day("sold_on", uses=("customer_id",))],
) -> DataFrame:
    """One row per customer known from a master or from a sale, and the members 0 and -1."""
    newest = stg_customers.groupBy("customer_id").agg(
        F.max_by(F.struct(*stg_customers.columns), "sequence").alias("customer")
    )
    masters = (
        newest.select("customer.*")
        .where("operation <> 'delete'")
        .drop("operation", "sequence", "updated_at")
        .withColumn("is_inferred", F.lit(False))
    )
    buyers = stg_transactions.select("customer_id").where("customer_id IS NOT NULL").distinct()
    inferred = buyers.join(masters, "customer_id", "left_anti").withColumn(
        "is_inferred", F.lit(True)
    )
    customers = masters.unionByName(inferred, allowMissingColumns=True).withColumn(
        "customer_key", surrogate_key("customer_id")
    )
    known = {"is_inferred": False}
    return with_members(
        customers,
        "customer_key",
        {
            UNKNOWN: member("unknown", "customer_id") | known,
            NOT_APPLICABLE: member("anonymous", "customer_id") | known,
        },
    )
