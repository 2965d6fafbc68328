"""Landed transaction records."""

from lakehouse import files, table
from retail.contracts import TRANSACTIONS


@table(key=(), scope=files("transactions"), schema=TRANSACTIONS.ddl)
def raw_transactions() -> None:
    """One row per landed transaction record, as it landed, with its file and its batch."""
