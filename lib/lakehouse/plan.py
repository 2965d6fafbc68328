"""What a build has to do, told from the logs alone: no session, no JVM.

A table is stale when an input had a data-changing commit since the one it was built from, or
when its code, its settings or its as-of day differ from those in its record.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from lakehouse.catalogue import Catalogue, Table
from lakehouse.changes import Pinned
from lakehouse.conf import lookup
from lakehouse.declare import DATE_IN_PATH, Changelog, Days
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.landing.ledger import NAME, Files, Ledger, Survey
from lakehouse.landing.source import Source
from lakehouse.log import Log, Record
from lakehouse.quality import settings_of

# A table by days follows its as-of day step by step; over a longer way it is made whole.
MOST_DAYS = 92
# The as-of day where nothing tells one: before every day of business, so nothing is read.
NO_DAY = date(1900, 1, 1)
# Settings by entity, and the share of keys that one snapshot may delete.
SNAPSHOTS, LIMIT = "snapshots", "snapshots.most_deleted"


@dataclass(frozen=True)
class Frame:
    """What stays the same during one build.

    ``adapt`` writes the files of ``landing``, where the source has an adapter.
    """

    catalogue: Catalogue
    lake: Path
    landing: Path
    source: Source
    conf: Mapping[str, Any]
    batch: str
    full_refresh: bool = False
    as_of: date | None = None
    adapt: Callable[[Path], None] | None = None

    def path(self, table: Table) -> Path:
        return self.lake / table.layer / table.name

    @property
    def record(self) -> Record:
        """The record of what this build writes about itself, made from no table."""
        return Record(batch=self.batch, source=self.source.name)

    @cached_property
    def snapshots(self) -> frozenset[str]:
        """Entities that land as full snapshots.

        Raises LakehouseError for one that no staging table takes so, or a limit that is no share.
        """
        said = {f"{SNAPSHOTS}.{name}": on for name, on in self.conf.get(SNAPSHOTS, {}).items()}
        limit = said.pop(LIMIT, None)
        taken = {
            f"{SNAPSHOTS}.{e}" for t in self.catalogue.tables.values() if (e := _snapshots_of(t))
        }
        found = {name for name, on in said.items() if on}
        if unknown := sorted(found - taken):
            raise LakehouseError(
                f"{self.source.place} sets {unknown[0]}, but no table takes full snapshots of that;"
                f" {did_you_mean(unknown[0], taken)}."
            )
        if found and not (isinstance(limit, int | float) and 0 <= limit <= 1):
            raise LakehouseError(f"{LIMIT} is {limit!r}; expected a share from 0 to 1, as 0.5.")
        return frozenset(name.split(".")[1] for name in found)


def _snapshots_of(table: Table) -> str | None:
    """The entity whose full snapshots a staging table can take: the setting says so."""
    paths = [path.split(".") for path in table.settings.values()]
    return next((path[1] for path in paths if path[0] == SNAPSHOTS), None)


@dataclass(frozen=True)
class Verdict:
    """Whether and how a table is to be built: ``reason`` is empty where it is up to date.

    ``as_of_days`` are those that a move of the as-of day opened or closed. Of a raw table,
    ``known`` are those of its ``files`` of which it may hold rows, and ``held`` all that it holds
    as they are now.
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
    held: frozenset[str] = frozenset()


def refuse_what_cannot_be_built(frame: Frame, names: Sequence[str]) -> None:
    """Look at every selected table before anything is written.

    Raises LakehouseError where one reads a table that is neither selected nor built, or takes a
    setting that conf lacks, or where a setting of full snapshots cannot be.
    """
    _ = frame.snapshots
    for table in (frame.catalogue.tables[name] for name in names):
        values(frame, table)
        upstream = [frame.catalogue.tables[name] for name in table.inputs if name not in names]
        if absent := [one.name for one in upstream if not Log(frame.path(one)).exists]:
            raise LakehouseError(
                f"{table.name} reads {', '.join(absent)}, which {frame.lake} does not hold yet;"
                f" build +{table.name} to make what it needs."
            )


