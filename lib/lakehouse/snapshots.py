"""Full snapshots made into the change events that their source does not send."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.declare import BATCH_ID, ROW, SOURCE_FILE
from lakehouse.expressions import content
from lakehouse.quality import FAULTS, RECORD, sequence

_ALWAYS = Window.unboundedPreceding


def snapshot_events(records: DataFrame, *key: str) -> DataFrame:
    """Change events of full snapshots: the same whatever order the files arrived in.

    ``records`` are conformed; the files of one date are one snapshot. Returned are all of them,
    with ``updated_at`` when their state began (repeats of a state are then repeats of one event),
    and a record with ``_operation`` delete for each key that a snapshot lacks and the one before it
    had, at the snapshot's date. A state begins at its landed ``updated_at`` if that lies after the
    snapshot before and its state, and not after the day of its own file; else at the file's date.
    """
    placed = _placed(records)
    by_key = Window.partitionBy(*key).orderBy("_number")
    here, before, after = (by_key.rangeBetween(n, n) for n in (0, -1, 1))
    state = content(c for c in records.columns if c not in (RECORD, SOURCE_FILE, ROW, BATCH_ID))
    seen = placed.withColumns(
        {
            "_state": F.struct(F.min(state).over(here), F.max(state).over(here)),
            "_state_before": F.struct(F.min(state).over(before), F.max(state).over(before)),
            "_since": F.greatest("_day_before", F.max("updated_at").over(before)),
            "_goes": F.max("_number").over(after).isNull() & F.col("_next").isNotNull(),
        }
    )
    is_new = ~F.col("_state").eqNullSafe(F.col("_state_before"))
    began = F.max(F.when(is_new, F.struct("_day", "_since"))).over(by_key.rangeBetween(_ALWAYS, 0))
    dated = seen.withColumn("_began", began)
    since, day = F.col("_began._since"), F.col("_began._day")
    in_time = F.coalesce(F.col("updated_at") > since, F.lit(True)) & (
        F.col("updated_at") < day + F.expr("INTERVAL 1 DAY")
    )
    states = dated.withColumn("updated_at", F.when(in_time, F.col("updated_at")).otherwise(day))
    gone = seen.where("_goes").select(
        *key,
        F.col("_next._day").alias("updated_at"),
        F.lit("delete").alias("_operation"),
        F.lit("").alias(FAULTS),
        F.col("_next.file").alias(SOURCE_FILE),
        F.col("_next.batch").alias(BATCH_ID),
    )
    known = gone.where(" AND ".join(f"{name} IS NOT NULL" for name in key)).distinct()
    return states.select(*records.columns).unionByName(known, allowMissingColumns=True)


def _placed(records: DataFrame) -> DataFrame:
    """Records with the ``_day`` of their snapshot, its ``_number``, and its neighbours."""
    dated = records.withColumn("_day", sequence())
    days = dated.groupBy("_day").agg(
        F.min(SOURCE_FILE).alias("file"), F.max(BATCH_ID).alias("batch")
    )
    in_order = days.agg(
        F.sort_array(F.collect_list(F.struct("_day", "file", "batch"))).alias("_all")
    )
    numbered = in_order.select("_all", F.posexplode("_all").alias("_number", "_this"))
    calendar = numbered.select(
        F.col("_this._day").alias("_day"),
        "_number",
        F.get("_all", F.col("_number") - 1)["_day"].alias("_day_before"),
        F.get("_all", F.col("_number") + 1).alias("_next"),
    )
    return dated.join(F.broadcast(calendar), "_day")
