"""Which full snapshots are believed: absence deletes, so half a file would delete half a range.

Snapshots are walked in the order of their dates. Each is held against the last one believed before
it; one that lacks too many of its keys is refused. The verdicts follow from all snapshots together,
so they do not depend on the order of arrival.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.conf import lookup
from lakehouse.declare import SOURCE_FILE, ByKey
from lakehouse.frame import LIMIT, Frame, Verdict
from lakehouse.landing.ledger import Ledger, Survey
from lakehouse.log import Log
from lakehouse.plan import date_in
from lakehouse.quality import sequence

UNDATED = "a full snapshot takes its place by its date, and its name has none; name it YYYY-MM-DD"
EMPTY = "the snapshot holds no key and would delete every one; send it again, whole"

Reasons = Mapping[str, str]


def refused(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    new: list[str],
    landed: DataFrame,
) -> dict[str, str]:
    """Reasons by path of the snapshots of a raw table that are not believed.

    ``landed`` are the records of the ``new`` files; those of all others are in bronze. A correction
    that is not believed leaves in bronze what it should have replaced, and that counts instead.
    What has vanished from landing could not be loaded again, and is believed.
    """
    path = frame.path(verdict.table)
    key, limit = _key(frame, verdict.table), float(lookup(frame.conf, LIMIT))
    bronze = storage.read(spark, path) if Log(path).exists else None
    days = {p: date_in(p) for p in {*new, *verdict.held} if (frame.landing / p).is_file()}
    undated = [p for p, day in days.items() if day is None]  # refused: they judge nobody
    corrections: dict[str, str] = {}
    while True:
        left = [p for p in new if p not in corrections and p not in undated]
        keys = _keys(landed.where(F.col(SOURCE_FILE).isin(left)), key)
        if bronze is not None:
            keys = keys.unionByName(
                _keys(bronze.where(~F.col(SOURCE_FILE).isin([*left, *undated])), key)
            )
        judged = {p: day for p, day in days.items() if p not in corrections}
        reasons = _by_path(keys, judged, limit)
        news = [p for p in reasons if p not in verdict.held]
        if bronze is None or not news:
            return corrections | reasons
        older = bronze.where(F.col(SOURCE_FILE).isin(news)).select(SOURCE_FILE).distinct()
        replaced = {row[0] for row in older.collect()}
        if not replaced:
            return corrections | reasons
        corrections |= {p: reasons[p] for p in replaced}


def settle(frame: Frame, found: Survey, entity: str, new: list[str], reasons: Reasons) -> None:
    """Write the verdicts into the ledger, before a commit claims to be built from it."""
    before = found.of(entity)
    for key, file in before.items():
        if reason := reasons.get(file.path):
            found.files[key] = replace(file, status="refused", reason=reason)
            found.newly_set_aside += [found.files[key]] if file.status != "refused" else []
        elif file.status == "refused" and file.path in new:
            found.files[key] = replace(file, status="registered", reason=None)
    if found.of(entity) != before:
        Ledger(frame.lake).write(found.files, frame.record)


def _key(frame: Frame, table: Table) -> tuple[str, ...]:
    """The key of a raw table's records: the columns by which its staging table takes them."""
    spreads = [
        t.inputs[table.name] for t in frame.catalogue.tables.values() if table.name in t.inputs
    ]
    return next(spread.columns for spread in spreads if isinstance(spread, ByKey))


def _keys(records: DataFrame, key: Iterable[str]) -> DataFrame:
    """The day of a record's snapshot, and its key as text; records without one are none of it."""
    named = records.where(" AND ".join(f"`{name}` IS NOT NULL" for name in key))
    texts = [F.col(name).cast("string").alias(name) for name in key]
    return named.select(sequence().cast("date").alias("_day"), *texts)


def _by_path(keys: DataFrame, days: Mapping[str, date | None], limit: float) -> dict[str, str]:
    """Reasons by path, from keys by ``_day``; what is in bronze of other days is believed."""
    columns = [name for name in keys.columns if name != "_day"]
    keys = keys.distinct().persist()
    try:
        in_time = Window.partitionBy(*columns).orderBy("_day")
        nexts = keys.withColumn("_next", F.lead("_day").over(in_time)).groupBy("_day", "_next")
        shared = {(row["_day"], row["_next"]): row["count"] for row in nexts.count().collect()}
        size: Counter[date] = Counter()
        for (day, _), count in shared.items():
            size[day] += count

        def held(earlier: date) -> dict[date, int]:
            """How many keys of a snapshot each later one has."""
            mine = keys.where(F.col("_day") == F.lit(earlier)).drop("_day")
            later = keys.where(F.col("_day") > F.lit(earlier)).join(mine, columns, "left_semi")
            return {row["_day"]: row["count"] for row in later.groupBy("_day").count().collect()}

        judged = {day for day in days.values() if day}
        kept = set(size) - judged
        reasons = _walk(sorted(judged | kept), size, shared, held, kept, limit)
    finally:
        keys.unpersist()
    by_path = {path: reasons.get(day) if day else UNDATED for path, day in days.items()}
    return {path: reason for path, reason in by_path.items() if reason}


def _walk(
    days: list[date],
    size: Mapping[date, int],
    shared: Mapping[tuple[date, date | None], int],
    held: Callable[[date], Mapping[date, int]],
    kept: set[date],
    limit: float,
) -> dict[date, str]:
    """Reasons by day, from the sizes of snapshots and the keys that neighbours share."""
    reasons: dict[date, str] = {}
    believed: date | None = None
    further: Mapping[date, int] | None = None
    for index, day in enumerate(days):
        if not size.get(day):
            reasons[day] = EMPTY
        elif believed and day not in kept:
            is_next = days[index - 1] == believed
            if not is_next and further is None:
                further = held(believed)
            there = shared.get((believed, day), 0) if further is None else further.get(day, 0)
            missing = size[believed] - there
            if missing > limit * size[believed]:
                reasons[day] = (
                    f"the snapshot lacks {missing:,} of the {size[believed]:,} keys of the one of"
                    f" {believed} and would delete them, where at most {limit:.0%} may go; send it"
                    f" again, whole, or raise {LIMIT} if they are gone"
                )
        if day not in reasons:
            believed, further = day, None
    return reasons
