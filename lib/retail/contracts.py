"""Landing contracts: what every source must bring, whatever its files look like."""

from lakehouse import Contract
from retail.terms.status import STATUSES

PRODUCTS = Contract(
    "products",
    """
    product_id   STRING COMMENT 'Product, as PRD-000001',
    sku          STRING COMMENT 'Stock keeping unit on the label',
    product_name STRING COMMENT 'Name shown to customers',
    category     STRING COMMENT 'Department',
    subcategory  STRING COMMENT 'Group within the department',
    brand        STRING COMMENT 'Brand',
    unit_price   DECIMAL(18,4) COMMENT 'List price of one unit',
    unit_cost    DECIMAL(18,4) COMMENT 'Cost of one unit to the retailer',
    weight_lbs   DOUBLE COMMENT 'Shipping weight in pounds',
    is_active    BOOLEAN COMMENT 'False once discontinued',
    created_at   TIMESTAMP COMMENT 'When the product was first listed, UTC',
    updated_at   TIMESTAMP COMMENT 'When this state became true, UTC',
    _operation   STRING COMMENT 'upsert (default) or delete',
    _event_no    BIGINT COMMENT 'Order of events of one instant, as a position in a log'
    """,
    optional=frozenset({"is_active", "updated_at", "_operation", "_event_no"}),
)
STORES = Contract(
    "stores",
    """
    store_id       STRING COMMENT 'Store or node, as STR-0001',
    store_name     STRING COMMENT 'Name of the store',
    store_type     STRING COMMENT 'retail, distribution_center or fulfillment_center',
    address        STRING COMMENT 'Street address',
    city           STRING COMMENT 'City',
    state          STRING COMMENT 'Two-letter state',
    zip_code       STRING COMMENT 'Postal code',
    region         STRING COMMENT 'Sales region',
    latitude       DOUBLE COMMENT 'Degrees north',
    longitude      DOUBLE COMMENT 'Degrees east',
    opened_date    DATE COMMENT 'First day of business',
    square_footage INT COMMENT 'Selling area in square feet',
    is_active      BOOLEAN COMMENT 'False once closed',
    updated_at     TIMESTAMP COMMENT 'When this state became true, UTC',
    _operation     STRING COMMENT 'upsert (default) or delete',
    _event_no      BIGINT COMMENT 'Order of events of one instant, as a position in a log'
    """,
    optional=frozenset({"is_active", "updated_at", "_operation", "_event_no"}),
)
CUSTOMERS = Contract(
    "customers",
    """
    customer_id   STRING COMMENT 'Customer, as CUS-00000001',
    customer_type STRING COMMENT 'consumer or pro',
    email         STRING COMMENT 'Address for receipts',
    first_name    STRING COMMENT 'First name',
    last_name     STRING COMMENT 'Last name',
    city          STRING COMMENT 'City',
    state         STRING COMMENT 'Two-letter state',
    zip_code      STRING COMMENT 'Postal code',
    created_at    TIMESTAMP COMMENT 'When the customer registered, UTC',
    loyalty_tier  STRING COMMENT 'bronze, silver, gold or pro_xtra',
    updated_at    TIMESTAMP COMMENT 'When this state became true, UTC',
    _operation    STRING COMMENT 'upsert (default) or delete',
    _event_no     BIGINT COMMENT 'Order of events of one instant, as a position in a log'
    """,
    optional=frozenset({"updated_at", "_operation", "_event_no"}),
)
TRANSACTIONS = Contract(
    "transactions",
    f"""
    transaction_id   STRING COMMENT 'Line of an order, as TXN-000000000001',
    order_id         STRING COMMENT 'Order that the line belongs to',
    customer_id      STRING COMMENT 'Customer; null for an anonymous sale',
    store_id         STRING COMMENT 'Store of the sale, pick-up or delivery area',
    product_id       STRING COMMENT 'Product, or code of a charge',
    transaction_date TIMESTAMP_NTZ COMMENT 'Wall time at the store; its date is the business day',
    quantity         INT COMMENT 'Units; negative on credit notes',
    unit_price       DECIMAL(18,4) COMMENT 'Price of one unit before discount',
    discount_amount  DECIMAL(18,2) COMMENT 'Discount on the line',
    total_amount     DECIMAL(18,2) COMMENT 'Line amount after discount',
    order_status     STRING COMMENT '{", ".join(STATUSES[:-1])} or {STATUSES[-1]}',
    channel          STRING COMMENT 'online, in_store or app',
    fulfillment_type STRING COMMENT 'in_store, bopis or ship_to_home',
    updated_at       TIMESTAMP COMMENT 'When the line took this state, UTC',
    fulfilled_from   STRING COMMENT 'Node (store_id) that shipped the line',
    line_type        STRING COMMENT 'sale, return or charge'
    """,
    optional=frozenset({"updated_at", "fulfilled_from", "line_type"}),
)
INVENTORY_SNAPSHOTS = Contract(
    "inventory_snapshots",
    """
    snapshot_date      DATE COMMENT 'Day whose close the snapshot shows',
    store_id           STRING COMMENT 'Store or node',
    product_id         STRING COMMENT 'Product',
    quantity_on_hand   INT COMMENT 'Units in the building',
    quantity_reserved  INT COMMENT 'Units promised to orders',
    quantity_available INT COMMENT 'On hand less reserved',
    reorder_point      INT COMMENT 'Units at which to order again',
    safety_stock       INT COMMENT 'Units kept against surprises',
    days_of_supply     DOUBLE COMMENT 'Days of supply as the store system reports them'
    """,
    filled=frozenset({"quantity_available"}),
)
PAGE_VIEWS = Contract(
    "page_views",
    """
    event_id        STRING COMMENT 'Event',
    session_id      STRING COMMENT 'Visit that the event belongs to',
    customer_id     STRING COMMENT 'Customer; null when not signed in',
    product_id      STRING COMMENT 'Product looked at; null on other pages',
    event_timestamp TIMESTAMP COMMENT 'When it happened, UTC',
    event_type      STRING COMMENT 'page_view, add_to_cart, purchase or search',
    page_url        STRING COMMENT 'Page',
    referrer_url    STRING COMMENT 'Page before',
    device_type     STRING COMMENT 'Kind of device',
    browser         STRING COMMENT 'Browser'
    """,
)
CONTRACTS = {
    contract.entity: contract
    for contract in (PRODUCTS, STORES, CUSTOMERS, TRANSACTIONS, INVENTORY_SNAPSHOTS, PAGE_VIEWS)
}
