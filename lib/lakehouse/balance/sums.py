"""Rows, units and money in = good + quarantined + repeated + superseded, file by file and in total;
and what silver and gold declare that they conserve, day by day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from lakehouse.balance.dispositions import (
    GOOD,
    QUARANTINED,
    REPEATED,
    ROWS,
    SUPERSEDED,
    Staged,
)
from lakehouse.catalogue import Catalogue
from lakehouse.declare import Conserved

PARTS = (GOOD, QUARANTINED, REPEATED, SUPERSEDED)
_NOTHING = [Decimal(0)] * (len(PARTS) + 1)


@dataclass(frozen=True)
class Line:
    """One line of the balance: a measure of a raw table's records, of one file or (file "") all."""

    table: str
    measure: str
    file: str
    landed: Decimal
    parts: tuple[Decimal, ...]

    @property
    def difference(self) -> Decimal:
        return self.landed - sum(self.parts)


@dataclass(frozen=True)
class Carried:
    """What a table declares that it conserves, and where it does not: ``day`` is the first."""

    table: str
    own: str
    other: str
    value: Decimal
    difference: Decimal
    day: str = ""


def totals(connection: duckdb.DuckDBPyConnection, staged: Staged) -> Iterator[Line]:
    """One line a measure: in by the file ledger, good by the staging table's own rows, and
    quarantined rows by the quarantine.
    """
    entity, table = staged.raw.entity, staged.table
    parts = _parts(connection, staged, "")
    for measure, sql in staged.measures.items():
        _, *others = parts[measure].get("", _NOTHING)[:-1]
        good = _one(connection, f"SELECT sum({sql}) FROM {staged.rows}")
        if measure == ROWS:
            counted = f"FROM ops.landing_files WHERE entity = '{entity}' AND status = 'loaded'"
            landed = _one(connection, f"SELECT sum({_landed(connection)}) {counted}")
            aside = f"table_name = '{table.name}' AND status = 'quarantined'"
            others[0] = _one(connection, f"SELECT count(*) FROM ops.quarantine WHERE {aside}")
        else:
            landed = _one(connection, f"SELECT sum({measure}) FROM {staged.records}")
        yield Line(table.full_name, measure, "", landed, (good, *others))


def by_file(connection: duckdb.DuckDBPyConnection, staged: Staged) -> Iterator[Line]:
    """One line a file and measure; rows in by the file ledger."""
    counted = connection.execute(
        f"SELECT path, {_landed(connection)} FROM ops.landing_files"
        f" WHERE entity = '{staged.raw.entity}' AND status = 'loaded' ORDER BY path"
    ).fetchall()
    ledger = {path: Decimal(count or 0) for path, count in counted}
    parts = _parts(connection, staged, "file")
    for file in sorted({*ledger, *parts[ROWS]}):
        for measure in staged.measures:
            found = parts[measure].get(file, _NOTHING)
            landed = ledger.get(file, Decimal(0)) if measure == ROWS else found[-1]
            yield Line(staged.table.full_name, measure, file, landed, tuple(found[:-1]))


def _landed(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL of a file's records: as counted in the file itself, else those that bronze was given.

    The ledger of an earlier release knows these alone.
    """
    columns = connection.execute("DESCRIBE ops.landing_files").fetchall()
    is_known = any(row[0] == "landed_rows" for row in columns)
    return "coalesce(landed_rows, row_count)" if is_known else "row_count"


def _parts(
    connection: duckdb.DuckDBPyConnection, staged: Staged, by: str
) -> dict[str, dict[str, list[Decimal]]]:
    """By measure and file: the sums of each disposition, then of all landed records."""
    group, width = by or "''", len(PARTS) + 1
    found: dict[str, dict[str, list[Decimal]]] = {measure: {} for measure in staged.measures}
    sums = []
    for measure in staged.measures:
        value = "1" if measure == ROWS else measure
        sums += [f"sum({value}) FILTER (disposition = '{part}')" for part in PARTS]
        sums.append(f"sum({value})")
    rows = connection.execute(
        f"SELECT {group}, {', '.join(sums)} FROM {staged.records} GROUP BY 1"
    ).fetchall()
    for file, *values in rows:
        for at, measure in enumerate(staged.measures):
            mine = values[at * width : (at + 1) * width]
            found[measure][file] = [Decimal(value or 0) for value in mine]
    return found


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> Decimal:
    row = connection.execute(sql).fetchone()
    return Decimal(row[0]) if row and row[0] is not None else Decimal(0)


def carried(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue) -> Iterator[Carried]:
    """What every table of the lake conserves of another; landing is told by ``totals``."""
    found = connection.execute("SELECT schema_name || '.' || view_name FROM duckdb_views()")
    present = {row[0] for row in found.fetchall() if not row[0].startswith("bronze.")}
    for table in catalogue.tables.values():
        for law in table.declaration.conserves:
            if {table.full_name, law.table} <= present:
                yield _carried(connection, table.full_name, law)


def _carried(connection: duckdb.DuckDBPyConnection, table: str, law: Conserved) -> Carried:
    here, there = law.by or ("''", "''")
    rows = connection.execute(
        f"""
        SELECT CAST(coalesce(a.day, b.day) AS VARCHAR), coalesce(a.value, 0),
               coalesce(a.value, 0) - coalesce(b.value, 0)
        FROM (SELECT {here} AS day, {law.own} AS value FROM {table} GROUP BY ALL) a
        FULL JOIN (SELECT {there} AS day, {law.theirs} AS value FROM {law.table} GROUP BY ALL) b
        ON a.day IS NOT DISTINCT FROM b.day ORDER BY 1"""
    ).fetchall()
    wrong = [(str(day or ""), Decimal(gap)) for day, _, gap in rows if gap]
    value = sum((Decimal(value) for _, value, _ in rows), Decimal(0))
    day, gap = wrong[0] if wrong else ("", Decimal(0))
    return Carried(table, law.own, law.table, value, gap, day)
