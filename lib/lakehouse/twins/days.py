"""Days of a table by its SQL, or rows of days: what its function makes of the same inputs."""

import shutil
from pathlib import Path
from typing import cast

from lakehouse import merging
from lakehouse.catalogue import is_direct
from lakehouse.changes import Affected, dates, used_columns
from lakehouse.declare import ByDay, Days
from lakehouse.duck import copy, listed, parquet, told_alike
from lakehouse.frame import Frame, Verdict
from lakehouse.log import Record
from lakehouse.storage import size
from lakehouse.twins.twin import Twin, is_said, twin_of
from lakehouse.write import Target, WrittenDays, commit_all, commit_days

# Where Spark writes the keys of rows of days, in the folder of the table: no reader looks there.
_BESIDE = "_keys"


def write(frame: Frame, verdict: Verdict, target: Target, part: Affected) -> WrittenDays | None:
    """Files of days, or of the whole table, in no version yet; None where the table does not say
    its rows in SQL, or a row is not what it may be, which Spark then tells.
    """
    if not _is_said(frame, verdict, target):
        return None
    with twin_of(frame, verdict, target) as twin:
        _know_inputs(twin, part)
        return twin.write(twin.good("stop"))
    return None


def store(frame: Frame, verdict: Verdict, target: Target, part: Affected, record: Record) -> bool:
    """Replace days, or the whole table, or merge rows of days, by one commit; False, with nothing
    committed, as ``write`` does.
    """
    if part.keys is not None:
        return _merge(frame, verdict, target, part, record)
    made = write(frame, verdict, target, part)
    if made and part.is_whole:
        commit_all(made, target, record)
    elif made:
        commit_days(made, target, part, record)
    return made is not None


def _merge(frame: Frame, verdict: Verdict, target: Target, part: Affected, record: Record) -> bool:
    assert part.keys is not None
    keys = part.keys.columns
    if not _is_said(frame, verdict, target) or not (opened := merging.opened(target.path, keys)):
        return False
    place, table = cast(Path, target.path), target.table
    beside = place / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        if not part.told:
            part.keys.write.parquet(str(beside / "keys"))
        told = [part.told] if part.told else sorted(beside.glob("keys/*.parquet"))
        with twin_of(frame, verdict, target) as twin:
            twin.keep("_keys", f"FROM {parquet(told)}")
            _know_inputs(twin, part)
            kept = beside / "rows"  # in a file: kept in memory, wide rows would leave too little
            copy(twin.duck, twin.shaped(twin.good("stop")), kept)
            key, bounded = table.declaration.key, tuple(table.filtered)
            merger = merging.Merging(twin.duck, opened, place, key, bounded)
            days = map(str, part.known_days)
            merger.commit(parquet([kept]), "_keys", keys, record, days)
            return True
        return False
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _is_said(frame: Frame, verdict: Verdict, target: Target) -> bool:
    table = target.table
    is_by_day = isinstance(table.declaration.scope, Days)
    return is_by_day and not table.is_staging and is_said(frame, verdict, target)


def _know_inputs(twin: Twin, part: Affected) -> None:
    """Let the SQL know what the part is made of (as ``changes.restrict``), and make no more."""
    table, tables = twin.target.table, twin.frame.catalogue.tables
    scope = cast(Days, table.declaration.scope)
    by = scope.rows_by if part.keys is not None else ()
    read = 0
    for name, spread in table.inputs.items():
        upstream, where = tables[name], ""
        if isinstance(spread, ByDay) and part.days is not None and is_direct(table, spread):
            days = dates(spread.read(part.known_days))
            if by:
                same = " AND ".join(told_alike(column, "t", "k") for column in by)
                where = f"SEMI JOIN (SELECT DISTINCT {listed(by)} FROM _keys) k ON {same}"
            where += f" WHERE {' OR '.join(f't.{c} IN ({days})' for c in spread.columns)}"
        twin.know(name, listed(used_columns(upstream, spread)), where)
        read += size(twin.verdict.pins[name].path)[1]
    twin.go_easy(read)
    if part.days is not None:
        twin.where = f"t WHERE {scope.column} IN ({dates(part.known_days)})"
    if by:
        same = " AND ".join(told_alike(column, "t", "k") for column in (scope.column, *by))
        twin.where = f"t SEMI JOIN _keys k ON {same}"
