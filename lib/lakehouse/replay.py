"""Rejected records sent through again, by the same path as every build.

A build judges again what a change reaches. A replay asks for records by rule, table or date, builds
their tables (and raw tables, whose mapping may be another now) and all that follows, and says what
became of them. The rows of a key are replaced, so a record reaches its table once, however often.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from lakehouse import quarantine, storage
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.frame import Frame
from lakehouse.log import Log
from lakehouse.run import Result
from lakehouse.storage import Place

Row = dict[str, Any]
COLUMNS = ["table", "rule", "records", "released", "rejected still", "withdrawn"]


_PLACE = ["table_name", "source_file", "row_no"]


def _place(row: Row) -> tuple[Any, ...]:
    """Where a record stands; one without a place there stands for itself."""
    return tuple(row[name] for name in _PLACE) if row["row_no"] else (row["record_id"],)


def rejected_records(
    frame: Frame, rule: str | None, table: str | None, since: datetime | None
) -> list[Row]:
    """The rejected records asked for.

    Raises LakehouseError where no such table judges records, or none breaks such a rule.
    """
    path = frame.lake / "ops" / quarantine.NAME
    if not storage.is_table(path):
        return []
    staging = [name for name, one in frame.catalogue.tables.items() if one.is_staging]
    if table and (table := table.split(".")[-1]) not in staging:
        raise LakehouseError(
            f"--table {table} rejects no records: only staging tables judge them;"
            f" {did_you_mean(table, staging)}."
        )
    columns = ["record_id", "table_name", "record_key", "rules", "first_seen_at", "status"]
    found: list[Row] = storage.rows(path, columns, {"status": "quarantined"}).to_pylist()
    known = sorted({name for row in found for name in row["rules"]})
    if found and rule and rule not in known:
        raise LakehouseError(
            f"--rule {rule} is broken by no record in quarantine; {did_you_mean(rule, known)}."
        )
    return [
        row
        for row in found
        if (not table or row["table_name"] == table)
        and (not rule or rule in row["rules"])
        and (not since or row["first_seen_at"] >= since)
    ]


def replay(frame: Frame, records: list[Row], build: Callable[[Frame, list[str]], Result]) -> Result:
    """Build what the records reach, and of what follows the tables that the lake has."""
    again = {
        name: frozenset(row["record_key"] for row in records if row["table_name"] == name)
        for name in {row["table_name"] for row in records}
    }
    tables = frame.catalogue.tables
    raws = {n for name in again for n in tables[name].inputs if tables[n].layer == "bronze"}
    after = {n for name in again for n in frame.catalogue.descendants(name)}
    there = {n for n in after if Log(frame.path(tables[n])).exists}
    return build(replace(frame, again=again), sorted(raws | set(again) | there))


def outcome(lake: Place, records: list[Row]) -> list[tuple[Any, ...]]:
    """What became of the records, in ``COLUMNS``; a record that broke two rules counts in both.

    One that another mapping shows otherwise, and that is rejected still, is known by its place.
    """
    columns = [*_PLACE, "record_id", "status"]
    rows: list[Row] = storage.rows(lake / "ops" / quarantine.NAME, columns).to_pylist()
    rejected = {_place(row) for row in rows if row["status"] == "quarantined"}
    status = {
        row["record_id"]: "quarantined" if _place(row) in rejected else row["status"]
        for row in rows
    }
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in records:
        for rule in row["rules"]:
            counted = counts.setdefault((row["table_name"], rule), Counter())
            counted[status[row["record_id"]]] += 1
    return [
        (*of, sum(n.values()), n["released"], n["quarantined"], n["withdrawn"])
        for of, n in sorted(counts.items())
    ]
