"""Landed customer records."""

from lakehouse import files, table
from retail.contracts import CUSTOMERS


@table(key=(), scope=files("customers"), schema=CUSTOMERS.ddl)
def raw_customers() -> None:
    """One row per landed customer record, as it landed, with its file and its batch."""
