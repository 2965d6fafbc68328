"""Landed store records."""

from lakehouse import files, table
from retail.contracts import STORES


@table(key=(), scope=files("stores"), schema=STORES.ddl)
def raw_stores() -> None:
    """One row per landed store record, as it landed, with its file and its batch."""
