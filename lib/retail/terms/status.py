"""The life of an order line."""

from pyspark.sql import Column
from pyspark.sql import functions as F

# In the order a line takes them.
STATUSES = ("pending", "confirmed", "shipped", "delivered", "cancelled", "returned")
# The rank of order_status in DuckDB's SQL.
RANK_SQL = f"coalesce(list_position({list(STATUSES)}, order_status), 0)"


def status_rank(status: Column) -> Column:
    """How far along a status is, from 1: settles which of two records of one moment is newer.

    >>> rows = spark.sql("SELECT explode(array('shipped', 'returned', 'lost')) status")
    >>> rows.select("status", status_rank(F.col("status")).alias("rank")).show()
    +--------+----+
    |  status|rank|
    +--------+----+
    | shipped|   3|
    |returned|   6|
    |    lost|   0|
    +--------+----+
    <BLANKLINE>
    """
    return F.array_position(F.array(*[F.lit(name) for name in STATUSES]), status)
