"""How the widest tables are cut: stores that lie together are a range."""

import zlib

from pyspark.sql import Column
from pyspark.sql import functions as F


def store_range(store_id: Column, ranges: int) -> Column:
    """The range of a store, from 0: a hash, so that ranges are of equal size whatever the ids.

    >>> rows = spark.sql("SELECT explode(array('STR-0001', 'STR-0002', 'online')) store_id")
    >>> rows.select("store_id", store_range(F.col("store_id"), 16).alias("range")).show()
    +--------+-----+
    |store_id|range|
    +--------+-----+
    |STR-0001|    9|
    |STR-0002|    3|
    |  online|   10|
    +--------+-----+
    <BLANKLINE>
    """
    return (F.crc32(store_id) % F.lit(ranges)).cast("int")


def store_ranges_sql(table: str) -> str:
    """The range of each store of a table, to be joined by ``store_id``, in DuckDB's SQL."""
    return (
        "(SELECT store_id, CAST(crc32(store_id) % {layout.store_ranges} AS INTEGER) AS store_range"
        f" FROM (SELECT DISTINCT store_id FROM {table}))"
    )


def store_range_of(store_id: str, ranges: int) -> int:
    """The same in Python.

    >>> store_range_of("STR-0001", 16)
    9
    """
    return zlib.crc32(store_id.encode()) % ranges
