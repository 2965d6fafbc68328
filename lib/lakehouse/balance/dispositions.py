"""The disposition of every landed record: good, quarantined, repeated, superseded or lost.

Written apart from the engine's judging on purpose, in another language: which records a staging
table shows is told by its rows, which are rejected by the quarantine, and what is left over must
say again, or have said before, what another record says. The rest is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import sqlglot
from sqlglot import exp

from lakehouse.balance.typed import typed
from lakehouse.catalogue import Table
from lakehouse.checks.asking import in_duckdb
from lakehouse.checks.rules import Reference, declared, settings_of
from lakehouse.declare import DATE_IN_PATH, ROW, SOURCE_FILE
from lakehouse.errors import LakehouseError
from lakehouse.schema import literal, names

GOOD, QUARANTINED, REPEATED = "good", "quarantined", "repeated"
SUPERSEDED, LOST = "superseded", "lost"
ROWS = "rows"
# What snapshots say of a key is dated by the engine, so these do not tell a state from another.
_DATING = {"updated_at", "sequence"}


@dataclass(frozen=True)
class Staged:
    """A staging table with the raw table it judges; ``is_snapshots``: absence deletes there.

    ``known`` are the tables its rules refer to and the lake holds, by name: their names in SQL.
    """

    table: Table
    raw: Table
    optional: frozenset[str]
    is_snapshots: bool
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def records(self) -> str:
        """The temporary table that ``classify`` makes; grain: one row per landed record."""
        return f"records_of_{self.table.name}"

    @property
    def measures(self) -> Mapping[str, str]:
        """What is balanced, by name: SQL over one row."""
        return {ROWS: "1"} | self.table.declaration.measures

    @property
    def rows(self) -> str:
        """SQL of the staging table's rows that landed: a snapshot's deletes did not."""
        states = " WHERE operation <> 'delete'" if self.is_snapshots else ""
        return f"(SELECT * FROM {self.table.full_name}{states})"


def classify(connection: duckdb.DuckDBPyConnection, staged: Staged) -> None:
    """Make the temporary table of landed records with file, place, disposition and measures.

    Raises LakehouseError for a raw table that was loaded before places were kept.
    """
    described = connection.execute(f"DESCRIBE {staged.raw.full_name}").fetchall()
    landed = {row[0]: row[1] for row in described}
    if ROW not in landed:
        raise LakehouseError(
            f"{staged.raw.full_name} was loaded before places in files were kept; build it again"
            " first (jobs/build.py)."
        )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {staged.records} AS {query(staged, landed)}")


def query(staged: Staged, landed: Mapping[str, str]) -> str:
    """SQL of a raw table's records; ``landed`` are its types by column, by DuckDB's names."""
    contract = {c.name: c.type for c in staged.raw.columns}
    cast = {name: typed(name, landed[name], kind) for name, kind in contract.items()}
    shared = [name for name in names(staged.table.declaration.schema) if name in contract]
    key = _key(staged, shared)
    kept_key = ", ".join(f"{theirs} AS _k{i}" for i, (_, theirs) in enumerate(key))
    numbers = ", ".join(f"_k{i}" for i in range(len(key)))
    same = " AND ".join(f"l._k{i} = k._k{i}" for i in range(len(key)))
    alike = " AND ".join(
        f'(l."{c}" IS NULL OR k._kept."{c}" IS NULL OR l."{c}" = k._kept."{c}")' for c in shared
    )
    # Staging may fill what a record leaves open: of those that fit, the one that says most is it.
    agreed = " + ".join(f'(l."{c}" IS NOT DISTINCT FROM k._kept."{c}")::INT' for c in shared)
    packed = ", ".join(f'"{c}" := "{c}"' for c in shared)
    said = ", ".join(f'coalesce(CAST({cast[c]} AS VARCHAR), CAST("{c}" AS VARCHAR))' for c in cast)
    sums = [
        f"CAST({sql} AS DECIMAL(38, 4)) AS {name}"
        for name, sql in staged.table.declaration.measures.items()
    ]
    dated = "sequence" in staged.table.declaration.newest
    newer = "l._sequence > k._sequence" if dated else "false"
    return f"""
    WITH cast_ AS (
        SELECT {SOURCE_FILE}, {ROW}, {", ".join(f'{sql} AS "{c}"' for c, sql in cast.items())},
               hash({said}) AS _said, {_unparsed(staged, cast)} AS unparsed
        FROM {staged.raw.full_name}
    ), aside AS (
        SELECT DISTINCT source_file, row_no FROM ops.quarantine
        WHERE table_name = '{staged.table.name}' AND status = 'quarantined'
    ), landed AS (
        SELECT c.*, {_sequence(contract)} AS _sequence, a.source_file IS NOT NULL AS _is_aside,
               {", ".join(f"{_unless_aside(mine)} AS _k{i}" for i, (mine, _) in enumerate(key))}
        FROM cast_ c LEFT JOIN aside a ON a.source_file = c.{SOURCE_FILE} AND a.row_no = c.{ROW}
    ), kept AS (
        SELECT {kept_key}, {"count(*)" if staged.is_snapshots else 1} AS _rows,
               any_value(struct_pack({packed})) AS _kept,
               {"max(sequence)" if dated else "NULL"} AS _sequence
        FROM {staged.rows} GROUP BY {numbers}
    ), matched AS (
        SELECT l.*, k._rows, {alike} AS _alike, {agreed} AS _agreed, {newer} AS _newer
        FROM landed l LEFT JOIN kept k ON {same}
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY _is_aside, {numbers}
                      ORDER BY _alike DESC NULLS LAST, _agreed DESC, {SOURCE_FILE}, {ROW}) AS _nth,
               row_number() OVER (PARTITION BY _is_aside, {numbers}, _said
                      ORDER BY {SOURCE_FILE}, {ROW}) AS _copy,
               bool_or(_alike) OVER (PARTITION BY _is_aside, {numbers}) AS _shown
        FROM matched
    )
    SELECT {SOURCE_FILE} AS file, {ROW} AS place, unparsed, {_warned(staged)} AS warned,
           CASE WHEN _is_aside THEN '{QUARANTINED}'
                WHEN _rows IS NULL OR NOT _shown THEN '{LOST}'
                WHEN _alike AND _nth <= _rows THEN '{GOOD}'
                WHEN _copy > 1 THEN '{REPEATED}'
                WHEN _newer THEN '{LOST}'
                ELSE '{SUPERSEDED}' END AS disposition
           {"".join(f", {sql}" for sql in sums)}
    FROM ranked"""


def _unless_aside(key: str) -> str:
    """A key that finds no row for a rejected record: a join by hash takes no further condition."""
    return f"CASE WHEN a.source_file IS NULL THEN {key} END"


def _warned(staged: Staged) -> str:
    """The names of the warn rules over landed columns that a record breaks."""
    told = []
    landed = set(names(staged.raw.declaration.schema))
    for rule in declared(staged.table):
        if rule.severity != "warn" or not landed.issuperset(rule.columns) or settings_of([rule]):
            continue
        if rule.is_row_rule:
            broken = f"NOT coalesce({rule.tree.sql('duckdb')}, true)"
        elif (of := rule.reference) and of.table in staged.known:
            broken = _unknown(of, staged.known[of.table])
        else:
            continue
        told.append(f"CASE WHEN {broken} THEN {literal(rule.name)} END")
    return f"list_filter([{', '.join([*told, 'NULL'])}], lambda name: name IS NOT NULL)"


def _unknown(reference: Reference, table: str) -> str:
    """SQL of whether a record says something that the table it refers to does not know."""
    known = f"SELECT {reference.key} FROM {table} WHERE {reference.key} IS NOT NULL"
    unless = in_duckdb(reference.unless or "false")
    said = f"{reference.column} IS NOT NULL AND {reference.column} NOT IN ({known})"
    return f"{said} AND NOT coalesce({unless}, false)"


def _key(staged: Staged, shared: list[str]) -> list[tuple[str, str]]:
    """Pairs of SQL, over landed columns and over the table's, that tell which row shows a record.

    Events made of snapshots are dated by the engine: their state tells them, not their key.
    """
    declaration = staged.table.declaration
    if not staged.is_snapshots:
        derived = {"sequence": "_sequence"} | declaration.landed_key
        return [(derived.get(name, f'"{name}"'), name) for name in declaration.key]
    scope = [name for name in declaration.key if name in shared]
    said = [c for c in shared if c not in staged.optional and c not in _DATING and c not in scope]
    columns = ", ".join(f'"{c}"' for c in said)
    state = f"hash({columns})"
    return [*[(f'"{name}"', name) for name in scope], (state, state)]


def _sequence(contract: Mapping[str, str]) -> str:
    """When an event happened: its updated_at, else the date in its file's name, else 1900."""
    named = f"TRY_CAST(regexp_extract({SOURCE_FILE}, {literal(DATE_IN_PATH)}, 1) AS TIMESTAMPTZ)"
    own = "updated_at, " if "updated_at" in contract else ""
    return f"coalesce({own}{named}, TIMESTAMPTZ '1900-01-01')"


def _unparsed(staged: Staged, cast: Mapping[str, str]) -> str:
    """Text of the first column of a measure whose landed value is of another kind; else null."""
    used = {
        column.name
        for sql in staged.table.declaration.measures.values()
        for column in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Column)
    }
    told = [
        f"""CASE WHEN "{c}" IS NOT NULL AND ({cast[c]}) IS NULL
                 THEN '{c} = ' || CAST("{c}" AS VARCHAR) END"""
        for c in sorted(used & set(cast))
    ]
    return f"coalesce({', '.join([*told, 'NULL'])})"
