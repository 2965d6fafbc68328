"""Products with their whole history."""

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
from retail.terms.margin import gross_margin, margin_pct
from retail.terms.members import members

PRODUCT_HISTORY = history(
    "product_id",
    tracked=("unit_price", "unit_cost", "category", "subcategory", "brand", "is_active"),
    last_known=("product_name",),
    sequence=SEQUENCE,
)


@table(
    key=("product_key",),
    scope=PRODUCT_HISTORY,
    schema="""
        product_key  BIGINT NOT NULL COMMENT 'xxhash64(product_id, valid_from); 0 not yet arrived, -1 not applicable',
        durable_key  BIGINT NOT NULL COMMENT 'xxhash64(product_id): the product in all its versions',
        product_id   STRING NOT NULL COMMENT 'Product',
        sku          STRING COMMENT 'Stock keeping unit on the label',
        product_name STRING COMMENT 'Newest name',
        category     STRING COMMENT 'Department',
        subcategory  STRING COMMENT 'Group within the department',
        brand        STRING COMMENT 'Brand',
        unit_price   DECIMAL(18,4) COMMENT 'List price of one unit',
        unit_cost    DECIMAL(18,4) COMMENT 'Cost of one unit',
        gross_margin DECIMAL(18,4) COMMENT 'Price less cost of one unit',
        margin_pct   DECIMAL(18,2) COMMENT 'Margin in percent of the price; null at price 0',
        weight_lbs   DOUBLE COMMENT 'Shipping weight in pounds',
        is_active    BOOLEAN COMMENT 'False once discontinued',
        created_at   TIMESTAMP COMMENT 'When the product was first listed, UTC',
        valid_from   TIMESTAMP NOT NULL COMMENT 'First instant of the version, UTC',
        valid_to     TIMESTAMP NOT NULL COMMENT 'First instant after it; 9999-12-31 while open',
        is_current   BOOLEAN NOT NULL COMMENT 'The open version'
    """,
)
def dim_product(
    stg_products: Annotated[DataFrame, by_key("product_id")],
    first_version: Annotated[str, setting("history.first_version")],
) -> DataFrame:
    """One row per product and version, half-open in time: [valid_from, valid_to).

    A new version starts when price, cost, category, subcategory, brand or is_active change; all
    else shows the newest event in every version, the name the newest that is one. The first version
    starts in 1900, or with its event where the source says so.
    """
    as_told = replace(PRODUCT_HISTORY, first_version=first_version)
    products = versions(stg_products, as_told).withColumns(
        {
            "product_key": surrogate_key("product_id", "valid_from"),
            "durable_key": surrogate_key("product_id"),
            "gross_margin": gross_margin(),
            "margin_pct": margin_pct(),
        }
    )
    named = ("product_id", "product_name")
    known = members("not applicable", *named, durable_key="durable_key", **always(as_told))
    return with_members(products.drop("updated_at"), "product_key", known)
