"""What a change in the inputs means for a table: which days or keys must be made again.

What changed is read from the change feed only; images that are equal on the columns a table
uses cancel out, so rewritten but equal rows are no change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import cast

from pyspark.sql import DataFrame, SparkSession, Window
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
    """The part of a table to make again: days, or a frame of distinct keys; neither is whole."""

    days: frozenset[date] | None = None
    keys: DataFrame | None = None
    key_count: int | None = None

    @property
    def is_whole(self) -> bool:
        return self.days is None and self.keys is None


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
    feed = (
        spark.read.format("delta")
        .option("readChangeFeed", "true")
        .option("startingVersion", cast(int, pin.built) + 1)
        .option("endingVersion", pin.version)
        .load(pin.path)
    )
    sign = F.when(F.col("_change_type").isin("insert", "update_postimage"), 1).otherwise(-1)
    return feed.groupBy(*columns).agg(F.sum(sign).alias(NET)).where(f"{NET} <> 0")


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
    parts: list[DataFrame] = []
    for name in changed:
        spread = table.inputs[name]
        if spread is None or not isinstance(scope, Days | Keys):
            return WHOLE
        rows = changed_rows(spark, used_columns(catalogue[name], spread), pins[name])
        if is_direct(table, spread):
            parts.append(_scope_values(scope, spread, rows))
        else:
            first = next(iter(table.inputs))
            driving = read_input(spark, catalogue[first], table.inputs[first], pins[first])
            reached = _look_up(driving, spread, rows)
            parts.append(_scope_values(scope, table.inputs[first], reached))
    values = reduce(DataFrame.unionByName, parts).distinct()
    if isinstance(scope, Days):
        found = frozenset(row[0] for row in values.collect() if row[0] is not None)
        return Affected(days=frozenset(d for d in found if last_day is None or d <= last_day))
    keys = values.persist()
    return Affected(keys=keys, key_count=keys.count())


def _scope_values(scope: Days | Keys, spread: Spread | None, rows: DataFrame) -> DataFrame:
    """The distinct days or keys that changed rows of a direct input touch."""
    if isinstance(scope, Keys):
        columns = cast(ByKey, spread).columns
        pairs = zip(columns, scope.columns, strict=True)
        return rows.select(*[F.col(a).cast("string").alias(b) for a, b in pairs]).distinct()
    by_day = cast(ByDay, spread)
    days = F.array(*[F.date_add(F.col(c), o) for c in by_day.columns for o in by_day.offsets])
    return rows.select(F.explode(days).alias(scope.column)).distinct()


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


def restrict(table: Table, spread: Spread | None, frame: DataFrame, part: Affected) -> DataFrame:
    """The rows of an input that the affected part of a table is made of."""
    scope = table.declaration.scope
    if part.is_whole or spread is None or not is_direct(table, spread):
        return frame
    if isinstance(spread, ByDay) and part.days is not None:
        wanted = sorted(spread.read(part.days))
        day = reduce(lambda a, b: a | b, [F.col(c).isin(wanted) for c in spread.columns])
        return frame.where(day)
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
        return rows.where(F.col(scope.column).isin(sorted(part.days)))
    if part.keys is not None and isinstance(scope, Keys):
        return semi_join(rows, scope.columns, part.keys, scope.columns)
    return rows
