"""The newest version of every product."""

from lakehouse import view


@view(
    comments={
        "product_key": "The open version in dim_product",
        "unit_price": "List price of one unit in the open version",
        "unit_cost": "Cost of one unit in the open version",
    }
)
def dim_product_current() -> str:
    """One row per product: its open version. Joins on product_id do not fan out here."""
    return """
        SELECT product_key, durable_key, product_id, sku, product_name, category, subcategory,
               brand, unit_price, unit_cost, gross_margin, margin_pct, weight_lbs, is_active,
               created_at, valid_from
        FROM gold.dim_product
        WHERE is_current
    """
