"""The split of a staging table's judged rows: good ones into the table, others into quarantine."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from lakehouse import quality, quarantine
from lakehouse.catalogue import Table
from lakehouse.changes import WHOLE, Affected
from lakehouse.declare import Days
from lakehouse.frame import Verdict
from lakehouse.log import Log
from lakehouse.named import Name
from lakehouse.repeats import repeats
from lakehouse.session import during
from lakehouse.storage import Place
from lakehouse.write import (
    Target,
    WrittenDays,
    commit_days,
    files_and_bytes,
    progress,
    record_anyway,
    shaped,
    store,
    write_days,
)

# With it Spark drops parts of a plan that turn out to hold no row, and what they observed.
_FORGETFUL = "org.apache.spark.sql.execution.adaptive.AQEPropagateEmptyRelation"
_EXCLUDED = "spark.sql.adaptive.optimizer.excludedRules"

# Bytes of new files beyond which rows are neither kept nor moved about: some three million rows.
LARGE = 32_000_000


@dataclass(frozen=True)
class Split:
    """How many records were judged, and how many of them rejected."""

    judged: int
    rejected: int


def split_part(
    judged: DataFrame,
    verdict: Verdict,
    target: Target,
    part: Affected,
    aside: Place,
    is_known: bool,
) -> Split:
    """Split a part of a table: its rows are few and read several times, so they are kept.

    Many are written where they lie, in one pass; where keys repeat, or Delta must write, they are
    read again instead. The rejected ones go first: a build that dies in between doubles and loses
    nothing. ``is_known`` tells of earlier rejects.
    """
    table = target.table
    many = isinstance(table.declaration.scope, Days) and is_large(verdict)
    if (
        many
        and part.known_days
        and (split := _split_in_one_pass(judged, verdict, target, part, aside, is_known))
    ):
        return split
    if not many:
        judged = judged.persist()
    try:
        found = _counts(judged)
        if found.rejected or is_known:
            quarantine.put_aside(judged, table, part, aside)
        if many:
            good = quality.newest_of_repeated(judged, table)
        else:
            good = quality.newest_per_key(judged.where(~quality.is_rejected()), table)
        target = replace(target, is_clustered=many)
        store(shaped(good, table), target, part, verdict.record)
    finally:
        judged.unpersist()
    return found


def _split_in_one_pass(
    judged: DataFrame,
    verdict: Verdict,
    target: Target,
    part: Affected,
    aside: Place,
    is_known: bool,
) -> Split | None:
    """The same of many rows in a folder, each read and written once, as if no two had one key.

    The files are in no version until the rejected rows, counted on the way, are put aside. None,
    with nothing put aside or committed, where keys do repeat or Delta's own writer is needed.
    """
    if not (written := write_good(judged, target)):
        return None
    made, found = written
    files = [cast(Path, target.path) / file.path for file in made.files]
    if repeats(files, target.table.declaration.key):
        for file in files:
            file.unlink()
        return None
    if found.rejected or is_known:
        quarantine.put_aside(judged, target.table, part, aside)
    commit_days(made, target, part, verdict.record)
    record_anyway(target, verdict.record)
    return found


def write_good(judged: DataFrame, target: Target) -> tuple[WrittenDays, Split] | None:
    """Files of the good ones among judged rows, as they lie and in no version yet, and how many
    were judged; None where Delta's own writer is needed.
    """
    watched, counted = _observed(judged)
    good = shaped(watched.where(~quality.is_rejected()), target.table)
    with _remembering(judged.sparkSession):
        made = write_days(good, replace(target, is_clustered=True))
    return (made, Split(**counted.get)) if made else None


def _observed(judged: DataFrame) -> tuple[DataFrame, Observation]:
    """Judged rows without their records, counted as they pass into a write of files.

    What is observed is worked out in every column, and the good rows need no record.
    """
    counted = Observation()
    return judged.drop(quality.RECORD).observe(counted, *quality.counts()), counted


def _remembering(spark: SparkSession) -> AbstractContextManager[None]:
    """While Spark tells what it observed even of parts of a plan that turn out to hold no row."""
    excluded = [_FORGETFUL, *filter(None, [spark.conf.get(_EXCLUDED, None)])]
    return during(spark, {_EXCLUDED: ",".join(excluded)})


def is_large(verdict: Verdict) -> bool:
    """Whether the new files of an input hold more rows than one would keep, or move about."""
    sizes = [verdict.pins[name].added for name in verdict.changed]
    return any(size is not None and sum(size) > LARGE for size in sizes)


def split_whole(
    judged: DataFrame, verdict: Verdict, target: Target, aside: Place, is_known: bool
) -> tuple[Split, tuple[int, int, int]]:
    """Split a whole table in one pass, and a second for the quarantine only where it takes one.

    Returns what was judged, and the rows, files and bytes written. The good rows are committed
    first, counting the others on the way where they lie in files; their commit says that it is not
    finished yet, so where a build dies before the quarantine is written, the next one makes the
    table again. ``is_known`` tells of earlier rejects.
    """
    table = target.table
    by = _clustering(judged, table)
    # Of a write that replaces a table by name Spark forgets what it observed.
    is_named = isinstance(target.path, Name)
    watched, counted = _observed(judged)
    rows = judged if is_named else watched
    good = quality.newest_per_key(rows.where(~quality.is_rejected()), table, by)
    target = replace(target, is_clustered=by is not None)
    with _remembering(judged.sparkSession):
        store(shaped(good, table), target, WHOLE, verdict.record.unfinished())
    written = files_and_bytes(target.path)
    landed = Log(next(iter(verdict.pins.values())).path).file_count
    split = Split(0, 0)
    if landed:
        split = _counts(judged) if is_named else Split(**counted.get)
    if split.rejected or is_known:
        quarantine.put_aside(judged, table, WHOLE, aside)
    progress(target, verdict.record)
    return split, written


def _counts(judged: DataFrame) -> Split:
    """How many records there are, and how many of them rejected, by a pass over them."""
    found = judged.agg(*quality.counts()).first()
    assert found is not None
    return Split(**found.asDict())


def _clustering(rows: DataFrame, table: Table) -> str | None:
    """The day by which one shuffle serves both the newest row per key and the files to write.

    That takes a day in the key, and days enough to keep every task busy.
    """
    day = table.declaration.scope.partition
    if day not in table.declaration.key:
        return None
    span = rows.agg(F.datediff(F.max(day), F.min(day))).first()
    tasks = int(rows.sparkSession.conf.get("spark.sql.shuffle.partitions") or 0)
    return day if span and span[0] is not None and span[0] + 1 >= tasks else None
