"""``ops.build_log``: one row per table that a build touched, appended once a run."""

from collections.abc import Iterable
from datetime import UTC, datetime

from lakehouse.build import Outcome
from lakehouse.frame import Frame
from lakehouse.own import write_rows

NAME = "build_log"
GRAIN = "One row per build and table that it touched."
DDL = """
    batch_id    STRING NOT NULL COMMENT 'The build; sorts by time',
    ended_at    TIMESTAMP NOT NULL COMMENT 'End of the build, UTC',
    table_name  STRING NOT NULL COMMENT 'layer.table',
    status      STRING NOT NULL COMMENT 'built, skipped, stopped or failed',
    mode        STRING COMMENT 'whole, or part: only the days or keys that changes reached',
    reason      STRING COMMENT 'Why it was built, or what went wrong',
    rows_in     BIGINT COMMENT 'Landed records judged; staging tables only',
    quarantined BIGINT COMMENT 'Records rejected among them',
    repeated    BIGINT COMMENT 'Good records that repeat or precede a kept one; whole builds only',
    row_count   BIGINT COMMENT 'Rows written',
    files       BIGINT COMMENT 'Data files written',
    bytes       BIGINT COMMENT 'Bytes written',
    seconds     DOUBLE COMMENT 'Wall seconds',
    version     BIGINT COMMENT 'Version of the table afterwards'
"""


def append(frame: Frame, outcomes: Iterable[Outcome]) -> None:
    """Append one run's outcomes."""
    ended = datetime.now(UTC)
    rows = [
        {
            "batch_id": frame.batch,
            "ended_at": ended,
            "table_name": outcome.table,
            "row_count": outcome.rows,
            **{
                name: getattr(outcome, name)
                for name in ("status", "mode", "reason", "rows_in", "quarantined", "repeated",
                             "files", "bytes", "seconds", "version")
            },
        }
        for outcome in outcomes
    ]  # fmt: skip
    write_rows(frame.lake / "ops" / NAME, DDL, GRAIN, rows, frame.record)
