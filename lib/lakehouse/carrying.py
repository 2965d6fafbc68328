"""Tables with a kernel: which days to make, from which earlier day, and their one commit.

The rows of a day follow from those of an earlier day, the base, and from the inputs of the days
since. The base is the newest day at hand; what changed before it is made good in what it says
(``Slice.amended_rows``). Where that cannot be told, an older day that no change reaches is the
base, or the first day of the inputs the start.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import cast

from deltalake.transaction import AddAction
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse import actions, merging, quality, register, storage
from lakehouse.catalogue import Table
from lakehouse.changes import WHOLE, Affected, affected, used_columns
from lakehouse.checks.asking import in_duckdb
from lakehouse.checks.rules import render, row_rules
from lakehouse.conf import lookup
from lakehouse.declare import ByDay, Carry, Days, Kernel
from lakehouse.errors import LakehouseError
from lakehouse.feed import Pinned, changed_days, unreadable
from lakehouse.frame import Frame, Verdict
from lakehouse.log import Log, Record
from lakehouse.named import Name
from lakehouse.reached import Reached, beside, reached_keys, write_amendments
from lakehouse.schema import arrow
from lakehouse.slices import Layout, Slice, Written, base_of, make
from lakehouse.storage import Place, row_count
from lakehouse.write import Target, made, store

BY = "carry.by"
WAYS = ("kernel", "spark")
# Where few days are kept, a Sunday older than this is kept too: what comes late comes within a
# week, so that there is a day that no late sale reaches.
LATE_DAYS = 7


@dataclass(frozen=True)
class Plan:
    """The days to make and to drop, those that nothing changed, and why the whole table, if so.

    Of days to ``patch`` the rows of few keys are made, which files of each slice and day tell. Days
    that are ``amendable`` can be carried from though changes reach them: ``amendments`` are files
    that tell these, by input and slice.
    """

    make: frozenset[date]
    drop: frozenset[date]
    unchanged: frozenset[date] = frozenset()
    whole: str = ""
    patch: Mapping[date, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    amendable: frozenset[date] = frozenset()
    amendments: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)


def close(spark: SparkSession, frame: Frame, verdict: Verdict, target: Target) -> tuple[str, str]:
    """Make the stale days of a table again; the mode, whole or part, and the reason.

    Raises LakehouseError as ``is_by_kernel`` does, or for an as-of day before all that is known.
    """
    by_kernel = is_by_kernel(frame, target.path)
    target.create()
    own = Pinned(target.path, Log(target.path).version, None)
    with beside(target.path) as keys:
        plan = plan_days(spark, frame, verdict, target, keys if by_kernel else None)
        if by_kernel:
            _by_kernel(spark, frame, verdict, target, plan, own)
        else:
            _by_spark(spark, frame, verdict, target, plan)
    return ("whole", plan.whole) if plan.whole else ("part", verdict.reason)


def is_by_kernel(frame: Frame, place: Place) -> bool:
    """Whether kernels make the rows of a lake; else their tables' plans do, in plain Spark.

    Raises LakehouseError for an unknown way to do it.
    """
    way = lookup(frame.conf, BY)
    if way not in WAYS:
        raise LakehouseError(f"{BY} is {way!r}; expected one of {', '.join(WAYS)}.")
    return way == "kernel" and isinstance(place, Path)  # kernels read and write files in folders


def plan_days(
    spark: SparkSession, frame: Frame, verdict: Verdict, target: Target, keys: Path | None = None
) -> Plan:
    """What to make of a table; whole, and why, where the change feed cannot be read.

    Keys of days of which few rows are to be made are written to the folder ``keys``, if there is
    one.
    """
    if verdict.whole:
        return _plan(spark, frame, verdict, target, verdict.reason)
    try:
        return _plan(spark, frame, verdict, target, keys=keys)
    except Exception as error:
        if (cause := unreadable(error)) is None:
            raise
        return _plan(spark, frame, verdict, target, f"{verdict.reason}, but {cause}")


def kept_days(first: date, last: date, kept: int | None) -> set[date]:
    """The days from ``first`` to ``last`` that stay: all, or the newest and a Sunday.

    >>> days = kept_days(date(2026, 5, 1), date(2026, 6, 30), 2)
    >>> [f"{day:%a %d}" for day in sorted(days)]
    ['Sun 21', 'Mon 29', 'Tue 30']
    """
    every = {first + timedelta(n) for n in range((last - first).days + 1)}
    if kept is None:
        return every
    latest = last - timedelta(LATE_DAYS + 1)
    sunday = latest - timedelta(latest.isoweekday() % 7)
    return every & {sunday, *(last - timedelta(n) for n in range(kept))}


def _plan(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    target: Target,
    whole: str = "",
    keys: Path | None = None,
) -> Plan:
    table = verdict.table
    present = Log(target.path).days(scope_of(table).column)
    pins = verdict.pins
    held = {n: Log(pins[n].path, pins[n].version).days(c) for n, c in by_day(table).items()}
    kept = _kept(frame, verdict, held)
    if whole:
        return Plan(frozenset(kept), frozenset(present - kept), whole=whole)
    if keys and isinstance(scope_of(table), Carry):
        return _carried(spark, frame, verdict, target, kept, present, keys)
    found = _reached_keys(frame, verdict, target, kept & present, keys) if keys else None
    few: dict[date, dict[str, list[str]]] = {}
    if found is None:
        reached = _reached(spark, frame, verdict, kept | present)
    else:
        few = _few(target, found)
        reached = {*found.new, *found.counts.keys() - few.keys()}
    made = (kept & reached) | (kept - present)
    patch = {day: files for day, files in few.items() if day not in made}
    unchanged = present - reached - patch.keys()
    return Plan(frozenset(made), frozenset(present - kept), frozenset(unchanged), patch=patch)


def _carried(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    target: Target,
    kept: set[date],
    present: set[date],
    keys: Path,
) -> Plan:
    """What to make; days can be carried from any at hand, where it can be told what reaches it."""
    found = None
    if present and _is_as_judged(verdict, target):
        tables, changed = frame.catalogue.tables, verdict.changed
        found = write_amendments(verdict.table, tables, verdict.pins, changed, max(present), keys)
    reached = found.days if found else _reached(spark, frame, verdict, kept | present)
    made = (kept & reached) | (kept - present)
    plan = Plan(frozenset(made), frozenset(present - kept), frozenset(present - reached))
    if found is None:
        return plan
    return replace(plan, amendable=frozenset(present & reached), amendments=found.files)


def _is_as_judged(verdict: Verdict, target: Target) -> bool:
    """Whether the table was made of the versions of its inputs that changes are told since."""
    record = Log(target.path).record()
    made_of = record.built_from if record else {}
    return all(made_of.get(n, [None, None])[1] == pin.built for n, pin in verdict.pins.items())


def _reached_keys(
    frame: Frame, verdict: Verdict, target: Target, days: Collection[date], keys: Path
) -> Reached | None:
    """The keys of ``days`` that changes in inputs reach; None where they cannot be told, or are not
    worth it.
    """
    scope, tables = scope_of(verdict.table), frame.catalogue.tables
    if not scope.rows_by:
        return None
    if row_count(target.path, scope.column, map(str, days)) < merging.WORTH[0]:
        return None
    return reached_keys(
        verdict.table, tables, verdict.pins, verdict.changed, days, keys, by_slice=True
    )


def _few(target: Target, found: Reached) -> dict[date, dict[str, list[str]]]:
    """Files of keys, by day and slice, of the days of which making rows of keys alone spares
    enough, each slice of which is one file.
    """
    if not found.counts:
        return {}
    spared, as_many = merging.WORTH
    column, version = scope_of(target.table).column, Log(target.path).version
    held, _ = files_of(target.table, target.table.name, Pinned(target.path, version, None))
    few = {}
    for day, files in found.by_day_and_slice().items():
        present = row_count(target.path, column, [str(day)])
        is_worth_it = present - as_many * found.counts[day] >= spared
        if is_worth_it and all(len(held.get(part, {}).get(day, ())) == 1 for part in files):
            few[day] = files
    return few


def _kept(frame: Frame, verdict: Verdict, held: Mapping[str, set[date]]) -> set[date]:
    """The days that the table is to hold: of a carried one up to its as-of day."""
    table, scope = verdict.table, scope_of(verdict.table)
    every = set().union(*held.values())
    if not isinstance(scope, Carry):
        return held[next(iter(table.inputs))]
    if not every:
        return set()
    first, last = min(every), date.fromisoformat(str(verdict.record.as_of))
    if frame.as_of and last < first:
        raise LakehouseError(
            f"{table.full_name} cannot be made as of {last}: its inputs begin on {first}, and there"
            " is nothing to carry from; land what was sold and counted before, or give --as-of a"
            f" day from {first} on. Features of any days since then: jobs/backfill.py."
        )
    kept = lookup(frame.conf, scope.kept)
    if kept is not None and (not isinstance(kept, int) or kept < 1):
        raise LakehouseError(
            f"{scope.kept} is {kept!r}; expected how many days stay, 1 or more, or null for all."
        )
    return kept_days(first, last, kept)


def _reached(
    spark: SparkSession, frame: Frame, verdict: Verdict, concerned: set[date]
) -> set[date]:
    """The days that changes in the inputs reach; beyond those ``concerned`` it may be too many."""
    tables = frame.catalogue.tables
    reached: set[date] = set()
    for name in verdict.changed:
        spread, pin = verdict.table.inputs[name], verdict.pins[name]
        if not isinstance(spread, ByDay) or isinstance(pin.path, Name):
            part = affected(spark, verdict.table, tables, verdict.pins, [name])
            reached |= concerned if part.days is None else set(part.known_days)
            continue
        new, again = written_days(pin, spread.columns[0])
        reached |= spread.rewritten(new)
        # Days written again often hold what they held: asked where the answer may save a day.
        if spread.rewritten(again) & concerned - reached:
            used = used_columns(tables[name], spread)
            day = F.col(spread.columns[0])
            found = changed_days(spark, used, pin, [day], among=again)
            again = {day for (day,) in found.collect()}
        reached |= spread.rewritten(again)
    return reached


def written_days(pin: Pinned, column: str) -> tuple[set[date], set[date]]:
    """Of the days written since the version built from: those it did not hold, and the others."""
    before = Log(pin.path, pin.built).days(column)
    written: set[date] = set()
    for action in pin.actions:
        moved = action.get("add") or action.get("remove") or {}
        if not moved.get("dataChange"):
            continue
        # A writer may leave out where a file lay that it removes: then it was any day.
        values = moved.get("partitionValues")
        days = [values[column]] if values else map(str, before)
        written |= {date.fromisoformat(day) for day in days if day}
    return written - before, written & before


def by_day(table: Table) -> dict[str, str]:
    """The inputs that spread by day, each with its day column."""
    spreads = table.inputs.items()
    return {name: spread.columns[0] for name, spread in spreads if isinstance(spread, ByDay)}


def files_of(
    table: Table, name: str, pin: Pinned
) -> tuple[dict[str, dict[date | None, list[str]]], set[date]]:
    """The files of an input, or of the table itself, by slice and day; and all its days.

    Those of an input without days are every slice's, under the slice "" and the day None.
    Raises LakehouseError for files that Arrow alone would misread.
    """
    folder = cast(Path, pin.path)
    delta = storage.delta(folder, pin.version)
    if odd := {"deletionVectors", "columnMapping"} & set(delta.protocol().reader_features or ()):
        raise LakehouseError(
            f"{name} uses {', '.join(sorted(odd))}, which the kernel of {table.full_name} cannot"
            f" read; set {BY} to spark, or take the feature off the table."
        )
    scope = scope_of(table)
    column = scope.column if name == table.name else by_day(table).get(name)
    found: dict[str, dict[date | None, list[str]]] = {}
    adds = delta.get_add_actions(flatten=True)
    named = {field: adds.column(field).to_pylist() for field in adds.schema.names}
    none = [None] * len(named["path"])
    days = named.get(f"partition.{column}", none)
    parts = named.get(f"partition.{scope.within}", none) if column else none
    for path, day, part in zip(named["path"], days, parts, strict=True):
        by_slice = found.setdefault("" if part is None else str(part), {})
        by_slice.setdefault(day, []).append(str(folder / path))
    return found, {day for by_slice in found.values() for day in by_slice if day}


def scope_of(table: Table) -> Days:
    """The scope of a table by days."""
    return cast(Days, table.declaration.scope)


def _by_kernel(
    spark: SparkSession, frame: Frame, verdict: Verdict, target: Target, plan: Plan, pin: Pinned
) -> None:
    table = verdict.table
    pins = {**verdict.pins, table.name: pin}
    files = make_days(spark, frame, target, pins, plan)
    commit(target, files, plan, pin.version, verdict)


def make_days(
    spark: SparkSession, frame: Frame, target: Target, pins: Mapping[str, Pinned], plan: Plan
) -> list[Written]:
    """Write the days of a plan into the folder of ``target`` by the kernel of its table; the files.

    ``pins`` are the inputs, and the table itself where its days are carried from or patched. Raises
    LakehouseError as ``files_of`` does.
    """
    table, scope, tables = target.table, scope_of(target.table), frame.catalogue.tables
    wanted = tuple(sorted(plan.make | plan.patch.keys()))
    if not wanted:
        return []
    found = {name: files_of(table, name, one) for name, one in pins.items()}
    held = {
        name: tuple(sorted(day for day in present if day <= wanted[-1]))
        for name, (_, present) in found.items()
    }
    slices = [
        Slice(
            table=table.name,
            part=part,
            days=wanted,
            unchanged=tuple(sorted(plan.unchanged)),
            files={n: files.get("", {}) | files.get(part, {}) for n, (files, _) in found.items()},
            held=held,
            schemas={name: arrow(tables[name].columns) for name in pins},
            settings={name: lookup(frame.conf, path) for name, path in table.settings.items()},
            reached={day: files.get(part, ()) for day, files in plan.patch.items()},
            amendable=tuple(sorted(plan.amendable)),
            amendments={name: files.get(part, ()) for name, files in plan.amendments.items()},
        )
        for part in sorted({part for files, _ in found.values() for part in files if part})
    ]
    is_carried = isinstance(scope, Carry)
    runs = _runs(wanted, plan.unchanged, plan.amendable) if is_carried else [wanted]
    layout = _layout(frame, target)
    return [
        file
        for run in runs
        for file in make(spark, list(_cut(slices, run)), cast(Kernel, scope.kernel), layout)
    ]


def _cut(slices: Iterable[Slice], run: Iterable[date]) -> Iterator[Slice]:
    """Slices with the days of a run, but those of which no key of theirs is reached."""
    for one in slices:
        if days := tuple(day for day in run if one.reached.get(day, True)):
            yield replace(one, days=days)


def _runs(
    days: Sequence[date], unchanged: Collection[date], amendable: Collection[date] = ()
) -> Iterator[tuple[date, ...]]:
    """Days in order, cut so that each starts from the nearest base, or follows the one before.

    >>> days = [date(2026, 6, day) for day in (7, 8, 15, 16)]
    >>> [[f"{day:%d}" for day in run] for run in _runs(days, {date(2026, 6, 14)})]
    [['07', '08'], ['15', '16']]
    >>> [[f"{day:%d}" for day in run] for run in _runs(days, [], days[1:3])]
    [['07', '08'], ['15', '16']]
    """
    firsts: dict[date, date] = {}  # by day the first of those that follow each other up to it
    for day in days:
        firsts[day] = firsts.get(day - timedelta(1), day)
    for _, run in groupby(days, lambda day: base_of(firsts[day], unchanged, amendable)):
        yield tuple(run)


def _layout(frame: Frame, target: Target) -> Layout:
    table = target.table
    kept = [column for column in table.columns if column.name not in target.partitions]
    return Layout(
        table.full_name,
        str(target.path),
        arrow(tuple(kept)),
        tuple(target.partitions),
        table.declaration.key,
        frozenset(column.name for column in table.columns if column.required),
        tuple((r.name, in_duckdb(render(r, frame.conf))) for r in row_rules(table, "stop")),
    )


def commit(
    target: Target, files: Sequence[Written], plan: Plan, version: int, verdict: Verdict
) -> None:
    """Replace the days made and dropped by the new files, the whole table where it is made whole.

    One commit upon ``version``, with the record; refused where another writer was there first.
    Files that take the place of others come before, by a commit that says it is not finished.
    """
    scope = scope_of(target.table)
    made = [AddAction(**file.add) for file in files if file.add and not file.instead_of]
    days = plan.make | plan.drop
    if patched := [file for file in files if file.instead_of]:
        is_all = not (made or days or plan.whole)
        record = verdict.record if is_all else verdict.record.unfinished()
        _patch(target, patched, version, record)
        if is_all:
            return
        version += 1
    register.commit(
        storage.fresh(target.path, version),
        made,
        None if plan.whole else (scope.column, days),
        verdict.record,
        columns=target.table.columns,
    )


def _patch(target: Target, files: Sequence[Written], version: int, record: Record) -> None:
    """Put files in the place of others, with the images of the rows that differ."""
    actions.commit(
        storage.fresh(target.path, version),
        cast(Path, target.path),
        [file.instead_of for file in files],
        [AddAction(**file.add) for file in files if file.add],
        [AddAction(**file.feed) for file in files if file.feed],
        map(sum, zip(*(file.counts for file in files), strict=True)),
        record,
    )


def _by_spark(
    spark: SparkSession, frame: Frame, verdict: Verdict, target: Target, plan: Plan
) -> None:
    """The same by the table's function and Spark's writer."""
    rows = made(spark, frame, verdict, Affected(days=plan.make))
    part = WHOLE if plan.whole else Affected(days=plan.make | plan.drop)
    store(quality.stopped(rows, verdict.table, frame.conf), target, part, verdict.record)
