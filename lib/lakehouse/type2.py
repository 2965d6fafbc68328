"""History (type 2) as a pure function of the event log.

Whatever order events arrive in, a key's versions are derived from all its events, sorted: late,
repeated and out-of-order events end in the table that one sorted load gives.
"""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.declare import BEGINNING, History
from lakehouse.expressions import all_of

# The columns that say when a version holds, and whether it is the open one.
VALID_FROM, VALID_TO, IS_CURRENT = "valid_from", "valid_to", "is_current"
UNKNOWN, NOT_APPLICABLE = 0, -1
_DELETED = "operation <=> 'delete'"


def versions(events: DataFrame, history: History) -> DataFrame:
    """Versions from events; grain: one row per key and version.

    ``events`` carries the key, the history's ``sequence`` (its first column a TIMESTAMP, UTC, the
    instant; the others order events of one instant, of which the last wins), ``operation`` (upsert
    or delete) and attributes; events of one key and sequence must be equal. Returned are the key,
    the attributes, and the half-open interval [valid_from, valid_to) with is_current, which marks
    the open version. No interval is empty, and versions that touch differ in a tracked column. The
    first version starts, and the open one ends, where the history says; one that a delete goes
    before starts with its event.
    """
    instant = F.col(history.sequence[0])
    in_order = Window.partitionBy(*history.columns).orderBy(*history.sequence)
    states = _last_of_instants(_described(events, history), history)
    before = F.lag("_state").over(in_order)
    changes = states.withColumn("_before", before).where("NOT _state <=> _before")
    start = instant
    if history.first_version != "event":
        earliest = F.least(instant, _day(history.first_version))
        start = F.when(F.col("_before").isNull(), earliest).otherwise(instant)
    open_end = _day(history.open_end)
    end = F.coalesce(F.lead(instant).over(in_order), open_end)
    internal = ["_state", "_before", "operation", *history.sequence]
    return (
        changes.withColumns({VALID_FROM: start, VALID_TO: end})
        .where(f"NOT {_DELETED}")
        .withColumn(IS_CURRENT, F.col(VALID_TO) == open_end)
        .drop(*internal)
    )


def _described(events: DataFrame, history: History) -> DataFrame:
    """Events as a version shows them: partial ones filled, untracked columns as in the newest one.

    A null in a ``last_known`` column means unchanged since the key was last deleted. A delete
    describes nothing.
    """
    in_order = Window.partitionBy(*history.columns).orderBy(*history.sequence)
    so_far = in_order.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    overall = in_order.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    deleted = F.expr(_DELETED)
    # A struct that holds a null is what a delete leaves to carry on; no struct is nothing said.
    said = {
        name: F.when(
            deleted | F.col(name).isNotNull(), F.struct(F.when(~deleted, F.col(name)).alias(name))
        )
        for name in history.last_known
    }
    filled = events.withColumns(
        {name: F.last(value, ignorenulls=True).over(so_far)[name] for name, value in said.items()}
    )
    fixed = {*history.columns, *history.tracked, *history.sequence, "operation"}
    untracked = [name for name in events.columns if name not in fixed]
    if not untracked:
        return filled
    newest = F.last(F.when(~deleted, F.struct(*untracked)), ignorenulls=True).over(overall)
    shown = filled.withColumn("_newest", newest)
    return shown.withColumns({name: F.col(f"_newest.{name}") for name in untracked}).drop("_newest")


def _last_of_instants(events: DataFrame, history: History) -> DataFrame:
    """The last event of each instant, with ``_state``: what the key is from then on."""
    in_order = Window.partitionBy(*history.columns).orderBy(*history.sequence)
    instant, next_one = F.col(history.sequence[0]), F.lead(history.sequence[0]).over(in_order)
    deleted = F.expr(_DELETED)
    tracked = [F.when(~deleted, F.col(name)).alias(name) for name in history.tracked]
    state = F.struct(deleted.alias("is_deleted"), *tracked)
    last = events.withColumn("_next", next_one).where(~F.col("_next").eqNullSafe(instant))
    return last.withColumn("_state", state).drop("_next")


def _day(text: str | date) -> Column:
    return F.lit(str(text)).cast("timestamp")


def always(history: History) -> dict[str, object]:
    """The interval of a version that always holds, as that of a member such as 0 or -1 does."""
    start = BEGINNING if history.first_version == "event" else history.first_version
    return {VALID_FROM: start, VALID_TO: history.open_end, IS_CURRENT: True}


def holds(at: Column, start: str | Column = VALID_FROM, end: str | Column = VALID_TO) -> Column:
    """Whether a version, or the interval [start, end), is valid at an instant."""
    start, end = (F.col(one) if isinstance(one, str) else one for one in (start, end))
    return (at >= start) & (at < end)


def holds_at(literal: str) -> str:
    """The same of versions, in SQL, at an instant given as a literal."""
    return f"{VALID_FROM} <= {literal} AND {literal} < {VALID_TO}"


def valid_at(
    rows: DataFrame, versions: DataFrame, key: str | Sequence[str], at: Column
) -> DataFrame:
    """Rows with the columns of the version of ``key`` that is valid ``at``; nulls where none is."""
    columns = [key] if isinstance(key, str) else list(key)
    renamed = versions.withColumnsRenamed({name: f"_version_of_{name}" for name in columns})
    same = [F.col(name) == F.col(f"_version_of_{name}") for name in columns]
    joined = rows.join(renamed, all_of([*same, holds(at)]), "left")
    return joined.drop(*[f"_version_of_{name}" for name in columns], VALID_FROM, VALID_TO)


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
