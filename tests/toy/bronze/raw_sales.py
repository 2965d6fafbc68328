"""Sales as landed."""

from lakehouse import files, table
from toy.contracts import SALES


@table(key=(), scope=files("sales"), schema=SALES.ddl)
def raw_sales() -> None:
    """One row per landed sale record."""
