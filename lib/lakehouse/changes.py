"""What a change in the inputs means for a table: which days or keys must be made again.

Images of rows (feed.py) that are equal on the columns a table uses cancel out, so rewritten but
equal rows are no change.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from pathlib import Path
from typing import cast

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import DateType

from lakehouse.catalogue import Table, is_direct
from lakehouse.declare import ROW, SOURCE_FILE, ByDay, ByKey, ByVersion, Days, Keys, Scope, Spread
from lakehouse.expressions import all_of, any_of
from lakehouse.feed import (
    LEFT,
    NET,
    Pinned,
    changed_days,
    changed_keys,
    changed_rows,
    changed_rows_of_days,
)
from lakehouse.landing.scan import CORRUPT
from lakehouse.schema import names, quoted
from lakehouse.type2 import VALID_FROM, VALID_TO, holds


@dataclass(frozen=True)
class Affected:
    """The part of a table to make again: days, or a frame of distinct keys; neither is whole.

    With both, it is those rows of the days whose day and ``rows_by`` are in the frame. The day None
    stands for landed rows whose day cannot be told: they are judged, and rejected. ``bounds`` are
    the least and the most of the first key column, where it is text. Beside rows of days there may
    be ``new_days``, of which the table holds none yet; ``told`` is the file of their keys, if they
    lie in one.
    """

    days: frozenset[date | None] | None = None
    keys: DataFrame | None = None
    key_count: int | None = None
    bounds: tuple[str, str] | None = None
    new_days: frozenset[date] = frozenset()
    told: Path | None = None

    @property
    def is_whole(self) -> bool:
        return self.days is None and self.keys is None

    @property
    def known_days(self) -> list[date]:
        """The days that can be told, in order."""
        return sorted(day for day in self.days or () if day is not None)

    def free(self) -> "Affected":
        """The same days as a whole; what was kept of their rows is let go."""
        if self.keys is not None:
            self.keys.unpersist()
        return Affected((self.days or frozenset()) | self.new_days)

    def covers(self, day: Column) -> Column:
        """Whether a row's day is one of the days; one that cannot be told is the day None."""
        chosen = day.isin(self.known_days)
        return chosen | day.isNull() | ~is_day(day) if None in (self.days or ()) else chosen


WHOLE = Affected()


def used_columns(upstream: Table, spread: Spread | None) -> list[str]:
    """The columns an input shows to the function: those its spread says it uses, or all."""
    every = names(upstream.declaration.schema)
    if spread is None or spread.uses is None or upstream.layer == "bronze":
        return list(every)
    interval = (VALID_FROM, VALID_TO) if isinstance(spread, ByVersion) else ()
    wanted = {*spread.columns, *spread.uses, *interval}
    return [name for name in every if name in wanted]


def read_input(
    spark: SparkSession, upstream: Table, spread: Spread | None, pin: Pinned
) -> DataFrame:
    """An input at its pinned version, with the columns it may use (raw tables: all)."""
    frame = pin.read(spark)
    return frame if upstream.layer == "bronze" else frame.select(*used_columns(upstream, spread))


