"""Sales lines with the cost, and so the margin, that was true when they were sold."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import (
    NOT_APPLICABLE,
    UNKNOWN,
    by_day,
    by_version,
    conserved,
    days,
    expect,
    surrogate_key,
    table,
    valid_at,
)
from retail.terms import attribution, ledger
from retail.terms.margin import line_cost, line_profit
from retail.terms.members import without_members


@table(
    key=("transaction_id",),
    scope=days("sold_on", rows_by=("transaction_id",)),
    schema="""
        transaction_id      STRING NOT NULL COMMENT 'Transaction line',
        order_id            STRING COMMENT 'Order that the line belongs to',
        sold_on             DATE NOT NULL COMMENT 'Business day at the store',
        sold_at             TIMESTAMP NOT NULL COMMENT 'Instant of the sale, UTC',
        returned_on         DATE COMMENT 'Day the line came back, null while it is kept',
        customer_id         STRING COMMENT 'Customer; null for an anonymous sale',
        customer_key        BIGINT NOT NULL COMMENT 'Row of dim_customer; -1 anonymous',
        product_id          STRING NOT NULL COMMENT 'Product, or code of a charge',
        product_key         BIGINT NOT NULL COMMENT 'Version of dim_product valid at sold_at; 0 not yet arrived, -1 a charge',
        store_id            STRING NOT NULL COMMENT 'Store of the sale, pick-up or delivery area',
        credited_store_id   STRING NOT NULL COMMENT 'Store credited with the line; online when shipped',
        fulfilling_store_id STRING NOT NULL COMMENT 'Node that handed the goods over',
        channel             STRING COMMENT 'Where the demand arose: online, in_store or app',
        fulfillment_type    STRING COMMENT 'in_store, bopis or ship_to_home',
        line_type           STRING NOT NULL COMMENT 'sale, return or charge',
        is_cancelled        BOOLEAN NOT NULL COMMENT 'The line never became a sale: all measures 0',
        quantity            INT NOT NULL COMMENT 'Units as landed; negative on credit notes',
        unit_price          DECIMAL(18,4) COMMENT 'Price of one unit before discount',
        discount_amount     DECIMAL(18,2) COMMENT 'Discount on the line, as landed',
        gross_units         BIGINT NOT NULL COMMENT 'Units sold',
        returned_units      BIGINT NOT NULL COMMENT 'Units given back, on whichever day',
        net_units           BIGINT NOT NULL COMMENT 'Sold less returned',
        gross_amount        DECIMAL(18,2) NOT NULL COMMENT 'Money taken, after discount',
        returned_amount     DECIMAL(18,2) NOT NULL COMMENT 'Money given back',
        net_amount          DECIMAL(18,2) NOT NULL COMMENT 'Taken less given back',
        unit_cost           DECIMAL(18,4) COMMENT 'Cost of one unit at sold_at; null when unknown',
        line_cost           DECIMAL(18,2) COMMENT 'net_units x unit_cost, half up',
        line_profit         DECIMAL(18,2) COMMENT 'net_amount - line_cost; null when cost is unknown'
    """,
    expects=[
        expect.stop("net_units = gross_units - returned_units", "net units are sold less returned"),
        expect.stop("net_amount = gross_amount - returned_amount", "net is taken less given back"),
        expect.warn(
            "sum(returned_amount) <= sum(gross_amount)", "no more is given back than was taken"
        ),
    ],
    references={
        "product_key": "dim_product.product_key",
        "customer_key": "dim_customer.customer_key",
        "sold_on": "dim_date.calendar_on",
        "store_id": "dim_store.store_id",
        "credited_store_id": "dim_store.store_id",
        "fulfilling_store_id": "dim_store.store_id",
    },
    conserves=[
        conserved("count(*)", "silver.stg_transactions", "count(*)", by="sold_on"),
        conserved("sum(quantity)", "silver.stg_transactions", "sum(quantity)", by="sold_on"),
        conserved(
            "sum(greatest(gross_amount, returned_amount))",
            "silver.stg_transactions",
            f"sum(CASE WHEN is_cancelled THEN 0 ELSE abs({ledger.LINE_AMOUNT}) END)",
            by="sold_on",
        ),
        conserved("sum(net_amount)", "silver.int_daily_sales", "sum(net_amount)"),
    ],
    duckdb=f"""
        WITH lines AS (
            SELECT *, CASE WHEN sells THEN line_units ELSE 0 END AS gross_units,
                CASE WHEN gives_back THEN line_units ELSE 0 END AS returned_units,
                CAST(CASE WHEN sells THEN line_amount ELSE 0 END AS DECIMAL(18,2)) AS gross_amount,
                CAST(CASE WHEN gives_back THEN abs(line_amount) ELSE 0 END AS DECIMAL(18,2))
                    AS returned_amount
            FROM {ledger.LINES_SQL}
        ), netted AS (
            SELECT *, gross_units - returned_units AS net_units,
                CAST(gross_amount - returned_amount AS DECIMAL(18,2)) AS net_amount
            FROM lines
        ), versions AS (
            FROM dim_product WHERE product_key NOT IN ({UNKNOWN}, {NOT_APPLICABLE})
        ), customers AS (
            SELECT customer_id, xxhash64(customer_id) AS customer_key
            FROM (SELECT DISTINCT customer_id FROM stg_transactions WHERE customer_id IS NOT NULL)
        ), costed AS (
            SELECT netted.*, v.unit_cost, v.product_key AS version_key,
                CAST(round(net_units * v.unit_cost, 2) AS DECIMAL(18,2)) AS line_cost
            FROM netted LEFT JOIN versions v ON netted.product_id = v.product_id
                AND sold_at >= valid_from AND sold_at < valid_to
        )
        SELECT * REPLACE (coalesce(customer_key, {NOT_APPLICABLE}) AS customer_key),
            CAST(CASE WHEN line_type = 'charge' THEN {NOT_APPLICABLE}
                ELSE coalesce(version_key, {UNKNOWN}) END AS BIGINT) AS product_key,
            {attribution.CREDITED_SQL} AS credited_store_id,
            {attribution.FULFILLING_SQL} AS fulfilling_store_id,
            CAST(net_amount - line_cost AS DECIMAL(18,2)) AS line_profit
        FROM costed LEFT JOIN customers USING (customer_id)
    """,
)
def fact_sales(
    stg_transactions: Annotated[
        DataFrame,
        by_day(
            "sold_on",
            uses=(
                *("transaction_id", "order_id", "sold_at", "customer_id", "store_id", "product_id"),
                *("channel", "fulfillment_type", "fulfilled_from", *ledger.LINE_COLUMNS),
            ),
        ),
    ],
    dim_product: Annotated[
        DataFrame, by_version("product_id", at="sold_at", uses=("product_key", "unit_cost"))
    ],
) -> DataFrame:
    """One row per transaction line, dated by its sale, showing its present state.

    Amounts, in the currency of the source, follow retail.terms.ledger: cancelled lines measure 0, a
    returned line shows its sale and its return in one row (int_daily_sales dates the two apart:
    equal in total, not by day). The cost is that of the product version valid at sold_at, so a
    late cost change re-costs the days it reaches. Records rejected on the way stand in
    ops.quarantine; lines of products nobody knows yet are kept with product_key 0.
    """
    versions = without_members(dim_product, "product_key").select(
        "product_id", "product_key", "unit_cost", "valid_from", "valid_to"
    )
    known = F.when(ledger.is_charge(), NOT_APPLICABLE).otherwise(
        F.coalesce("product_key", F.lit(UNKNOWN))
    )
    lines = valid_at(stg_transactions, versions, "product_id", F.col("sold_at"))
    cost = line_cost(ledger.net_units(), F.col("unit_cost"))
    return lines.withColumns(
        {
            "customer_key": F.when(
                F.col("customer_id").isNotNull(), surrogate_key("customer_id")
            ).otherwise(NOT_APPLICABLE),
            "product_key": known.cast("bigint"),
            "credited_store_id": attribution.credited_store_id(),
            "fulfilling_store_id": attribution.fulfilling_store_id(),
            "gross_units": ledger.gross_units(),
            "returned_units": ledger.returned_units(),
            "net_units": ledger.net_units(),
            "gross_amount": ledger.gross_amount(),
            "returned_amount": ledger.returned_amount(),
            "net_amount": ledger.net_amount(),
            "line_cost": cost,
            "line_profit": line_profit(ledger.net_amount(), cost),
        }
    ).drop("total_amount", "fulfilled_from")
