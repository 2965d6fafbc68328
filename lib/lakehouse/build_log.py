"""``ops.build_log``: one row per table that a build touched, appended once a run."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from lakehouse import storage
from lakehouse.build import Outcome
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.own import write_rows
from lakehouse.schema import names
from lakehouse.storage import Place

NAME = "build_log"
GRAIN = "One row per build and table that it touched."
DDL = """
    batch_id    STRING NOT NULL COMMENT 'The build; sorts by time',
    started_at  TIMESTAMP COMMENT 'Start of the table, UTC; null where it was skipped',
    ended_at    TIMESTAMP NOT NULL COMMENT 'End of the table, UTC; if skipped, of the build',
    table_name  STRING NOT NULL COMMENT 'layer.table',
    status      STRING NOT NULL COMMENT 'built, skipped, stopped or failed',
    mode        STRING COMMENT 'whole, or part: only the days or keys that changes reached',
    reason      STRING COMMENT 'Why it was built, or what went wrong',
    inputs      ARRAY<STRING> COMMENT 'Inputs in the version read, as gold.fact_sales@4',
    rows_in     BIGINT COMMENT 'Landed records loaded or judged; else all that the inputs held',
    quarantined BIGINT COMMENT 'Records rejected among them',
    repeated    BIGINT COMMENT 'Good records that repeat or precede a kept one; whole builds only',
    row_count   BIGINT COMMENT 'Rows written',
    files       BIGINT COMMENT 'Data files written',
    bytes       BIGINT COMMENT 'Bytes written',
    seconds     DOUBLE COMMENT 'Wall seconds',
    version_before BIGINT COMMENT 'Version of the table before; -1 where there was no table',
    version     BIGINT COMMENT 'Version of the table afterwards'
"""
_SAME = ("started_at", "status", "mode", "reason", "inputs", "quarantined", "repeated", "files",
         "bytes", "seconds", "version_before", "version")  # fmt: skip


def append(frame: Frame, outcomes: Iterable[Outcome]) -> None:
    """Append one run's outcomes."""
    ended = datetime.now(UTC)
    rows = [
        {
            "batch_id": frame.batch,
            "ended_at": outcome.ended_at or ended,
            "table_name": outcome.table,
            "rows_in": _rows_in(frame, outcome),
            "row_count": outcome.rows,
            **{name: getattr(outcome, name) for name in _SAME},
        }
        for outcome in outcomes
    ]
    write_rows(frame.lake / "ops" / NAME, DDL, GRAIN, rows, frame.record)


def last_run(lake: Place) -> list[dict[str, Any]]:
    """The rows of the newest build, in the order in which its tables were started.

    Raises LakehouseError where no build is logged.
    """
    path = lake / "ops" / NAME
    if not storage.is_table(path):
        raise LakehouseError(f"There is no build log in {lake}; build first (jobs/build.py).")
    rows = storage.delta(path).to_pyarrow_table().to_pylist()
    newest = max(row["batch_id"] for row in rows)
    # A log of an earlier release may lack columns until the next build.
    lacking = dict.fromkeys(names(DDL))
    found = [lacking | row for row in rows if row["batch_id"] == newest]
    return sorted(found, key=lambda row: (row["started_at"] or row["ended_at"], row["table_name"]))


def _rows_in(frame: Frame, outcome: Outcome) -> int | None:
    table = frame.catalogue.tables[outcome.table.partition(".")[2]]
    if outcome.rows_in is not None or outcome.status != "built":
        return outcome.rows_in
    if table.entity is not None:
        return outcome.rows
    read = (name.replace("@", ".").split(".") for name in outcome.inputs)
    return sum(_held(frame.lake / layer / name, int(number)) for layer, name, number in read)


@cache
def _held(path: Place, version: int) -> int:
    """Rows that a version of a table holds, as the log tells."""
    return int(storage.delta(path, version).count())
