"""Attribution: who asked for a line (channel), who shipped it and who is credited with it."""

from pyspark.sql import Column
from pyspark.sql import functions as F

ONLINE = "online"
NOT_RECORDED = "not recorded"
# The same as below in DuckDB's SQL.
_BY_SQL = "CASE WHEN fulfillment_type = 'ship_to_home' THEN {} ELSE store_id END"
CREDITED_SQL = _BY_SQL.format(f"'{ONLINE}'")
FULFILLING_SQL = _BY_SQL.format(f"coalesce(fulfilled_from, '{NOT_RECORDED}')")


def _ships() -> Column:
    return F.col("fulfillment_type") == "ship_to_home"


def credited_store_id() -> Column:
    """The store itself in store and at pick-up; the member online for what is shipped.

    >>> rows = spark.sql("SELECT inline(array(('bopis', 'S1', NULL), ('ship_to_home', 'S1', 'N7'),"
    ...                  " ('ship_to_home', 'S1', NULL))) (fulfillment_type, store_id, fulfilled_from)")
    >>> rows.select(credited_store_id().alias("credited"),
    ...             fulfilling_store_id().alias("fulfilling")).show()
    +--------+------------+
    |credited|  fulfilling|
    +--------+------------+
    |      S1|          S1|
    |  online|          N7|
    |  online|not recorded|
    +--------+------------+
    <BLANKLINE>
    """
    return F.when(_ships(), F.lit(ONLINE)).otherwise(F.col("store_id"))


def fulfilling_store_id() -> Column:
    """The node that handed the goods over; shipped lines may not record it."""
    node = F.coalesce("fulfilled_from", F.lit(NOT_RECORDED))
    return F.when(_ships(), node).otherwise(F.col("store_id"))