def judge(frame: Frame, table: Table, survey: Survey, built: Record | None = None) -> Verdict:
    """The verdict on one table as the lake stands now; every input must have been built.

    ``built`` is the record to go by where it is not the newest commit's.
    """
    if table.entity:
        return _judge_raw(frame, table, survey)
    logs = {name: Log(frame.path(frame.catalogue.tables[name])) for name in table.inputs}
    record = Record(
        built_from={name: [log.id, log.version] for name, log in logs.items()},
        fingerprint=table.fingerprint,
        settings=values(frame, table),
        as_of=str(frame_as_of(frame)) if table.takes_as_of else None,
        batch=frame.batch,
        source=frame.source.name,
    )
    built = built or Log(frame.path(table)).record()
    before = built.built_from if built else {}
    pins = {
        name: Pinned(str(log.path), log.version, before.get(name, [None, None])[1])
        for name, log in logs.items()
    }
    is_log = isinstance(table.declaration.scope, Changelog) and built is not None
    if not is_log and (reason := _whole_reason(frame, table, record, built)):
        return Verdict(table, reason, record, True, tuple(logs), pins)
    assert built is not None
    changed = tuple(n for n, log in logs.items() if _moved_on(log, before.get(n)))
    if changed and _snapshots_of(table) in frame.snapshots:
        reason = f"{', '.join(changed)} changed, and what it lacks shows in all snapshots alone"
        return Verdict(table, reason, record, True, tuple(logs), pins)
    moved = _days_between(built.as_of, record.as_of)
    reasons = [f"{', '.join(changed)} changed"] if changed else []
    reasons += [f"as of {record.as_of}"] if moved else []
    return Verdict(
        table, "; ".join(reasons), record, False, changed, pins, as_of_days=frozenset(moved)
    )


def _moved_on(log: Log, built: list[Any] | None) -> bool:
    """Whether an input is another table than the one built from, or has changed since."""
    return built is None or built[0] != log.id or log.changed_since(built[1])


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
    limit = {LIMIT: lookup(frame.conf, LIMIT)} if table.entity in frame.snapshots else {}
    record = Record(
        built_from={NAME: [log.id, log.version]},
        fingerprint=table.fingerprint,
        settings={"mapping": text} | limit,
        batch=frame.batch,
        source=frame.source.name,
    )
    files = {file.path: file for file in survey.of(table.entity).values()}
    there = [file for file in files.values() if (frame.landing / file.path).is_file()]
    present = {file.path for file in there if file.is_loadable}
    doubted = {file.path for file in there if file.status == "refused"}
    before = _ledger_of(built, ledger)
    then = {} if before is None else {k: f for k, f in before.items() if k[0] == table.entity}
    same = [path for path, content in _loadable(then).items() if files[path].checksum == content]
    held = frozenset(same)
    if reason := _raw_whole_reason(frame, record, built, before):
        every = tuple(sorted(present | doubted))
        return Verdict(table, reason, record, True, files=every, known=every, held=held)
    new = present - held
    chosen = tuple(sorted(new | doubted)) if new else ()
    known = tuple(path for path in chosen if (table.entity, path) in then)
    return Verdict(table, _counted(new), record, files=chosen, known=known, held=held)


def _counted(files: set[str]) -> str:
    if not files:
        return ""
    return f"{len(files)} new file{'s' if len(files) > 1 else ''}"


def _raw_whole_reason(
    frame: Frame, record: Record, built: Record | None, before: Files | None
) -> str:
    if built is None:
        return "no record of what it was built from"
    if frame.full_refresh:
        return "full refresh"
    if built.fingerprint != record.fingerprint or built.settings != record.settings:
        return "its mapping, contract or limit changed"
    if before is None:
        return "the file ledger it was built from is gone"
    return ""


def _ledger_of(built: Record | None, ledger: Ledger) -> Files | None:
    """The files as a raw table was built from them; None where nobody can tell."""
    table_id, version = (built.built_from.get(NAME) if built else None) or ("", 0)
    if table_id != Log(ledger.path).id:
        return None
    try:
        return ledger.read(version)
    except Exception:  # the version is gone from the log: the record cannot be used
        return None


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
    file's name, so that one row dated 2099 moves nothing. Without a business day it is the date in
    that name, without such a name NO_DAY.
    """
    if frame.as_of:
        return frame.as_of
    table_name, column = str(lookup(frame.conf, "business_day")).rsplit(".", 1)
    log = Log(frame.path(frame.catalogue.tables[table_name]))
    in_lake = [date.fromisoformat(day) for day in log.partition_values(column)]
    dated = [day for file in Ledger(frame.lake).read().values() if (day := date_in(file.path))]
    known = [day for day in in_lake if day <= max(dated, default=date.max)]
    return max(known or dated, default=NO_DAY)


def date_in(path: str) -> date | None:
    """The last date in a file's path, its name before its folders, or None."""
    match = re.match(DATE_IN_PATH, path)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
