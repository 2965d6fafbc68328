"""Transaction lines, judged, typed, in their newest state."""

from typing import Annotated

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import (
    by_key,
    conform,
    conserved,
    expect,
    keys,
    sequence,
    setting,
    table,
)
from retail.contracts import TRANSACTIONS
from retail.terms.ledger import LINE_AMOUNT
from retail.terms.status import RANK_SQL, STATUSES, status_rank
from retail.terms.zones import utc, utc_sql


@table(
    key=("transaction_id",),
    scope=keys("transaction_id", partitioned_by="sold_on"),
    newest=("sequence", "_status_rank"),
    earliest=("returned_on",),
    schema="""
        transaction_id   STRING NOT NULL COMMENT 'Line of an order',
        order_id         STRING COMMENT 'Order that the line belongs to',
        customer_id      STRING COMMENT 'Customer; null for an anonymous sale',
        store_id         STRING NOT NULL COMMENT 'Store of the sale, pick-up or delivery area',
        product_id       STRING NOT NULL COMMENT 'Product, or code of a charge',
        transaction_date TIMESTAMP_NTZ NOT NULL COMMENT 'Wall time at the store',
        sold_on          DATE NOT NULL COMMENT 'Business day of the line: the date at the store',
        sold_at          TIMESTAMP NOT NULL COMMENT 'Instant of the sale, UTC',
        quantity         INT NOT NULL COMMENT 'Units; negative on credit notes',
        unit_price       DECIMAL(18,4) COMMENT 'Price of one unit before discount',
        discount_amount  DECIMAL(18,2) COMMENT 'Discount on the line',
        total_amount     DECIMAL(18,2) COMMENT 'Line amount after discount, as landed',
        order_status     STRING COMMENT 'Newest status of the line',
        is_cancelled     BOOLEAN NOT NULL COMMENT 'The line never became a sale',
        returned_on      DATE COMMENT 'Day of the earliest record that says returned',
        channel          STRING COMMENT 'online, in_store or app',
        fulfillment_type STRING COMMENT 'in_store, bopis or ship_to_home',
        fulfilled_from   STRING COMMENT 'Node (store_id) that shipped the line',
        line_type        STRING NOT NULL COMMENT 'sale, return or charge',
        updated_at       TIMESTAMP COMMENT 'When the line took this state, UTC',
        sequence         TIMESTAMP NOT NULL COMMENT 'Orders the records of a line, UTC'
    """,
    expects=[
        expect.quarantine(
            "transaction_id RLIKE {ids.transaction_id}", "transaction_id is well-formed"
        ),
        expect.quarantine("order_id RLIKE {ids.order_id}", "order_id is well-formed"),
        expect.quarantine("store_id RLIKE {ids.store_id}", "store_id is well-formed"),
        expect.quarantine("product_id RLIKE {ids.product_id}", "product_id is well-formed"),
        expect.quarantine("customer_id RLIKE {ids.customer_id}", "customer_id is well-formed"),
        expect.quarantine(
            "abs(quantity) BETWEEN {quantity.min} AND {quantity.max}",
            "absolute quantity is within the source's bounds",
        ),
        expect.quarantine(
            "total_amount IS NOT NULL OR unit_price IS NOT NULL", "the amount can be told"
        ),
        expect.quarantine(f"order_status IN {STATUSES}", "order_status is known"),
        expect.quarantine("channel IN ('online', 'in_store', 'app')", "channel is known"),
        expect.quarantine(
            "fulfillment_type IN ('in_store', 'bopis', 'ship_to_home')",
            "fulfillment_type is known",
        ),
        expect.quarantine("line_type IN ('sale', 'return', 'charge')", "line_type is known"),
        expect.warn(
            "abs(total_amount - (quantity * unit_price - coalesce(discount_amount, 0))) <= 0.01",
            "total_amount is quantity x unit_price - discount_amount",
        ),
        expect.warn("returned_on >= sold_on", "nothing comes back before it is sold"),
        expect.warn("store_id IN (SELECT store_id FROM stg_stores)", "store_id is known"),
        expect.warn(
            "line_type = 'charge' OR product_id IN (SELECT product_id FROM stg_products)",
            "product_id is known",
        ),
        expect.warn(
            "customer_id IN (SELECT customer_id FROM stg_customers)", "customer_id is known"
        ),
    ],
    conserves=[
        conserved(
            "count(*)",
            "bronze.raw_transactions",
            "count(DISTINCT transaction_id)",
        )
    ],
    measures={"units": "quantity", "amount": LINE_AMOUNT},
    duckdb=f"""
        WITH zoned AS (
            SELECT landed.*, coalesce({{zone}}, zone, 'UTC') AS zone,
                date_trunc('minute', transaction_date) AS minute
            FROM landed LEFT JOIN int_store_zones USING (store_id)
        ), minutes AS (
            SELECT zone, minute, {utc_sql("minute", "zone")} AS minute_at
            FROM (SELECT DISTINCT zone, minute FROM zoned)
        )
        SELECT * EXCLUDE (zone, minute, minute_at, line_type, file_date),
            CAST(transaction_date AS DATE) AS sold_on,
            make_timestamptz(epoch_us(minute_at) + epoch_us(transaction_date) - epoch_us(minute))
                AS sold_at,
            coalesce(order_status = 'cancelled', false) AS is_cancelled,
            CASE WHEN order_status = 'returned' THEN coalesce(
                CAST(updated_at AS DATE),
                CASE WHEN year(file_date) > 1900 THEN CAST(file_date AS DATE) END,
                CAST(transaction_date AS DATE)
            ) END AS returned_on,
            coalesce(line_type, CASE WHEN quantity < 0 THEN 'return' ELSE 'sale' END) AS line_type,
            coalesce(updated_at, file_date) AS sequence,
            {RANK_SQL} AS _status_rank
        FROM zoned JOIN minutes USING (zone, minute)
    """,
)
def stg_transactions(
    raw_transactions: Annotated[DataFrame, by_key("transaction_id")],
    int_store_zones: Annotated[DataFrame, by_key("store_id")],
    zone: Annotated[str | None, setting("zone")],
) -> DataFrame:
    """One row per transaction line, in its newest state.

    The landed date and time are the store's wall clock: their date is the business day, and the
    store's zone (or the source's, where it has one) gives the instant that history needs.
    """
    lines = conform(raw_transactions, TRANSACTIONS)
    zones = int_store_zones.withColumnRenamed("zone", "_zone")
    clock = F.coalesce(F.lit(zone), "_zone", F.lit("UTC"))
    happened = sequence(F.col("updated_at"))
    credit = F.when(F.col("quantity") < 0, "return").otherwise("sale")
    day = F.col("transaction_date").cast("date")
    known_return = F.coalesce(F.to_date("updated_at"), F.to_date(_named_day(happened)), day)
    returned = F.col("order_status") == "returned"
    return lines.join(F.broadcast(zones), "store_id", "left").withColumns(
        {
            "sold_on": day,
            "sold_at": utc(F.col("transaction_date"), clock),
            "is_cancelled": F.coalesce(F.col("order_status") == "cancelled", F.lit(False)),
            "returned_on": F.when(returned, known_return),
            "line_type": F.coalesce("line_type", credit),
            "sequence": happened,
            "_status_rank": status_rank(F.col("order_status")),
        }
    )


def _named_day(happened: Column) -> Column:
    """The file's own date, null where its name has none (the sequence is then 1900)."""
    return F.when(F.year(happened) > 1900, happened)
