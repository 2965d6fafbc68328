"""Where the clock of each store stands."""

from typing import Annotated

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import by_key, keys, newest_state, table
from retail.terms.events import SEQUENCE
from retail.terms.zones import zone_of


@table(
    key=("store_id",),
    scope=keys("store_id"),
    schema="""
        store_id STRING NOT NULL COMMENT 'Store or node',
        zone     STRING COMMENT 'IANA time zone of its clock; null where the state is unknown'
    """,
)
def int_store_zones(
    stg_stores: Annotated[DataFrame, by_key("store_id", uses=("state", "operation", *SEQUENCE))],
) -> DataFrame:
    """One row per store that was ever described, by the newest state of it that was not a deletion.

    Whatever else changes of a store, its row here stays: lines are dated anew only where a clock is
    another.
    """
    known = stg_stores.where("operation <> 'delete'")
    newest = newest_state(known, "store_id", sequence=SEQUENCE)
    return newest.select("store_id", zone_of(F.col("state")).alias("zone"))
