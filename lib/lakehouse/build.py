"""Building one table: inputs at pinned versions, the affected part, one commit."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import carrying, quality, quarantine
from lakehouse.catalogue import Table, is_direct
from lakehouse.changes import WHOLE, Affected, affected, within
from lakehouse.declare import Changelog, Days
from lakehouse.errors import LakehouseError
from lakehouse.feed import Pinned, change_feed, unreadable
from lakehouse.follow import follow
from lakehouse.invoke import call
from lakehouse.log import Log
from lakehouse.plan import Frame, Verdict, frame_as_of
from lakehouse.storage import Place, row_count, size
from lakehouse.write import Target, files_and_bytes, made, progress, shaped, store

# Single rows of days are merged where so many need not be made again: a MERGE by itself costs more
# than writing fewer, and a row that is looked up, compared and merged as much as several.
SPARED, AS_MUCH_AS = 1_000_000, 25
# Bytes of a table below which reading all its files costs less than asking which to skip.
READ_WHOLE = 16 * 1024 * 1024
# Bytes of new files beyond which rows are neither kept nor moved: some three million rows.
LARGE = 32_000_000


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
    log = Log(target.path)
    rows, files, size = files_and_bytes(target.path) if log.version > before else (0, 0, 0)
    return replace(
        outcome,
        rows=rows,
        files=files,
        bytes=size,
        warnings=_warnings(spark, frame, target, log.version),
    )


def _make(spark: SparkSession, frame: Frame, verdict: Verdict, target: Target) -> Outcome:
    """Make the affected part again."""
    table = verdict.table
    part, reason = affected_part(spark, frame, verdict, by_rows=True)
    outcome = Outcome(table.full_name, "built", reason, "whole" if part.is_whole else "part")
    try:
        return _write(spark, frame, replace(verdict, reason=reason), target, part, outcome)
    finally:
        if part.keys is not None:
            part.keys.unpersist()


def affected_part(
    spark: SparkSession, frame: Frame, verdict: Verdict, by_rows: bool = False
) -> tuple[Affected, str]:
    """The affected part; whole, and why, where the change feed cannot be read.

    ``by_rows`` it is rows of days, where that is declared and worth it.
    """
    if verdict.whole:
        return WHOLE, verdict.reason
    table, tables = verdict.table, frame.catalogue.tables
    last_day = frame_as_of(frame) if table.takes_as_of else None
    again = frame.again.get(table.name, frozenset())
    path = frame.path(table)
    declared = getattr(table.declaration.scope, "rows_by", ())
    by_rows = by_rows and bool(declared) and not last_day and row_count(path) >= SPARED
    try:
        part = affected(
            spark, table, tables, verdict.pins, verdict.changed, last_day, again, by_rows
        )
        if verdict.as_of_days and part.days is not None:
            part = replace(part, days=part.days | verdict.as_of_days)
        return _worthwhile(part, verdict, path), verdict.reason
    except Exception as error:
        if (cause := unreadable(error)) is None:
            raise
        return WHOLE, f"{verdict.reason}, but {cause}"


def _worthwhile(part: Affected, verdict: Verdict, path: Place) -> Affected:
    """The part, without a distinction that costs more than it spares."""
    if part.days is not None and part.key_count is not None:
        column = verdict.table.declaration.scope.partition
        present = row_count(path, str(column), map(str, part.known_days))
        return part if present - AS_MUCH_AS * part.key_count >= SPARED else part.free()
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
        progress(spark, target, verdict.record)
        return outcome
    if not table.is_staging:
        rows = quality.stopped(made(spark, frame, verdict, part), table, frame.conf)
        store(rows, target, part, verdict.record)
        return outcome
    rows = call(spark, frame, verdict, part)
    judged, aside = quality.judged(rows, table, frame.conf), quarantine.ensure(frame.lake)
    if part.keys is None or not is_direct(table, next(iter(table.inputs.values()))):
        judged = within(table, judged, part)  # else landed rows were chosen by these keys already
    if not quarantine.known(aside, table):
        judged = quality.without_good_records(judged)
    is_large = not part.is_whole and _is_large(verdict)
    with _computed_once(judged, part, is_large) as judged:
        split = quarantine.put_aside(judged, table, part, aside)
        by = _clustering(spark, table, split.days)
        if is_large:
            good = quality.newest_of_repeated(judged, table)
        else:
            good = quality.newest_per_key(judged.where(~quality.is_rejected()), table, by)
        target = replace(target, is_clustered=is_large or by is not None)
        store(shaped(good, table), target, part, verdict.record)
    outcome = replace(outcome, rows_in=split.judged, quarantined=split.rejected)
    if part.is_whole:
        kept = files_and_bytes(target.path)[0]
        outcome = replace(outcome, repeated=split.judged - split.rejected - kept)
    return outcome


def _clustering(spark: SparkSession, table: Table, days: int) -> str | None:
    """The day by which one shuffle serves both the newest row per key and the files to write.

    That takes a day in the key, and days enough to keep every task busy.
    """
    day = table.declaration.scope.partition
    tasks = int(spark.conf.get("spark.sql.shuffle.partitions") or 0)
    return day if day in table.declaration.key and days >= tasks else None


def _is_large(verdict: Verdict) -> bool:
    """Whether the days of a table are made of more new files than one would keep, or move about."""
    if not isinstance(verdict.table.declaration.scope, Days):
        return False
    sizes = [verdict.pins[name].added for name in verdict.changed]
    return any(size is not None and sum(size) > LARGE for size in sizes)


@contextmanager
def _computed_once(rows: DataFrame, part: Affected, is_large: bool) -> Iterator[DataFrame]:
    """The rows of a part are few and read several times; many are cheaper to read again."""
    if part.is_whole or is_large:
        yield rows
        return
    rows = rows.persist()
    try:
        yield rows
    finally:
        rows.unpersist()


def _warnings(spark: SparkSession, frame: Frame, target: Target, version: int) -> tuple[str, ...]:
    """Warn rules counted over the rows the newest commit wrote."""
    rules = [r for r in target.table.declaration.expects if r.severity == "warn"]
    if not rules or version < 1 or not Log(target.path).changed_since(version - 1):
        return ()
    feed = change_feed(spark, Pinned(target.path, version, version - 1))
    written = feed.where("_change_type IN ('insert', 'update_postimage')")
    passes = [F.coalesce(F.expr(quality.render(r, frame.conf)), F.lit(True)) for r in rules]
    counts = written.agg(*[F.count_if(~well) for well in passes]).first()
    assert counts is not None
    return tuple(
        f"{count:,} rows of {target.table.full_name}: {rule.name}"
        for rule, count in zip(rules, counts, strict=True)
        if count
    )


def explain(error: Exception, table: Table) -> str:
    """One sentence for a failed table: the stop rule broken, or the error's first line."""
    if isinstance(error, LakehouseError):
        return str(error)
    text = str(error)
    causes = re.findall(r"^(?:Caused by|): (?:[\w.$]+(?:Exception|Error): )?(.*)$", text, re.M)
    if match := re.search(rf"{quality.STOP}[^\n]*", text):
        return f"{match[0][len(quality.STOP) :].strip()}; nothing was written, mend the input"
    lines = [*reversed(causes), *text.split("\n"), type(error).__name__]
    first = next(line for line in lines if line.strip())
    return f"{table.full_name} failed: {first[:300]}"


def is_stop(error: Exception) -> bool:
    """Whether a stop rule, not a defect, ended the table."""
    return quality.STOP in str(error)
