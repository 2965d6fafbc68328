"""What a build has to do, told from the logs alone: no session, no JVM.

A table is stale when an input had a data-changing commit since the one it was built from, or
when its code, its settings or its as-of day differ from those in its record.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from lakehouse.catalogue import Table
from lakehouse.checks.rules import row_rules, settings_in, settings_of
from lakehouse.conf import lookup
from lakehouse.declare import DATE_IN_PATH, Changelog, Days, History
from lakehouse.errors import LakehouseError
from lakehouse.feed import Pinned
from lakehouse.frame import Frame, Verdict, snapshots_of
from lakehouse.landing.judge import judge_raw
from lakehouse.landing.ledger import Ledger, Survey
from lakehouse.log import Log, Record
from lakehouse.storage import Place

# A table by days follows its as-of day step by step; over a longer way it is made whole.
MOST_DAYS = 92
# The as-of day where nothing tells one: before every day of business, so nothing is read.
NO_DAY = date(1900, 1, 1)


def refuse_what_cannot_be_built(frame: Frame, names: Sequence[str]) -> None:
    """Look at every selected table before anything is written.

    Raises LakehouseError where one reads a table that is neither selected nor built, or takes a
    setting that conf lacks, where a setting of full snapshots cannot be, or where a version could
    start after the open end of its history.
    """
    _ = frame.snapshots
    for table in (frame.catalogue.tables[name] for name in names):
        values(frame, table)
        _check_open_end(frame, table)
        upstream = [frame.catalogue.tables[name] for name in table.inputs if name not in names]
        if absent := [one.name for one in upstream if not Log(frame.path(one)).exists]:
            raise LakehouseError(
                f"{table.name} reads {', '.join(absent)}, which {frame.lake} does not hold yet;"
                f" build +{table.name} to make what it needs."
            )


def _check_open_end(frame: Frame, table: Table) -> None:
    scope, latest = table.declaration.scope, (frame.conf.get("history") or {}).get("latest")
    if not isinstance(scope, History) or not latest:
        return
    # As ISO texts both sort by time.
    if str(date.fromisoformat(str(scope.open_end))) <= str(latest):
        raise LakehouseError(
            f"Open versions of {table.name} end at {scope.open_end}, but an event may start one up"
            f" to {latest} (history.latest); give an earlier history.latest or a later open_end."
        )


def judge(frame: Frame, table: Table, survey: Survey, built: Record | None = None) -> Verdict:
    """The verdict on one table as the lake stands now; every input must have been built.

    ``built`` is the record to go by where it is not the newest commit's.
    """
    if table.entity:
        return judge_raw(frame, table, survey)
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
        name: Pinned(log.path, log.version, before.get(name, [None, None])[1])
        for name, log in logs.items()
    }
    is_log = isinstance(table.declaration.scope, Changelog) and built is not None
    if not is_log and (reason := _whole_reason(frame, table, record, built)):
        return Verdict(table, reason, record, True, tuple(logs), pins)
    assert built is not None
    changed = tuple(n for n, log in logs.items() if _moved_on(log, before.get(n)))
    again = len(frame.again.get(table.name, ()))
    if (changed or again) and snapshots_of(table) in frame.snapshots:
        what = f"{', '.join(changed)} changed" if changed else "rejected records go through again"
        reason = f"{what}, and what it lacks shows in all snapshots alone"
        return Verdict(table, reason, record, True, tuple(logs), pins)
    moved = _days_between(built.as_of, record.as_of)
    reasons = [f"{', '.join(changed)} changed"] if changed else []
    reasons += [f"as of {record.as_of}"] if moved else []
    reasons += ["rejected records go through again"] if again else []
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
    if not built.is_finished:
        return "the build before died halfway"
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


def values(frame: Frame, table: Table) -> dict[str, Any]:
    """The conf values a table takes, by dotted path, as its record holds them: dates are text."""
    kept = getattr(table.declaration.scope, "kept", "")
    paths = {
        *table.settings.values(),
        *settings_of(row_rules(table)),
        *settings_in(table.declaration.duckdb),
        *filter(None, [kept]),
    }
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
    in_lake = log.days(column)
    landed = last_landed(frame.lake)
    known = [day for day in in_lake if day <= (landed or date.max)]
    return max(known, default=landed or NO_DAY)


def last_landed(lake: Place) -> date | None:
    """The newest date in a landed file's name; None where no name has one."""
    days = [day for file in Ledger(lake).read().values() if (day := date_in(file.path))]
    return max(days, default=None)


def date_in(path: str) -> date | None:
    """The last date in a file's path, its name before its folders, or None."""
    match = re.match(DATE_IN_PATH, path)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