def affected(
    spark: SparkSession,
    table: Table,
    catalogue: Mapping[str, Table],
    pins: Mapping[str, Pinned],
    changed: Iterable[str],
    last_day: date | None = None,
    again: Iterable[str] = (),
    by_rows_of: frozenset[date] = frozenset(),
) -> Affected:
    """The scope values that changes in the inputs ``changed`` reach, and those of records that are
    to be judged ``again``, as JSON; where days that the table holds are given, by rows of those.

    An input without a declared spread, or a table rewritten whole, gives WHOLE.
    """
    said = [json.loads(text) for text in again]
    scope = table.declaration.scope
    by = scope.rows_by if isinstance(scope, Days) and by_rows_of else ()
    reached: list[tuple[DataFrame, Table, Spread]] = []
    for name in changed:
        upstream, spread = catalogue[name], table.inputs[name]
        if spread is None or not isinstance(scope, Days | Keys):
            return WHOLE
        used = _judged_columns(spark, upstream, spread, pins[name])
        if not is_direct(table, spread):
            first = next(iter(table.inputs))
            driver, direct = catalogue[first], cast(Spread, table.inputs[first])
            rows = changed_rows(spark, used, pins[name])
            rows = _look_up(read_input(spark, driver, direct, pins[first]), spread, rows)
            values = rows.select(*_scope_values(driver, direct), *by).distinct()
            values = values.withColumn(LEFT, F.lit(False))
            reached.append((values, driver, direct))
        elif isinstance(spread, ByDay):
            days = _days_of(upstream, spread)
            if by:
                known = spread.read(by_rows_of)  # others reach new days alone
                rows = changed_rows_of_days(spark, used, pins[name], days, by, known)
            else:
                rows = changed_days(spark, used, pins[name], days)
            reached.append((rows, upstream, spread))
        else:
            own = cast(ByKey, spread).columns
            reached.append((changed_keys(spark, used, pins[name], own), upstream, spread))
    if isinstance(scope, Days) and by:
        return _rows_of_days([(rows, spread) for rows, _, spread in reached], scope, by_rows_of)
    if isinstance(scope, Days):
        found = _days(reached) | {_day_said(record[scope.column]) for record in said}
        return Affected(frozenset(d for d in found if not (d and last_day) or d <= last_day))
    parts = [_keys(rows, cast(Keys, scope), cast(ByKey, spread)) for rows, _, spread in reached]
    if said:
        own = cast(Keys, scope).columns
        ddl = ", ".join(f"`{name}` STRING" for name in own)
        keys = [tuple(_text(record[name]) for name in own) for record in said]
        parts.append(spark.createDataFrame(keys, ddl))
    return _of_keys(reduce(DataFrame.unionByName, parts).distinct().persist(), table)


def _judged_columns(
    spark: SparkSession, upstream: Table, spread: Spread | None, pin: Pinned
) -> list[str]:
    """The columns in which a change counts. Staging also reads a landed record's file, for the
    date in its name, its place there, for the quarantine, and whether its line was whole.
    """
    used = used_columns(upstream, spread)
    if upstream.layer != "bronze":
        return used
    landed = pin.read(spark).columns
    return [*used, *(name for name in (SOURCE_FILE, ROW, CORRUPT) if name in landed)]


def _scope_values(driver: Table, direct: Spread) -> list[Column]:
    """What a row of the driving input says of the scope: its days, or its keys."""
    if isinstance(direct, ByDay):
        return [F.explode(F.array(*_days_of(driver, direct))).alias("day")]
    return [F.col(name) for name in cast(ByKey, direct).columns]


def _days_of(upstream: Table, spread: ByDay) -> list[Column]:
    return [_day_of(upstream, column) for column in spread.columns]


