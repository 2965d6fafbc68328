"""The members that every dimension has beside its own: 0 not yet arrived, -1 not applicable."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import NOT_APPLICABLE, UNKNOWN

# A member of a history has one version, which always holds.
ALWAYS: dict[str, object] = {
    "valid_from": "1900-01-01",
    "valid_to": "9999-12-31",
    "is_current": True,
}


def member(name: str, *columns: str) -> dict[str, object]:
    """A member called ``name`` in each of the columns.

    >>> member("unknown", "store_id", "store_name")
    {'store_id': 'unknown', 'store_name': 'unknown'}
    """
    return dict.fromkeys(columns, name)


def without_members(dimension: DataFrame, key: str) -> DataFrame:
    """The dimension's own rows, to be joined by an id, which may be called like a member.

    >>> rows = spark.sql("SELECT * FROM VALUES (0, 'unknown'), (7, 'unknown') AS t(item_key, item_id)")
    >>> without_members(rows, "item_key").show()
    +--------+-------+
    |item_key|item_id|
    +--------+-------+
    |       7|unknown|
    +--------+-------+
    <BLANKLINE>
    """
    return dimension.where(~F.col(key).isin(UNKNOWN, NOT_APPLICABLE))
