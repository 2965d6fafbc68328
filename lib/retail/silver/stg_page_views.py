"""Web and app events, judged and typed."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_day, conform, conserved, days, expect, sequence, table
from retail.contracts import PAGE_VIEWS


@table(
    key=("event_id", "viewed_on"),
    scope=days("viewed_on"),
    newest=("sequence",),
    schema="""
        event_id        STRING NOT NULL COMMENT 'Event',
        session_id      STRING NOT NULL COMMENT 'Visit that the event belongs to',
        customer_id     STRING COMMENT 'Customer; null when not signed in',
        product_id      STRING COMMENT 'Product looked at; null on other pages',
        event_timestamp TIMESTAMP NOT NULL COMMENT 'When it happened, UTC',
        viewed_on       DATE NOT NULL COMMENT 'Its day, UTC',
        event_type      STRING NOT NULL COMMENT 'page_view, add_to_cart, purchase or search',
        page_url        STRING COMMENT 'Page',
        referrer_url    STRING COMMENT 'Page before',
        device_type     STRING COMMENT 'Kind of device',
        browser         STRING COMMENT 'Browser',
        sequence        TIMESTAMP NOT NULL COMMENT 'Orders the records of an event: the date of the file, UTC'
    """,
    expects=[
        expect.quarantine(
            "viewed_on BETWEEN DATE'1900-01-01' AND DATE'9999-12-30'",
            "event_timestamp is a time of business",
        ),
        expect.quarantine("trim(session_id) <> ''", "session_id is not blank"),
        expect.quarantine("customer_id RLIKE {ids.customer_id}", "customer_id is well-formed"),
        expect.quarantine("product_id RLIKE {ids.product_id}", "product_id is well-formed"),
        expect.quarantine(
            "event_type IN ('page_view', 'add_to_cart', 'purchase', 'search')",
            "event_type is known",
        ),
        expect.warn(
            "customer_id IN (SELECT customer_id FROM stg_customers)", "customer_id is known"
        ),
        expect.warn("product_id IN (SELECT product_id FROM stg_products)", "product_id is known"),
    ],
    conserves=[
        conserved(
            "count(*)",
            "bronze.raw_page_views",
            "count(DISTINCT (event_id, CAST(event_timestamp AS DATE)))",
        )
    ],
    landed_key={"viewed_on": "CAST(event_timestamp AS DATE)"},
    duckdb="""
        SELECT * EXCLUDE (file_date), CAST(event_timestamp AS DATE) AS viewed_on,
            file_date AS sequence
        FROM landed
    """,
)
def stg_page_views(raw_page_views: Annotated[DataFrame, by_day("event_timestamp")]) -> DataFrame:
    """One row per event and day; an id seen again on another day is another event."""
    return conform(raw_page_views, PAGE_VIEWS).withColumns(
        {"viewed_on": F.to_date("event_timestamp"), "sequence": sequence()}
    )