def _day_said(text: str | None) -> date | None:
    """The day that JSON tells; None where it is none of ours."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _of_keys(keys: DataFrame, table: Table) -> Affected:
    """The affected part of a table by keys, counted and bounded in one pass."""
    first = keys.columns[0]
    found = keys.agg(F.count("*"), F.min(first), F.max(first)).first()
    assert found is not None
    count, least, most = found
    is_text = any(c.name == first and c.type == "STRING" for c in table.columns)
    return Affected(None, keys, count, (least, most) if is_text and least is not None else None)


def _rows_of_days(
    reached: list[tuple[DataFrame, Spread]], scope: Days, held: frozenset[date]
) -> Affected:
    """Days that are new, and by ``rows_by`` the rows of those held; told as text, as keys are.

    Where rows left the days held, some may have moved to a new one: then all are days as a whole,
    as a row is to move by one commit.
    """
    columns = (scope.column, *scope.rows_by)
    parts = []
    for rows, spread in reached:
        days = [F.date_add("day", offset) for offset in cast(ByDay, spread).offsets]
        dated = rows.select(F.explode(F.array(*days)).alias(scope.column), *scope.rows_by, LEFT)
        dated = dated.where(is_day(F.col(scope.column)))
        told = [F.col(name).cast("string").alias(name) for name in columns]
        parts.append(dated.select(*told, LEFT))
    every = reduce(DataFrame.unionByName, parts)
    keys = every.groupBy(*columns).agg(F.bool_or(LEFT).alias(LEFT)).persist()
    counted = keys.groupBy(scope.column).agg(F.count("*"), F.bool_or(LEFT)).collect()
    counts = {date.fromisoformat(day): count for day, count, _ in counted}
    new, old = frozenset(counts) - held, frozenset(counts) & held
    if not old or (new and any(left for *_, left in counted)):
        keys.unpersist()
        return Affected(new | old)
    return Affected(old, keys.drop(LEFT), sum(counts[day] for day in old), new_days=new)


def _days(reached: list[tuple[DataFrame, Table, Spread]]) -> set[date | None]:
    """The days that changed rows reach; None for landed ones whose day cannot be told.

    One action asks for the days of all inputs.
    """
    parts = [
        rows.select(F.lit(number).alias("input"), "day")
        for number, (rows, *_) in enumerate(reached)
    ]
    found = reduce(DataFrame.union, parts).collect() if parts else []
    days: set[date | None] = set()
    for number, (_, upstream, spread) in enumerate(reached):
        mine = {day for input_number, day in found if input_number == number}
        days |= cast(ByDay, spread).rewritten(mine - {None})
        days |= {None} & mine if upstream.layer == "bronze" else set()
    return days


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
        valid = at >= F.col("_from") if spread.onwards else holds(at, "_from", "_to")
        same = [F.col(name) == F.col(f"_key_{name}") for name in spread.columns]
        return driving.join(interval, all_of([*same, valid]), "left_semi")
    found = rows.select(*cast(ByKey, spread).columns).distinct()
    return driving.join(found, list(cast(ByKey, spread).columns), "left_semi")


def changed_intervals(versions: DataFrame, spread: ByVersion) -> DataFrame:
    """When a key is described otherwise than before; grain: ``_key_*`` and interval [_from, _to).

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
    key = [f"_key_{name}" for name in spread.columns]
    return (
        steps.select(
            *[F.col(name).alias(f"_key_{name}") for name in spread.columns],
            "_from",
            F.lead("_from").over(in_time).alias("_to"),
            F.sum("_step").over(in_time).alias("_differs"),
        )
        .where("_differs <> 0")
        .select(*key, "_from", "_to")
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
        days = {column: _day_of(upstream, column) for column in spread.columns}
        # A date as it is: files, and groups of rows in them, are passed over by it.
        dates = {field.name for field in frame.schema.fields if field.dataType == DateType()}
        chosen = [(F.col(c) if c in dates else day).isin(wanted) for c, day in days.items()]
        chosen += [day.isNull() for day in days.values() if None in part.days]
        dated = frame.where(any_of(chosen))
        if part.keys is None:
            return dated
        by = cast(Days, scope).rows_by
        return semi_join(dated, by, part.keys, by)
    if isinstance(spread, ByKey) and isinstance(scope, Keys) and part.keys is not None:
        known = frame if upstream.layer == "bronze" else frame.where(skipping(part, scope))
        return semi_join(known, spread.columns, part.keys, scope.columns)
    return frame


def skipping(part: Affected, scope: Scope, alias: str = "") -> str:
    """SQL that is true for every affected row; Delta skips files by such literals.

    A join alone would read every file.
    """
    if isinstance(scope, Days):
        return f"{alias}`{scope.column}` IN ({dates(part.known_days)})"
    if part.bounds is None or not isinstance(scope, Keys):
        return "true"
    columns = scope.columns
    column, (least, most) = f"{alias}`{columns[0]}`", map(quoted, part.bounds)
    return f"({column} BETWEEN {least} AND {most} OR {column} IS NULL)"


def dates(days: Iterable[date]) -> str:
    """Days as SQL literals, in order."""
    return ", ".join(f"DATE'{day}'" for day in sorted(days))


def semi_join(
    frame: DataFrame, columns: Iterable[str], found: DataFrame, found_columns: Iterable[str]
) -> DataFrame:
    """Rows of ``frame`` whose columns equal a row of ``found``; nulls are equal to nulls."""
    renamed = found.select(*[F.col(c).alias(f"_found_{c}") for c in found_columns])
    pairs = zip(columns, found_columns, strict=True)
    same = [F.col(a).cast("string").eqNullSafe(F.col(f"_found_{b}")) for a, b in pairs]
    return frame.join(renamed, all_of(same), "left_semi")


def within(table: Table, rows: DataFrame, part: Affected) -> DataFrame:
    """Only the affected part of what a function made: its other rows may be incomplete."""
    scope = table.declaration.scope
    if part.days is not None and isinstance(scope, Days):
        rows = rows.where(part.covers(F.col(scope.column)))
        columns = (scope.column, *scope.rows_by)
        return rows if part.keys is None else semi_join(rows, columns, part.keys, columns)
    if part.keys is not None and isinstance(scope, Keys):
        return semi_join(rows, scope.columns, part.keys, scope.columns)
    return rows
