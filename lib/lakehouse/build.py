"""Building one table: inputs at pinned versions, the affected part, one commit (two where many rows
of new keys landed, or new days beside changed rows of old ones: decisions 0033, 0035).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StringType, StructField, StructType

from lakehouse import carrying, merging, plain, quality, quarantine
from lakehouse.arrivals import Arrivals, arrived
from lakehouse.catalogue import is_direct
from lakehouse.changes import WHOLE, Affected, affected, within
from lakehouse.checks.after import judge_written
from lakehouse.declare import Changelog, Days
from lakehouse.feed import unreadable
from lakehouse.follow import follow
from lakehouse.invoke import call
from lakehouse.log import Log
from lakehouse.plan import Frame, Verdict, frame_as_of
from lakehouse.reached import beside, reached_keys
from lakehouse.split import Split, split_part, split_whole, write_good
from lakehouse.storage import Place, row_count, size
from lakehouse.twins import days as twin_days
from lakehouse.twins import landed
from lakehouse.write import (
    Target,
    WrittenDays,
    commit_all,
    commit_days,
    commit_more,
    files_and_bytes,
    made,
    progress,
    record_anyway,
    store,
    write_days,
)

# What merging.WORTH is of a MERGE by Spark.
BY_SPARK = (1_000_000, 25)
# Bytes of a table below which reading all its files costs less than asking which to skip.
READ_WHOLE = 16 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """What became of one table in one build; grain of ``ops.build_log``."""

    table: str
    status: str
    reason: str = ""
    mode: str = ""
    rows_in: int | None = None
    quarantined: int | None = None
    repeated: int | None = None
    rows: int = 0
    files: int = 0
    bytes: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float = 0.0
    inputs: list[str] = field(default_factory=list)
    version_before: int = -1
    version: int = -1
    warnings: tuple[str, ...] = field(default=())


def build_table(spark: SparkSession, frame: Frame, verdict: Verdict) -> Outcome:
    """Make the stale part of a table again and commit it with its record."""
    table = verdict.table
    target = Target(table, frame.path(table))
    before = Log(target.path).version
    if isinstance(table.declaration.scope, Changelog):
        mode = "whole" if verdict.whole else "part"
        outcome = Outcome(table.full_name, "built", follow(spark, frame, verdict, target), mode)
    elif getattr(table.declaration.scope, "kernel", None):
        mode, reason = carrying.close(spark, frame, verdict, target)
        outcome = Outcome(table.full_name, "built", reason, mode)
    else:
        outcome = _make(spark, frame, verdict, target)
    if Log(target.path).version > before and not outcome.files:
        commits = range(before + 1, Log(target.path).version + 1)
        outcome = _measured(outcome, *(files_and_bytes(target.path, one) for one in commits))
    return replace(outcome, warnings=judge_written(spark, frame, table, before))


def _measured(outcome: Outcome, *written: tuple[int, int, int]) -> Outcome:
    """With the rows, files and bytes that its commits wrote."""
    rows, files, size = map(sum, zip(*written, strict=True))
    return replace(outcome, rows=rows, files=files, bytes=size)


def _make(spark: SparkSession, frame: Frame, verdict: Verdict, target: Target) -> Outcome:
    """Make the affected part again, in the first way that fits: DuckDB stages what landed; new keys
    are appended and the others merged (decision 0033); DuckDB merges keys; the table's function, or
    its SQL, makes the part.
    """
    table = verdict.table
    if good := landed.staged(frame, verdict, target):
        return _commit_staged(good, target, verdict)
    with arrived(spark, frame, verdict, target) as came:
        if came:
            return _add(spark, frame, verdict, target, came)
    if (judged := landed.merged(frame, verdict, target, verdict.record)) is not None:
        record_anyway(target, verdict.record)
        return Outcome(table.full_name, "built", verdict.reason, "part", judged, 0)
    with beside(target.path) as keys:
        part, reason = affected_part(spark, frame, verdict, by_rows=True, keys=keys)
        outcome = Outcome(table.full_name, "built", reason, "whole" if part.is_whole else "part")
        verdict = replace(verdict, reason=reason)
        try:
            if part.new_days:
                return _merge_beside_new_days(spark, frame, verdict, target, part, outcome)
            return _write(spark, frame, verdict, target, part, outcome)
        finally:
            if part.keys is not None:
                part.keys.unpersist()


def _commit_staged(good: landed.Staged, target: Target, verdict: Verdict) -> Outcome:
    """Commit what DuckDB staged: the whole table, or days."""
    outcome = Outcome(verdict.table.full_name, "built", verdict.reason, "part", good.judged, 0)
    if verdict.whole:
        commit_all(good.made, target, verdict.record)
        outcome = _measured(outcome, files_and_bytes(target.path))
        return replace(outcome, mode="whole", repeated=good.judged - outcome.rows)
    if good.days:
        commit_days(good.made, target, Affected(frozenset(good.days)), verdict.record)
    else:
        commit_more(good.made, target, verdict.record, good.made.table.version())
    return outcome


def _merge_beside_new_days(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    target: Target,
    part: Affected,
    outcome: Outcome,
) -> Outcome:
    """Merge the rows of days that the table holds, then add the new days, by a commit each.

    The files of the new days are written first, so that what stops them stops all. As in ``_add``
    the first commit says that it is not finished.
    """
    days = Affected(part.new_days)
    new = twin_days.write(frame, verdict, target, days)
    if new is None:
        rows = made(spark, frame, verdict, days)
        new = write_days(quality.stopped(rows, verdict.table, frame.conf), target)
    assert new is not None
    halfway = replace(verdict, record=verdict.record.unfinished())
    _write(spark, frame, halfway, target, part, outcome)
    merged = files_and_bytes(target.path)
    appended = _append(new, target, verdict, Log(target.path).version)
    return _measured(outcome, merged, appended)


def _add(
    spark: SparkSession, frame: Frame, verdict: Verdict, target: Target, came: Arrivals
) -> Outcome:
    """Append the rows of new keys where they lie, after all others that landed have been merged.

    The commit of the others says that it is not finished yet: where a build dies before the rows
    are appended, the next one makes the table again.
    """
    table = verdict.table
    outcome = Outcome(table.full_name, "built", verdict.reason, "part")
    if good := landed.appended(frame, verdict, target, came.files, came.known):
        new, counted = good.made, Split(good.judged, 0)
    else:
        given = {came.driver: came.appended}
        judged, aside, _ = _judged(spark, frame, verdict, WHOLE, given)
        written = write_good(judged, target)
        assert written is not None
        new, counted = written
        if counted.rejected:
            # No earlier reject is in scope: those of these keys keep their status.
            no_keys = replace(came.merged, keys=cast(DataFrame, came.merged.keys).limit(0))
            quarantine.put_aside(judged, table, no_keys, aside)
    wrote, version = [], came.version
    if came.merged.key_count:
        halfway = replace(verdict, record=verdict.record.unfinished())
        merged = landed.merged(frame, verdict, target, halfway.record, came.known)
        if merged is None:
            outcome = _write(spark, frame, halfway, target, came.merged, outcome)
        else:
            record_anyway(target, halfway.record)
            outcome = replace(outcome, rows_in=merged, quarantined=0)
        wrote.append(files_and_bytes(target.path))
        version += 1
    wrote.append(_append(new, target, verdict, version))
    return replace(
        _measured(outcome, *wrote),
        rows_in=(outcome.rows_in or 0) + counted.judged,
        quarantined=(outcome.quarantined or 0) + counted.rejected,
    )


def _append(
    new: WrittenDays, target: Target, verdict: Verdict, version: int
) -> tuple[int, int, int]:
    """Add the files of new rows upon a version; the rows, files and bytes that the commit wrote."""
    commit_more(new, target, verdict.record, version)
    return files_and_bytes(target.path) if new.files else (0, 0, 0)


def _judged(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    part: Affected,
    given: Mapping[str, DataFrame] | None = None,
) -> tuple[DataFrame, Place, bool]:
    """Judged rows of a part, the place of rejected ones, and whether there are earlier ones."""
    aside = quarantine.ensure(frame.lake)
    is_known = quarantine.known(aside, verdict.table) > 0
    rows = call(spark, frame, verdict, part, given)
    return quality.judged(rows, verdict.table, frame.conf, is_known), aside, is_known


def affected_part(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    by_rows: bool = False,
    keys: Path | None = None,
) -> tuple[Affected, str]:
    """The affected part; whole, and why, where the change feed cannot be read.

    ``by_rows`` it is rows of days, where that is declared and worth it; their keys are written to
    the folder ``keys``, if there is one.
    """
    if verdict.whole:
        return WHOLE, verdict.reason
    table, tables = verdict.table, frame.catalogue.tables
    last_day = frame_as_of(frame) if table.takes_as_of else None
    again = frame.again.get(table.name, frozenset())
    path = frame.path(table)
    held = frozenset[date]()
    if by_rows and getattr(table.declaration.scope, "rows_by", None) and not last_day:
        is_large = row_count(path) >= worth_merging(path)[0]
        held = frozenset(Log(path).days(str(table.declaration.scope.partition)) if is_large else ())
    try:
        part = told_by_duckdb(spark, frame, verdict, held, keys) if held and keys else None
        part = part or affected(
            spark, table, tables, verdict.pins, verdict.changed, last_day, again, held
        )
        if verdict.as_of_days and part.days is not None:
            part = replace(part, days=part.days | verdict.as_of_days)
        return _worthwhile(part, verdict, path), verdict.reason
    except Exception as error:
        if (cause := unreadable(error)) is None:
            raise
        return WHOLE, f"{verdict.reason}, but {cause}"


def told_by_duckdb(
    spark: SparkSession, frame: Frame, verdict: Verdict, held: frozenset[date], folder: Path
) -> Affected | None:
    """Rows of days as DuckDB tells them, and new days (as ``affected`` does); None where it cannot.

    Where rows left the days held, some may have moved to a new one: then all are days as a whole,
    as a row is to move by one commit.
    """
    table, tables = verdict.table, frame.catalogue.tables
    found = reached_keys(table, tables, verdict.pins, verdict.changed, held, folder)
    if found is None:
        return None
    days = frozenset(found.counts)
    if not days or (found.new and found.fewer):
        return Affected(found.new | days)
    scope, [file] = cast(Days, table.declaration.scope), found.files
    columns = StructType([StructField(c, StringType()) for c in (scope.column, *scope.rows_by)])
    keys = plain.parquet(spark, file.parent, columns, [str(file)])
    return Affected(days, keys, sum(found.counts.values()), new_days=found.new, told=file)


def worth_merging(path: Place) -> tuple[int, int]:
    """How many rows of days a MERGE is to spare, and as how many others a merged one costs."""
    return merging.WORTH if merging.opened(path) else BY_SPARK


def _worthwhile(part: Affected, verdict: Verdict, path: Place) -> Affected:
    """The part, without a distinction that costs more than it spares."""
    if part.days is not None and part.key_count is not None:
        column = verdict.table.declaration.scope.partition
        present = row_count(path, str(column), map(str, part.known_days))
        spared, as_many_as = worth_merging(path)
        is_worth_it = present - as_many_as * part.key_count >= spared
        # Elsewhere new days would be a commit of Spark's own.
        can_append = not part.new_days or merging.opened(path) is not None
        return part if is_worth_it and can_append else part.free()
    if part.bounds:
        places = [path, *(pin.path for pin in verdict.pins.values())]
        if all(size(place)[1] < READ_WHOLE for place in places):
            return replace(part, bounds=None)
    return part


def _write(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    target: Target,
    part: Affected,
    outcome: Outcome,
) -> Outcome:
    table = verdict.table
    nothing = part.days is not None and not part.days
    if nothing or part.key_count == 0:
        progress(target, verdict.record)
        return outcome
    if not table.is_staging:
        if twin_days.store(frame, verdict, target, part, verdict.record):
            record_anyway(target, verdict.record)
            return outcome
        rows = quality.stopped(made(spark, frame, verdict, part), table, frame.conf)
        store(rows, target, part, verdict.record)
        return outcome
    judged, aside, is_known = _judged(spark, frame, verdict, part)
    if part.keys is None or not is_direct(table, next(iter(table.inputs.values()))):
        judged = within(table, judged, part)  # else landed rows were chosen by these keys already
    if part.is_whole:
        counted, written = split_whole(judged, verdict, target, aside, is_known)
        repeated = counted.judged - counted.rejected - written[0]
        outcome = _measured(replace(outcome, repeated=repeated), written)
    else:
        counted = split_part(judged, verdict, target, part, aside, is_known)
    return replace(outcome, rows_in=counted.judged, quarantined=counted.rejected)
