"""How well planted faults were caught: an answer key held against what became of each record.

The key is a file ``labels.parquet`` with one row per planted fault: entity, file, row (from 1, or
null for a fault of the file), fault, answer (repeat, superseded, quarantine, accept, warn or set
aside) and rule.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from lakehouse.balance.dispositions import GOOD, LOST, QUARANTINED, REPEATED, SUPERSEDED, Staged
from lakehouse.balance.report import opened
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.query import show
from lakehouse.schema import literal

MOST_FALSE_ALARMS = 0.01
# What must have become of a record, by the key's answer.
MET = {
    "repeat": f"disposition = '{REPEATED}'",
    "superseded": f"disposition = '{SUPERSEDED}'",
    "quarantine": f"disposition = '{QUARANTINED}' AND list_contains(rules, rule)",
    "accept": f"disposition IN ('{GOOD}', '{REPEATED}', '{SUPERSEDED}')",
    "warn": f"disposition = '{SUPERSEDED}'"
    f" OR (disposition = '{GOOD}' AND list_contains(warned, rule))",
}
COLUMNS = ["entity", "fault", "answer", "rule", "planted", "met"]


def score(frame: Frame, folder: Path) -> int:
    """Print, per fault, how many met the answer, and the false alarms; 1 where any fell short.

    Raises LakehouseError where the folder holds no key.
    """
    key = folder / "labels.parquet"
    if not key.is_file():
        raise LakehouseError(
            f"There is no answer key {key}; expected the folder that jobs/generate.py --faults"
            " wrote, _labels beside the landing files."
        )
    connection, tables = opened(frame)
    _answers(connection, tables, key)
    rows = connection.execute(
        """SELECT entity, fault, answer, rule, count(*), count(*) FILTER (is_met)
           FROM answers GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    show(COLUMNS, rows, title="Faults planted, and met")
    for entity, file, row, fault, became in connection.execute(
        """SELECT entity, file, row, fault, became FROM answers WHERE NOT is_met
           ORDER BY ALL LIMIT 10"""
    ).fetchall():
        where = f"record {row} of {file}" if row else file
        print(f"missed: {fault}, {where} ({entity}): it is {became}")
    planted, met = sum(row[4] for row in rows), sum(row[5] for row in rows)
    print(f"{met:,} of {planted:,} faults met their answer.")
    shares = []
    for of, clean, alarms in _false_alarms(connection, tables):
        shares.append(alarms / clean if clean else 0.0)
        print(f"{alarms:,} false alarms among {clean:,} clean {of} ({shares[-1]:.2%}).")
    return 0 if met == planted and max(shares) <= MOST_FALSE_ALARMS else 1


def _answers(connection: duckdb.DuckDBPyConnection, tables: Iterable[Staged], key: Path) -> None:
    """The temporary table of planted faults with what became of them; grain: one per label."""
    records = " UNION ALL ".join(
        f"SELECT '{one.raw.entity}' AS entity, file, place, disposition, warned FROM {one.records}"
        for one in tables
    )
    met = " ".join(f"WHEN '{answer}' THEN {sql}" for answer, sql in MET.items())
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE answers AS
        WITH labels AS (SELECT * FROM read_parquet({literal(str(key))})),
        broken AS (
            SELECT source_file, row_no, flatten(list(rules)) AS rules FROM ops.quarantine
            WHERE status = 'quarantined' GROUP BY ALL
        ), of_records AS (
            SELECT l.*, coalesce(r.disposition, '{LOST}') AS disposition, r.warned, b.rules
            FROM labels l
            LEFT JOIN ({records}) r ON r.entity = l.entity AND r.file = l.file AND r.place = l.row
            LEFT JOIN broken b ON b.source_file = l.file AND b.row_no = l.row
            WHERE l.row IS NOT NULL
        ), of_files AS (
            SELECT l.*, coalesce(f.status, 'nowhere') AS status
            FROM labels l LEFT JOIN ops.landing_files f ON f.entity = l.entity AND f.path = l.file
            WHERE l.row IS NULL
        )
        SELECT entity, file, row, fault, answer, rule,
               coalesce(CASE answer {met} END, false) AS is_met,
               disposition || coalesce(': ' || array_to_string(rules, ', '), '') AS became
        FROM of_records
        UNION ALL
        SELECT entity, file, row, fault, answer, rule,
               status = CASE answer WHEN 'accept' THEN 'loaded' ELSE 'set_aside' END, status
        FROM of_files"""
    )


def _false_alarms(
    connection: duckdb.DuckDBPyConnection, tables: Iterable[Staged]
) -> Iterator[tuple[str, int, int]]:
    """Of records and of files: how many the key does not name, and how many of those are alarms.

    A record of bronze is one where it is quarantined or lost; a repeated or superseded one is not.
    A file is one where it is set aside or refused: its records are in no table to be counted.
    """
    records = " UNION ALL ".join(
        f"SELECT '{one.raw.entity}' AS entity, file, place, disposition FROM {one.records}"
        for one in tables
    )
    clean = {
        "records": (
            f"disposition IN ('{QUARANTINED}', '{LOST}')",
            f"({records}) r ANTI JOIN answers a"
            " ON a.entity = r.entity AND a.file = r.file AND a.row = r.place",
        ),
        "files": (
            "status IN ('set_aside', 'refused')",
            "ops.landing_files f ANTI JOIN answers a"
            " ON a.entity = f.entity AND a.file = f.path AND a.row IS NULL",
        ),
    }
    for of, (is_alarm, rows) in clean.items():
        counted = connection.execute(f"SELECT count(*), count(*) FILTER ({is_alarm}) FROM {rows}")
        yield of, *(counted.fetchone() or (0, 0))
