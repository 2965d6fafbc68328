"""Offers as landed."""

from lakehouse import files, table
from shops.contracts import OFFERS


@table(key=(), scope=files("offers"), schema=OFFERS.ddl)
def raw_offers() -> None:
    """One row per landed offer record."""
