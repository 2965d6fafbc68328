"""The balance of a lake, printed: what landed and what became of it, and what is odd about it."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

import duckdb

from lakehouse.balance.dispositions import LOST, Staged, classify
from lakehouse.balance.sums import PARTS, Carried, Line, by_file, carried, totals
from lakehouse.balance.watch import Limits, findings
from lakehouse.checks.rules import looks_at
from lakehouse.conf import lookup
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame, snapshots_of
from lakehouse.log import Log
from lakehouse.query import connect, show

# Lines printed of what may be many.
MOST = 10


def staged_tables(frame: Frame) -> list[Staged]:
    """The staging tables that the lake holds, each with its raw table.

    Raises LakehouseError where it holds none.
    """
    found = []
    for table in frame.catalogue.tables.values():
        raws = [frame.catalogue.tables[name] for name in table.inputs if name.startswith("raw_")]
        if not table.is_staging or not raws or not Log(frame.path(table)).exists:
            continue
        entity = str(raws[0].entity)
        mapping = frame.source.mappings.get(entity)
        optional = mapping.contract.optional if mapping else frozenset[str]()
        snapshots = entity in frame.snapshots and snapshots_of(table) == entity
        others = [frame.catalogue.tables[name] for name in looks_at(table)]
        known = {t.name: t.full_name for t in others if Log(frame.path(t)).file_count}
        found.append(Staged(table, raws[0], optional, snapshots, known))
    if not found:
        raise LakehouseError(f"There is no lake in {frame.lake}; build one first (jobs/build.py).")
    return found


def opened(frame: Frame) -> tuple[duckdb.DuckDBPyConnection, list[Staged]]:
    """A connection in which every landed record has its disposition."""
    tables = staged_tables(frame)
    connection = connect(frame.lake, frame.catalogue)
    for staged in tables:
        classify(connection, staged)
    return connection, tables


def balance(frame: Frame, every_file: bool = False) -> int:
    """Print the balance; 1 where something differs, else 0."""
    connection, tables = opened(frame)
    lines = [line for staged in tables for line in totals(connection, staged)]
    files = [line for staged in tables for line in by_file(connection, staged)]
    show(*_shown(lines), title="What landed, and what became of it")
    wrong = [line for line in files if line.difference]
    if every_file or wrong:
        show(*_shown(files if every_file else wrong[:MOST]), title="By file")
    print(f"{len({(f.table, f.file) for f in files})} files balance." if not wrong else "")
    laws = list(carried(connection, frame.catalogue))
    show(*_carried(laws), title="What silver and gold carry")
    for sentence in [*_differences(lines, files, laws), *_lost(connection, tables)]:
        print(f"difference: {sentence}")
    for sentence in _unparsed(connection, tables):
        print(f"not a number: {sentence}")
    for sentence in _outside(connection):
        print(f"not in the balance: {sentence}")
    limits = Limits(**{name: lookup(frame.conf, f"watch.{name}") for name in _LIMITS})
    for finding in findings(connection, tables, limits):
        print(f"warning: {finding.table} {finding.sentence} ({finding.kind})")
    differs = [x.difference for x in (*lines, *files)] + [law.difference for law in laws]
    return 1 if any(differs) else 0


_LIMITS = ("days_behind", "least_share", "most_drift")


def _shown(lines: Iterable[Line]) -> tuple[list[str], list[tuple[object, ...]]]:
    columns = ["table", "of", "file", "landed", *PARTS, "difference"]
    rows = [
        (line.table, line.measure, line.file, *map(_number, (line.landed, *line.parts)),
         _number(line.difference))
        for line in lines
    ]  # fmt: skip
    return columns, rows


def _carried(laws: Iterable[Carried]) -> tuple[list[str], list[tuple[object, ...]]]:
    columns = ["table", "conserves", "of", "value", "difference", "first on"]
    return columns, [
        (law.table, law.own, law.other, _number(law.value), _number(law.difference), law.day)
        for law in laws
    ]


def _number(value: Decimal) -> Decimal:
    """Whole numbers without a fraction, all else to the penny."""
    return value.quantize(Decimal(1) if value == value.to_integral_value() else Decimal("0.01"))


def _differences(
    lines: Iterable[Line], files: Iterable[Line], laws: Iterable[Carried]
) -> Iterator[str]:
    for line in lines:
        if line.difference:
            yield f"{_number(line.difference)} {line.measure} between landing and {line.table}"
    for line in files:
        if line.difference:
            text = f"{_number(line.difference)} {line.measure} of {line.file}"
            yield f"{text} between landing and {line.table}"
    for law in laws:
        if law.difference:
            on = f" on {law.day}" if law.day else ""
            yield f"{_number(law.difference)}{on} between {law.table} ({law.own}) and {law.other}"


def _lost(connection: duckdb.DuckDBPyConnection, tables: Iterable[Staged]) -> Iterator[str]:
    """Records that no table accounts for, the first of them."""
    for staged in tables:
        rows = connection.execute(
            f"SELECT file, place FROM {staged.records} WHERE disposition = '{LOST}' ORDER BY ALL"
        ).fetchall()
        for file, place in rows[:MOST]:
            yield f"record {place} of {file} is in none of {staged.table.full_name} and quarantine"


def _unparsed(connection: duckdb.DuckDBPyConnection, tables: Iterable[Staged]) -> Iterator[str]:
    """Records whose measure cannot be read: they count as rows alone."""
    for staged in tables:
        rows = connection.execute(
            f"SELECT file, place, unparsed FROM {staged.records} WHERE unparsed IS NOT NULL"
            " ORDER BY ALL"
        ).fetchall()
        for file, place, text in rows[:MOST]:
            yield f"record {place} of {file}: {text}"
        if len(rows) > MOST:
            yield f"and {len(rows) - MOST:,} more of {staged.raw.full_name}"


def _outside(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Files whose records are not in bronze."""
    rows = connection.execute(
        "SELECT path, entity, status, reason FROM ops.landing_files WHERE status <> 'loaded'"
        " ORDER BY ALL"
    ).fetchall()
    for path, entity, status, reason in rows[:MOST]:
        first = (reason or "not loaded yet").split("\n")[0]
        yield f"{path} ({entity}), {status.replace('_', ' ')}: {first}"
    if len(rows) > MOST:
        yield f"and {len(rows) - MOST:,} more files; see ops.landing_files"
