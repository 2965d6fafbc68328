"""What a change in the inputs means for a table: which days or keys must be made again.

What changed is read from the change feed only; images that are equal on the columns a table
uses cancel out, so rewritten but equal rows are no change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import cast

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakehouse.catalogue import Table, is_direct
from lakehouse.declare import ByDay, ByKey, ByVersion, Days, Keys, Spread
from lakehouse.schema import names

VALID_FROM, VALID_TO = "valid_from", "valid_to"
NET = "_net"


@dataclass(frozen=True)
class Pinned:
    """One input at the version that will be recorded, and the version last built from."""

    path: str
    version: int
    built: int | None

    def read(self, spark: SparkSession) -> DataFrame:
        return spark.read.format("delta").option("versionAsOf", self.version).load(self.path)


@dataclass(frozen=True)
class Affected:
    """The part of a table to make again: days, or a frame of distinct keys; neither is whole.

    The day None stands for landed rows whose day cannot be told: they are judged, and rejected.
    """

    days: frozenset[date | None] | None = None
    keys: DataFrame | None = None
    key_count: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.days is None and self.keys is None

    @property
    def known_days(self) -> list[date]:
        """The days that can be told, in order."""
        return sorted(day for day in self.days or () if day is not None)


WHOLE = Affected()


def used_columns(upstream: Table, spread: Spread | None) -> list[str]:
    """The columns an input shows to the function: those its spread says it uses, or all."""
    every = names(upstream.declaration.schema)
    if spread is None or spread.uses is None or upstream.layer == "bronze":
        return list(every)
    own = (spread.key,) if isinstance(spread, ByVersion) else spread.columns
    interval = (VALID_FROM, VALID_TO) if isinstance(spread, ByVersion) else ()
    wanted = {*own, *spread.uses, *interval}
    return [name for name in every if name in wanted]


def read_input(
    spark: SparkSession, upstream: Table, spread: Spread | None, pin: Pinned
) -> DataFrame:
    """An input at its pinned version, with the columns it may use (raw tables: all)."""
    frame = pin.read(spark)
    return frame if upstream.layer == "bronze" else frame.select(*used_columns(upstream, spread))


def changed_rows(spark: SparkSession, columns: list[str], pin: Pinned) -> DataFrame:
    """Rows inserted or deleted since the version built from, equal images cancelled.

    ``_net`` says how often: above 0 inserted, below 0 deleted.
    """
    return net(change_feed(spark, pin), columns)


def change_feed(spark: SparkSession, pin: Pinned) -> DataFrame:
    """Images of rows, before and after, that the commits since the version built from wrote."""
    return (
        spark.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", cast(int, pin.built) + 1)
        .option("endingVersion", pin.version)
        .load(pin.path)
    )


def net(feed: DataFrame, columns: list[str]) -> DataFrame:
    """Images that do not cancel out; ``_net`` is above 0 for inserted, below 0 for deleted."""
    sign = F.when(F.col("_change_type").isin("insert", "update_postimage"), 1).otherwise(-1)
    return feed.groupBy(*columns).agg(F.sum(sign).alias(NET)).where(f"{NET} <> 0")


def unreadable(error: Exception) -> str | None:
    """Why a change feed cannot be read, where that is what the error says; else None."""
    if isinstance(error, PySparkException) and (error.getCondition() or "").startswith("DELTA"):
        first = str(error).strip().split("\n")[0][:120]
        return f"the change feed cannot be read ({first})"
    # A vacuumed change file surfaces as a Py4J error.
    if "FileNotFound" in str(error) or "FILE_NOT_EXIST" in str(error):
        return "its change files are gone"
    if "SchemaColumnConvertNotSupported" in str(error):
        return "its columns had other types before"
    return None


def affected(
    spark: SparkSession,
    table: Table,
    catalogue: Mapping[str, Table],
    pins: Mapping[str, Pinned],
    changed: Iterable[str],
    last_day: date | None = None,
) -> Affected:
    """The scope values that changes in the inputs ``changed`` reach.

    An input without a declared spread, or a table rewritten whole, gives WHOLE.
    """
    scope = table.declaration.scope
    days: set[date | None] = set()
    parts: list[DataFrame] = []
    for name in changed:
        upstream, spread = catalogue[name], table.inputs[name]
        if spread is None or not isinstance(scope, Days | Keys):
            return WHOLE
        rows = changed_rows(spark, used_columns(upstream, spread), pins[name])
        if not is_direct(table, spread):
            first = next(iter(table.inputs))
            upstream, direct = catalogue[first], table.inputs[first]
            driving = read_input(spark, upstream, direct, pins[first])
            rows, spread = _look_up(driving, spread, rows), direct
        if isinstance(scope, Days):
            days |= _days(rows, upstream, cast(ByDay, spread))
        else:
            parts.append(_keys(rows, scope, cast(ByKey, spread)))
    if isinstance(scope, Days):
        reached = (day for day in days if day is None or last_day is None or day <= last_day)
        return Affected(days=frozenset(reached))
    keys = reduce(DataFrame.unionByName, parts).distinct().persist()
    return Affected(keys=keys, key_count=keys.count())


def _days(rows: DataFrame, upstream: Table, spread: ByDay) -> set[date | None]:
    """The days that changed rows reach; None for landed ones whose day cannot be told."""
    columns = F.array(*[_day_of(upstream, column) for column in spread.columns])
    found = {row[0] for row in rows.select(F.explode(columns)).distinct().collect()}
    unknown = {None} & found if upstream.layer == "bronze" else set()
    return {*spread.rewritten(found - {None}), *unknown}


def _day_of(upstream: Table, column: str) -> Column:
    """A column's day. Landed values are cast as their contract says; null is no day of ours."""
    if upstream.layer != "bronze":
        return F.col(column)
    kind = next(c.type for c in upstream.columns if c.name == column)
    day = F.col(column).try_cast(kind).try_cast("date")
    return F.when(is_day(day), day)


