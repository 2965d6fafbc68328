"""The members that every dimension has beside its own: 0 not yet arrived, -1 not applicable."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import NOT_APPLICABLE, UNKNOWN


def members(
    not_applicable: str, *columns: str, durable_key: str | None = None, **values: object
) -> dict[int, dict[str, object]]:
    """Members 0, unknown, and -1, called ``not_applicable``, in each of the columns.

    Both hold the values given; where a history has a ``durable_key`` it is their number too.

    >>> members("anonymous", "customer_id", is_inferred=False)[-1]
    {'customer_id': 'anonymous', 'is_inferred': False}
    >>> members("not applicable", "product_id", durable_key="durable_key")[0]
    {'product_id': 'unknown', 'durable_key': 0}
    """
    names = {UNKNOWN: "unknown", NOT_APPLICABLE: not_applicable}
    return {
        number: dict.fromkeys(columns, name)
        | values
        | ({durable_key: number} if durable_key else {})
        for number, name in names.items()
    }


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
