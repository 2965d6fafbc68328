"""Prices as landed."""

from lakehouse import files, table
from toy.contracts import PRICES


@table(key=(), scope=files("prices"), schema=PRICES.ddl)
def raw_prices() -> None:
    """One row per landed price record."""
