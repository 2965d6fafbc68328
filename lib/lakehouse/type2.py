"""History (type 2) as a pure function of the event log.

Whatever order events arrive in, a key's versions are derived from all its events, sorted: late,
repeated and out-of-order events end in the table that one sorted load gives.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.declare import History

BEGINNING, OPEN_END = "1900-01-01", "9999-12-31"
UNKNOWN, NOT_APPLICABLE = 0, -1


def versions(events: DataFrame, history: History) -> DataFrame:
    """Versions from events; grain: one row per key and version.

    ``events`` carries the key, ``sequence`` (TIMESTAMP, UTC), ``operation`` (upsert or delete)
    and attributes. Returned are the key, the attributes, and the half-open interval
    [valid_from, valid_to) with is_current, which marks the open version. The first version
    starts in 1900 unless the history says ``first_version="event"``.
    """
    key = list(history.columns)
    ordered = Window.partitionBy(*key).orderBy("sequence")
    so_far = ordered.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    overall = ordered.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    filled = events.withColumns(
        {name: F.last(name, ignorenulls=True).over(so_far) for name in history.last_known}
    )
    fixed = {*key, *history.tracked, "sequence", "operation"}
    newest = {name: F.last(name).over(overall) for name in filled.columns if name not in fixed}
    state = F.struct("operation", *history.tracked)
    changed = ~state.eqNullSafe(F.lag(state).over(ordered))
    first = F.row_number().over(ordered) == 1
    cuts = filled.withColumns(newest | {"_changed": changed | first, "_first": first})
    cuts = cuts.where("_changed")
    start = F.col("sequence")
    if history.first_version == "1900":
        start = F.when(F.col("_first"), F.lit(BEGINNING).cast("timestamp")).otherwise(start)
    end = F.coalesce(F.lead("sequence").over(ordered), F.lit(OPEN_END).cast("timestamp"))
    return (
        cuts.withColumns({"valid_from": start, "valid_to": end})
        .where("operation <> 'delete'")
        .withColumn("is_current", F.col("valid_to") == F.lit(OPEN_END).cast("timestamp"))
        .drop("_changed", "_first", "sequence", "operation")
    )


def valid_at(rows: DataFrame, versions: DataFrame, key: str, at: Column) -> DataFrame:
    """Rows with the columns of the version of ``key`` that is valid ``at``; nulls where none is."""
    renamed = versions.withColumnRenamed(key, "_version_of")
    valid = (at >= F.col("valid_from")) & (at < F.col("valid_to"))
    joined = rows.join(renamed, (F.col(key) == F.col("_version_of")) & valid, "left")
    return joined.drop("_version_of", "valid_from", "valid_to")


def surrogate_key(*columns: str) -> Column:
    """xxhash64 of the columns: the same whenever and wherever it is computed."""
    return F.xxhash64(*columns)


def with_members(dimension: DataFrame, key: str, names: dict[int, dict[str, object]]) -> DataFrame:
    """The dimension with the members that every dimension has, such as 0 and -1.

    ``names`` gives each member's columns that are not null.
    """
    for number, values in names.items():
        known: dict[str, object] = {key: number} | values
        member = dimension.sparkSession.range(1).select(
            *[F.lit(known.get(f.name)).cast(f.dataType).alias(f.name) for f in dimension.schema]
        )
        dimension = dimension.unionByName(member)
    return dimension
