"""What the doctor found: counts in full, the worst keys, and ``ops.doctor_findings``."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.doctor.examine import FINDINGS, ILLNESS, ILLNESSES, NOTES, OF_FACTS, RECORD_KEY
from lakehouse.log import Record
from lakehouse.own import write_rows
from lakehouse.query import show
from lakehouse.report import console
from lakehouse.storage import Place

NAME = "doctor_findings"
GRAIN = "One row per run, table, illness and key."
DDL = """
    run_id      STRING NOT NULL COMMENT 'The doctor''s run; sorts by time',
    examined_at TIMESTAMP NOT NULL COMMENT 'When the table was looked over, UTC',
    table_name  STRING NOT NULL COMMENT 'layer.table, or the path of a table elsewhere',
    illness     STRING NOT NULL COMMENT 'What is wrong, or the note',
    is_note     BOOLEAN NOT NULL COMMENT 'Not wrong by itself: a gap, or no open version',
    record_key  STRING COMMENT 'Key concerned, as JSON; null: all keys beyond the limit together',
    keys        BIGINT NOT NULL COMMENT 'Keys that the row stands for',
    findings    BIGINT NOT NULL COMMENT 'Rows of the table, or facts, that are wrong so'
"""
SHOWN = 10


@dataclass(frozen=True)
class Diagnosis:
    """The findings of one look at one table.

    ``totals`` gives findings and keys by illness, ``worst`` the keys with most findings (key,
    findings, illnesses), ``kept`` the rows of ops.doctor_findings (illness, key, keys, findings).
    """

    totals: dict[str, tuple[int, int]] = field(default_factory=dict)
    worst: list[tuple[str, int, str]] = field(default_factory=list)
    kept: list[tuple[str, str | None, int, int]] = field(default_factory=list)

    def is_ill(self, strict: bool) -> bool:
        """Whether anything is wrong; ``strict`` counts notes too."""
        return any(strict or name in ILLNESSES for name in self.totals)


def diagnosed(found: DataFrame, limit: int) -> Diagnosis:
    """The diagnosis from one row per illness and key; ``limit`` keys are kept of each illness."""
    by_illness = found.groupBy(ILLNESS).agg(F.sum(FINDINGS), F.count("*"))
    totals = {name: (findings, keys) for name, findings, keys in by_illness.collect()}
    if not totals:
        return Diagnosis()
    together = F.concat_ws(", ", F.sort_array(F.collect_set(ILLNESS)))
    by_key = found.groupBy(RECORD_KEY).agg(F.sum(FINDINGS).alias(FINDINGS), together)
    worst = by_key.orderBy(F.desc(FINDINGS), RECORD_KEY).limit(SHOWN).collect()
    most_first = Window.partitionBy(ILLNESS).orderBy(F.desc(FINDINGS), RECORD_KEY)
    first = found.withColumn("_rank", F.row_number().over(most_first)).where(f"_rank <= {limit}")
    kept = [(r[ILLNESS], r[RECORD_KEY], 1, r[FINDINGS]) for r in first.collect()]
    for name, (findings, keys) in totals.items():
        named = [row[3] for row in kept if row[0] == name]
        if keys > len(named):
            kept.append((name, None, keys - len(named), findings - sum(named)))
    return Diagnosis(totals, [tuple(row) for row in worst], kept)


def append(lake: Place, run_id: str, table: str, diagnosis: Diagnosis) -> None:
    """Append what one run found in a table; nothing where nothing was found."""
    if not diagnosis.kept:
        return
    now = datetime.now(UTC)
    names = ("illness", "record_key", "keys", "findings")
    same: dict[str, Any] = {"run_id": run_id, "examined_at": now, "table_name": table}
    rows = [
        same | dict(zip(names, row, strict=True)) | {"is_note": row[0] in NOTES}
        for row in diagnosis.kept
    ]
    write_rows(lake / "ops" / NAME, DDL, GRAIN, rows, Record(batch=run_id))


def show_diagnosis(title: str, diagnosis: Diagnosis, with_facts: bool, strict: bool) -> None:
    """Print the counts of everything looked for, and the worst keys."""
    rows = []
    for name, meaning in (ILLNESSES | NOTES).items():
        if with_facts or name not in OF_FACTS:
            kind = "note" if name in NOTES and not strict else "illness"
            rows.append((name, kind, *diagnosis.totals.get(name, (0, 0)), meaning))
    show([title, "", FINDINGS, "keys", "a finding is a row that"], rows)
    if diagnosis.worst:
        show(["worst keys", FINDINGS, "what"], list(diagnosis.worst))
    notes = sum(count for name, (count, _) in diagnosis.totals.items() if name in NOTES)
    if diagnosis.is_ill(strict):
        console.print(f"{title} is ill.")
    else:
        console.print(f"{title} is healthy{f', with {notes:,} notes' if notes else ''}.")
