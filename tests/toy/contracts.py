"""What the toy's files hold."""

from lakehouse import Contract

SALES = Contract(
    "sales",
    """
    sale_id    STRING COMMENT 'Sale',
    item_id    STRING COMMENT 'Item sold',
    sold_on    DATE COMMENT 'Day of the sale',
    amount     DECIMAL(18,2) COMMENT 'Money taken',
    updated_at TIMESTAMP COMMENT 'When the record was written, UTC'
    """,
    optional=frozenset({"updated_at"}),
)
PRICES = Contract(
    "prices",
    """
    item_id    STRING COMMENT 'Item',
    price      DECIMAL(18,2) COMMENT 'Price of one',
    label      STRING COMMENT 'Text on the shelf',
    updated_at TIMESTAMP COMMENT 'When the price became true, UTC'
    """,
)
CONTRACTS = {"sales": SALES, "prices": PRICES}
