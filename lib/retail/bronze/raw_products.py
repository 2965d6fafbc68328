"""Landed product records."""

from lakehouse import files, table
from retail.contracts import PRODUCTS


@table(key=(), scope=files("products"), schema=PRODUCTS.ddl)
def raw_products() -> None:
    """One row per landed product record, as it landed, with its file and its batch."""
