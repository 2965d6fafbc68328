"""What a build has to do, told from the logs alone: no session, no JVM.

A table is stale when an input had a data-changing commit since the one it was built from, or
when its code, its settings or its as-of day differ from those in its record.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse.catalogue import Catalogue, Table
from lakehouse.changes import Pinned
from lakehouse.conf import lookup
from lakehouse.declare import Days
from lakehouse.errors import LakehouseError
from lakehouse.landing.ledger import NAME, Files, Ledger, Survey
from lakehouse.landing.source import Source
from lakehouse.log import Log, Record
from lakehouse.quality import settings_of

# A table by days follows its as-of day step by step; over a longer way it is made whole.
MOST_DAYS = 92


@dataclass(frozen=True)
class Frame:
    """What stays the same during one build."""

    catalogue: Catalogue
    lake: Path
    landing: Path
    source: Source
    conf: Mapping[str, Any]
    batch: str
    full_refresh: bool = False
    as_of: date | None = None

    def path(self, table: Table) -> Path:
        return self.lake / table.layer / table.name


@dataclass(frozen=True)
class Verdict:
    """Whether and how a table is to be built: ``reason`` is empty where it is up to date.

    ``as_of_days`` are those that a move of the as-of day opened or closed; ``known`` are those of a
    raw table's ``files`` of which it may hold rows already.
    """

    table: Table
    reason: str
    record: Record
    whole: bool = False
    changed: tuple[str, ...] = ()
    pins: Mapping[str, Pinned] = field(default_factory=dict)
    as_of_days: frozenset[date] = frozenset()
    files: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def judge(frame: Frame, table: Table, survey: Survey) -> Verdict:
    """The verdict on one table as the lake stands now.

    Raises LakehouseError where an input was never built.
    """
    if table.entity:
        return _judge_raw(frame, table, survey)
    logs = {name: Log(frame.path(frame.catalogue.tables[name])) for name in table.inputs}
    if absent := [name for name, log in logs.items() if not log.exists]:
        raise LakehouseError(
            f"{table.name} reads {', '.join(absent)}, which {frame.lake} does not hold yet;"
            f" build +{table.name} to make what it needs."
        )
    record = Record(
        {name: [log.id, log.version] for name, log in logs.items()},
        table.fingerprint,
        values(frame, table),
        str(frame_as_of(frame)) if table.takes_as_of else None,
        frame.batch,
        frame.source.name,
    )
    built = Log(frame.path(table)).record()
    pins = {
        name: Pinned(
            str(log.path),
            log.version,
            built.built_from.get(name, [None, None])[1] if built else None,
        )
        for name, log in logs.items()
    }
    if reason := _whole_reason(frame, table, record, built):
        return Verdict(table, reason, record, True, tuple(logs), pins)
    assert built is not None
    changed = tuple(n for n, log in logs.items() if log.changed_since(built.built_from[n][1]))
    moved = _days_between(built.as_of, record.as_of)
    reasons = [f"{', '.join(changed)} changed"] if changed else []
    reasons += [f"as of {record.as_of}"] if moved else []
    return Verdict(
        table, "; ".join(reasons), record, False, changed, pins, as_of_days=frozenset(moved)
    )


def _whole_reason(frame: Frame, table: Table, record: Record, built: Record | None) -> str:
    """Why a table must be rebuilt whole; empty where its record still holds."""
    if built is None:
        return "no record of what it was built from"
    if frame.full_refresh:
        return "full refresh"
    if built.fingerprint != record.fingerprint:
        return "its code changed"
    if built.settings != record.settings:
        return "its settings changed"
    by_day = isinstance(table.declaration.scope, Days)
    few = built.as_of and len(_days_between(built.as_of, record.as_of)) <= MOST_DAYS
    if built.as_of != record.as_of and not (by_day and few):
        return f"as of {record.as_of}"
    for name, (table_id, version) in record.built_from.items():
        before = built.built_from.get(name)
        if before is None or before[0] != table_id or before[1] > version:
            return f"{name} is another table than before"
    return ""


def _days_between(before: str | None, now: str | None) -> list[date]:
    """The days after the earlier of two as-of days, up to the later."""
    if not before or not now:
        return []
    first, last = sorted(date.fromisoformat(day).toordinal() for day in (before, now))
    return [date.fromordinal(number) for number in range(first + 1, last + 1)]


def _judge_raw(frame: Frame, table: Table, survey: Survey) -> Verdict:
    assert table.entity is not None
    ledger = Ledger(frame.lake)
    mapping = frame.source.mappings.get(table.entity)
    text = hashlib.sha256((mapping.text if mapping else "").encode()).hexdigest()[:16]
    built = Log(frame.path(table)).record()
    log = Log(ledger.path)
    record = Record(
        {NAME: [log.id, log.version]},
        table.fingerprint,
        {"mapping": text},
        None,
        frame.batch,
        frame.source.name,
    )
    present = {
        path for path in _loadable(survey.of(table.entity)) if (frame.landing / path).is_file()
    }
    if reason := _raw_whole_reason(frame, record, built, ledger):
        every = tuple(sorted(present))
        return Verdict(table, reason, record, True, files=every, known=every)
    assert built is not None
    before = _at(ledger, built, table.entity)
    then, now = _loadable(before), _loadable(survey.of(table.entity))
    files = tuple(sorted(p for p in present if then.get(p) != now[p]))
    known = tuple(path for path in files if (table.entity, path) in before)
    return Verdict(table, _counted(files), record, files=files, known=known)


def _counted(files: tuple[str, ...]) -> str:
    if not files:
        return ""
    return f"{len(files)} new file{'s' if len(files) > 1 else ''}"


def _raw_whole_reason(frame: Frame, record: Record, built: Record | None, ledger: Ledger) -> str:
    if built is None:
        return "no record of what it was built from"
    if frame.full_refresh:
        return "full refresh"
    if built.fingerprint != record.fingerprint or built.settings != record.settings:
        return "its mapping or contract changed"
    if built.built_from.get(NAME, [""])[0] != Log(ledger.path).id:
        return "the file ledger is another than before"
    try:
        ledger.read(built.built_from[NAME][1])
    except Exception:  # the version is gone from the log: the record cannot be used
        return "the file ledger it was built from is gone"
    return ""


def _at(ledger: Ledger, built: Record, entity: str) -> Files:
    files = ledger.read(built.built_from[NAME][1])
    return {key: file for key, file in files.items() if key[0] == entity}


def _loadable(files: Files) -> dict[str, str]:
    """Checksum by path of the files whose records belong in bronze."""
    return {f.path: f.checksum for f in files.values() if f.is_loadable}


def values(frame: Frame, table: Table) -> dict[str, Any]:
    """The conf values a table takes, by dotted path, as its record holds them: dates are text."""
    paths = {*table.settings.values(), *settings_of(table.declaration.expects)}
    taken = {path: lookup(frame.conf, path) for path in sorted(paths)}
    return {p: str(value) if isinstance(value, date) else value for p, value in taken.items()}


def frame_as_of(frame: Frame) -> date:
    """The last business day that as-of tables read.

    Given, or the last business day in the lake not later than the newest date in a landed
    file's name, so that one row dated 2099 moves nothing.
    """
    if frame.as_of:
        return frame.as_of
    table_name, column = str(lookup(frame.conf, "business_day")).rsplit(".", 1)
    log = Log(frame.path(frame.catalogue.tables[table_name]))
    in_lake = [date.fromisoformat(day) for day in log.partition_values(column)]
    dated = [day for file in Ledger(frame.lake).read().values() if (day := date_in(file.path))]
    limit = max(dated) if dated else date.max
    known = [day for day in in_lake if day <= limit]
    return max(known) if known else min(limit, date(9999, 12, 31))


def date_in(path: str) -> date | None:
    """The last date in a file's path, its name before its folders, or None."""
    match = re.match(r".*(\d{4}-\d{2}-\d{2})", path)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
