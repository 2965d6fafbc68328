"""Customers with the history of their loyalty tier, type and state."""

from dataclasses import replace
from typing import Annotated

from pyspark.sql import DataFrame

from lakehouse import (
    always,
    by_key,
    history,
    setting,
    surrogate_key,
    table,
    versions,
    with_members,
)
from retail.terms.events import SEQUENCE
from retail.terms.members import members

CUSTOMER_HISTORY = history(
    "customer_id", tracked=("loyalty_tier", "customer_type", "state"), sequence=SEQUENCE
)


@table(
    key=("customer_version_key",),
    scope=CUSTOMER_HISTORY,
    schema="""
        customer_version_key BIGINT NOT NULL COMMENT 'xxhash64(customer_id, valid_from); 0 not yet arrived, -1 anonymous',
        customer_key  BIGINT NOT NULL COMMENT 'xxhash64(customer_id): the customer in all versions, as dim_customer has it',
        customer_id   STRING NOT NULL COMMENT 'Customer',
        loyalty_tier  STRING COMMENT 'bronze, silver, gold or pro_xtra',
        customer_type STRING COMMENT 'consumer or pro',
        state         STRING COMMENT 'Two-letter state',
        valid_from    TIMESTAMP NOT NULL COMMENT 'First instant of the version, UTC',
        valid_to      TIMESTAMP NOT NULL COMMENT 'First instant after it; 9999-12-31 while open',
        is_current    BOOLEAN NOT NULL COMMENT 'The open version'
    """,
    references={"customer_key": "dim_customer.customer_key"},
)
def customer_history(
    stg_customers: Annotated[DataFrame, by_key("customer_id")],
    first_version: Annotated[str, setting("history.first_version")],
) -> DataFrame:
    """One row per customer and version, half-open in time: [valid_from, valid_to).

    A new version starts when loyalty tier, type or state change. The first version starts in 1900,
    or with its event where the source says so. What else is known of a customer stands in dim_customer, in its newest state.
    """
    as_told = replace(CUSTOMER_HISTORY, first_version=first_version)
    customers = versions(stg_customers, as_told).withColumns(
        {
            "customer_version_key": surrogate_key("customer_id", "valid_from"),
            "customer_key": surrogate_key("customer_id"),
        }
    )
    known = members("anonymous", "customer_id", durable_key="customer_key", **always(as_told))
    return with_members(customers, "customer_version_key", known)
