"""What the shops' files hold."""

from lakehouse import Contract

OFFERS = Contract(
    "offers",
    """
    shop_id    STRING COMMENT 'Shop',
    item_id    STRING COMMENT 'Item',
    price      INT COMMENT 'Price of one',
    cost       INT COMMENT 'Cost of one; null when it is as before',
    label      STRING COMMENT 'Text on the shelf',
    note       STRING COMMENT 'Remark; null when it is as before',
    changed_at TIMESTAMP COMMENT 'When it became true, UTC',
    event_no   BIGINT COMMENT 'Order within an instant',
    operation  STRING COMMENT 'upsert or delete'
    """,
)
CONTRACTS = {"offers": OFFERS}
