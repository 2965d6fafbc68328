"""Landed inventory counts."""

from lakehouse import files, table
from retail.contracts import INVENTORY_SNAPSHOTS


@table(key=(), scope=files("inventory_snapshots"), schema=INVENTORY_SNAPSHOTS.ddl)
def raw_inventory_snapshots() -> None:
    """One row per landed inventory count, as it landed, with its file and its batch."""
