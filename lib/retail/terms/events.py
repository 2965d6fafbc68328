"""Change events of products, customers and stores: their sequence, and what each must hold."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import Contract, expect, sequence

# The instant of an event, and its order among the events of that instant.
SEQUENCE = ("sequence", "event_no")
# What orders the events of an instant, and what they do, as landed.
LANDED_KEY = {"event_no": "coalesce(_event_no, 0)"}
RULES = (
    expect.quarantine("operation IN ('upsert', 'delete')", "operation is known"),
    expect.quarantine("sequence <= {history.latest}", "sequence is not in the far future"),
)


def event_log(landed: DataFrame, contract: Contract, key: str) -> DataFrame:
    """Landed records with sequence, event_no and operation; a delete says only which key ended.

    So deletes of one key and moment are equal, whether or not they repeat what the key was.
    """
    log = landed.withColumns(event())
    ends = F.col("operation") == "delete"
    said = [column.name for column in contract.columns if column.name != key]
    return log.withColumns({name: F.when(~ends, F.col(name)) for name in said})


def event() -> dict[str, Column]:
    """When an event happened and what it did, from what landed: sequence, event_no, operation.

    >>> landed = spark.sql(
    ...     "SELECT TIMESTAMP'2026-06-01' updated_at, 'f.csv' _source_file, 7 _event_no,"
    ...     " CAST(NULL AS STRING) _operation"
    ... )
    >>> landed.select(*[column.alias(name) for name, column in event().items()]).show()
    +-------------------+--------+---------+
    |           sequence|event_no|operation|
    +-------------------+--------+---------+
    |2026-06-01 00:00:00|       7|   upsert|
    +-------------------+--------+---------+
    <BLANKLINE>
    """
    return {
        "sequence": sequence(F.col("updated_at")),
        "event_no": F.coalesce("_event_no", F.lit(0)).cast("bigint"),
        "operation": F.coalesce("_operation", F.lit("upsert")),
    }
