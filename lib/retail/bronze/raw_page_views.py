"""Landed web and app events."""

from lakehouse import files, table
from retail.contracts import PAGE_VIEWS


@table(key=(), scope=files("page_views"), schema=PAGE_VIEWS.ddl)
def raw_page_views() -> None:
    """One row per landed web or app event, as it landed, with its file and its batch."""