def is_day(day: Column) -> Column:
    """Within the years that dates have everywhere, 1 to 9999; null for null."""
    first, last = (F.lit(text).cast("date") for text in ("0001-01-01", "9999-12-31"))
    return day.between(first, last)


def _keys(rows: DataFrame, scope: Keys, spread: ByKey) -> DataFrame:
    """The distinct keys that changed rows of a direct input touch."""
    pairs = zip(spread.columns, scope.columns, strict=True)
    return rows.select(*[F.col(a).cast("string").alias(b) for a, b in pairs]).distinct()


def _look_up(driving: DataFrame, spread: Spread, rows: DataFrame) -> DataFrame:
    """Rows of the driving input that changed rows of a look-up reach."""
    if isinstance(spread, ByVersion):
        interval = changed_intervals(rows, spread)
        at = F.col(spread.at)
        valid = (at >= F.col("_from")) & (at < F.col("_to"))
        return driving.join(interval, (F.col(spread.key) == F.col("_key")) & valid, "left_semi")
    found = rows.select(*cast(ByKey, spread).columns).distinct()
    return driving.join(found, list(cast(ByKey, spread).columns), "left_semi")


def changed_intervals(versions: DataFrame, spread: ByVersion) -> DataFrame:
    """When a key is described otherwise than before; grain: ``_key`` and interval [_from, _to).

    ``versions`` are net changes. Unless the interval itself is used, a version that merely ends
    earlier changes nothing before its new end, so each image adds its sign at its start and
    takes it back at its end; where the running sum of equal images is not 0, something differs.
    """
    values = [c for c in versions.columns if c not in (VALID_FROM, VALID_TO, NET)]
    interval = [c for c in (VALID_FROM, VALID_TO) if spread.uses is None or c in spread.uses]
    same = [*values, *interval]
    starts = versions.select(*same, F.col(VALID_FROM).alias("_from"), F.col(NET).alias("_step"))
    ends = versions.select(*same, F.col(VALID_TO).alias("_from"), (-F.col(NET)).alias("_step"))
    steps = starts.unionByName(ends).groupBy(*same, "_from").agg(F.sum("_step").alias("_step"))
    in_time = Window.partitionBy(*same).orderBy("_from")
    return (
        steps.select(
            F.col(spread.key).alias("_key"),
            "_from",
            F.lead("_from").over(in_time).alias("_to"),
            F.sum("_step").over(in_time).alias("_differs"),
        )
        .where("_differs <> 0")
        .select("_key", "_from", "_to")
        .distinct()
    )


def restrict(
    table: Table, upstream: Table, spread: Spread | None, frame: DataFrame, part: Affected
) -> DataFrame:
    """The rows of an input that the affected part of a table is made of."""
    scope = table.declaration.scope
    if part.is_whole or spread is None or not is_direct(table, spread):
        return frame
    if isinstance(spread, ByDay) and part.days is not None:
        wanted = sorted(spread.read(part.known_days))
        days = [_day_of(upstream, column) for column in spread.columns]
        chosen = [day.isin(wanted) for day in days]
        chosen += [day.isNull() for day in days if None in part.days]
        return frame.where(reduce(lambda a, b: a | b, chosen))
    if isinstance(spread, ByKey) and isinstance(scope, Keys) and part.keys is not None:
        return semi_join(frame, spread.columns, part.keys, scope.columns)
    return frame


def semi_join(
    frame: DataFrame, columns: Iterable[str], found: DataFrame, found_columns: Iterable[str]
) -> DataFrame:
    """Rows of ``frame`` whose columns equal a row of ``found``; nulls are equal to nulls."""
    renamed = found.select(*[F.col(c).alias(f"_found_{c}") for c in found_columns])
    pairs = zip(columns, found_columns, strict=True)
    same = [F.col(a).cast("string").eqNullSafe(F.col(f"_found_{b}")) for a, b in pairs]
    return frame.join(renamed, reduce(lambda a, b: a & b, same), "left_semi")


def within(table: Table, rows: DataFrame, part: Affected) -> DataFrame:
    """Only the affected part of what a function made: its other rows may be incomplete."""
    scope = table.declaration.scope
    if part.days is not None and isinstance(scope, Days):
        day = F.col(scope.column)
        chosen = day.isin(part.known_days)
        if None in part.days:
            chosen = chosen | day.isNull() | ~is_day(day)
        return rows.where(chosen)
    if part.keys is not None and isinstance(scope, Keys):
        return semi_join(rows, scope.columns, part.keys, scope.columns)
    return rows
