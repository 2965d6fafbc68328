"""Tables of scope ``changelog``: what the commits of another table changed, appended as a log.

Rows and progress are one commit, so a crash neither doubles a change nor loses one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import quality
from lakehouse.catalogue import Table
from lakehouse.changes import used_columns
from lakehouse.declare import ByCommit
from lakehouse.feed import NET, Pinned, change_feed, net, unreadable
from lakehouse.frame import Frame, Verdict
from lakehouse.invoke import invoke
from lakehouse.log import Log, Record
from lakehouse.plain import CHANGE_TYPE
from lakehouse.write import Target, append, progress, shaped

COMMIT = "commit_version"


@dataclass(frozen=True)
class Step:
    """A commit of the table followed; of each other input, what is new in it: (after, until]."""

    version: int
    committed_at: datetime
    batch: str | None
    others: Mapping[str, tuple[int, int]]


def follow(spark: SparkSession, frame: Frame, verdict: Verdict, target: Target) -> str:
    """Append what the first input's commits changed since the last record; returns why.

    Where the change feed is gone the log goes on from the present version, and both the reason
    and the record say what it skipped.
    """
    table, built = verdict.table, Log(target.path).record()
    followed = next(iter(table.inputs))
    pin = verdict.pins[followed]
    if built is None:
        progress(target, verdict.record)
        return f"{verdict.reason}: its log starts here"
    if built.built_from.get(followed, [""])[0] != verdict.record.built_from[followed][0]:
        why = f"{followed} up to version {pin.version}: it is another table than before"
        return _skip(target, verdict, why)
    steps = list(_steps(frame, table, pin))
    if not steps:
        progress(target, verdict.record)
        return verdict.reason
    try:
        inputs = _inputs(spark, frame, verdict, steps)
        rows = shaped(invoke(table, inputs, frame.conf, verdict.record.as_of), table).persist()
        rows.count()  # the feed is read here, so that what fails later is no matter of the feed
    except Exception as error:
        if (cause := unreadable(error)) is None:
            raise
        why = f"{followed} {cast(int, pin.built) + 1} to {pin.version}: {cause}"
        return _skip(target, verdict, why)
    append(quality.stopped(rows, table, frame.conf), target, verdict.record)
    rows.unpersist()
    return verdict.reason


def _skip(target: Target, verdict: Verdict, why: str) -> str:
    progress(target, replace(verdict.record, skipped=why))
    return f"{verdict.reason}, but skipped {why}"


def _steps(frame: Frame, table: Table, pin: Pinned) -> Iterator[Step]:
    """The commits to follow, oldest first."""
    followed, *others = table.inputs
    for commit in Log(pin.path).changes(cast(int, pin.built), pin.version):
        version = commit["version"]
        record = Record.parse(commit.get("userMetadata"))
        ranges = {}
        for other in others:
            after = made_from(frame, followed, version - 1, other)
            until = made_from(frame, followed, version, other)
            if after is not None and until is not None and after < until:
                ranges[other] = (after, until)
        moment = datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)
        yield Step(version, moment, record.batch if record else None, ranges)


def made_from(frame: Frame, name: str, version: int, wanted: str) -> int | None:
    """The version of ``wanted`` that went into a version of the table ``name``, by the records.

    None where a record on the way is missing or tells of a table that was made anew since.
    """
    if name == wanted:
        return version
    record = Log(frame.path(frame.catalogue.tables[name])).record(version)
    for upstream, (table_id, number) in (record.built_from if record else {}).items():
        leads = upstream in frame.catalogue.tables and (
            upstream == wanted or wanted in frame.catalogue.ancestors(upstream)
        )
        if leads and Log(frame.path(frame.catalogue.tables[upstream])).id == table_id:
            return made_from(frame, upstream, number, wanted)
    return None


def _inputs(
    spark: SparkSession, frame: Frame, verdict: Verdict, steps: list[Step]
) -> dict[str, DataFrame]:
    """Every input as images of rows; the first also says when and by which build it changed."""
    followed, *others = verdict.table.inputs
    tables, spreads = frame.catalogue.tables, verdict.table.inputs

    def images(name: str, feed: DataFrame) -> DataFrame:
        spread = cast(ByCommit, spreads[name])
        return paired(feed, spread.columns, used_columns(tables[name], spread))

    feed = change_feed(spark, verdict.pins[followed]).withColumn(COMMIT, F.col("_commit_version"))
    told = {
        "committed_at": _by_step(steps, lambda step: step.committed_at).cast("timestamp"),
        "batch_id": _by_step(steps, lambda step: step.batch).cast("string"),
    }
    inputs = {followed: images(followed, feed).withColumns(told)}
    for name in others:
        ranges = {step.version: step.others[name] for step in steps if name in step.others}
        inputs[name] = images(name, _feed_of_ranges(spark, verdict.pins[name], ranges))
    return inputs


def paired(feed: DataFrame, key: tuple[str, ...], columns: list[str]) -> DataFrame:
    """Images matched; grain: one row per key and commit that changed the row, with both images."""
    rest = F.struct(*[name for name in columns if name not in key])
    images = net(feed, [*columns, COMMIT])
    return images.groupBy(*key, COMMIT).agg(
        F.max(F.when(F.col(NET) < 0, rest)).alias("before"),
        F.max(F.when(F.col(NET) > 0, rest)).alias("after"),
    )


def _feed_of_ranges(
    spark: SparkSession, pin: Pinned, ranges: Mapping[int, tuple[int, int]]
) -> DataFrame:
    """A feed whose commits count as the commit of the followed table that they went into."""
    if not ranges:
        nothing = {CHANGE_TYPE: F.lit(""), COMMIT: F.lit(0).cast("bigint")}
        return pin.read(spark).where(F.lit(False)).withColumns(nothing)
    first, last = min(a for a, _ in ranges.values()), max(b for _, b in ranges.values())
    feed = change_feed(spark, replace(pin, built=first, version=last))
    number = F.col("_commit_version")
    within = [
        F.when((number > after) & (number <= until), F.lit(version))
        for version, (after, until) in ranges.items()
    ]
    return feed.withColumn(COMMIT, F.coalesce(*within).cast("bigint")).where(
        f"{COMMIT} IS NOT NULL"
    )


def _by_step(steps: list[Step], value: Callable[[Step], Any]) -> Column:
    """A value of the step that an image belongs to."""
    whens = [F.when(F.col(COMMIT) == step.version, F.lit(value(step))) for step in steps]
    return F.coalesce(*whens)
