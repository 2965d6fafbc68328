"""What a lake says of its tables today: rows, size, when they were built and how fresh they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lakehouse import build_log, storage
from lakehouse.catalogue import Catalogue
from lakehouse.log import Log
from lakehouse.storage import Place, tables_in


@dataclass(frozen=True)
class Figures:
    """One table of a lake; ``run`` is its row of the last run, if that touched it."""

    rows: int
    files: int
    bytes: int
    version: int
    written_at: datetime
    newest_day: str
    run: Mapping[str, Any] | None

    @property
    def freshness(self) -> str:
        """When rows last moved, and the newest day of a table by days."""
        newest = f"; newest day {self.newest_day}" if self.newest_day else ""
        return f"rows last moved {self.written_at:%Y-%m-%d %H:%M} UTC{newest}"

    @property
    def last_run(self) -> str:
        """What the last run did to the table."""
        if self.run is None:
            return "up to date, nothing to do"
        took = f"{self.run['row_count']:,} rows written in {self.run['seconds']:.1f} s"
        done = f"{self.run['status']}, {self.run['mode']}: {took}"
        return (
            f"{done if self.run['status'] == 'built' else self.run['status']}; {self.run['reason']}"
        )


def figures(lake: Place, catalogue: Catalogue) -> dict[str, Figures]:
    """Figures by layer.table; none where the folder holds no lake."""
    found = {f"{layer}.{name}": path for layer, name, path in tables_in(lake)}
    logged = f"ops.{build_log.NAME}" in found
    ran = {row["table_name"]: row for row in build_log.last_run(lake)} if logged else {}
    days = {t.full_name: t.declaration.scope.partition for t in catalogue.tables.values()}
    return {name: _one(path, days.get(name), ran.get(name)) for name, path in sorted(found.items())}


def _one(path: Place, partition: str | None, run: Mapping[str, Any] | None) -> Figures:
    log, (files, size) = Log(path), storage.size(path)
    moved = log.changes(-1, log.version) or log.commits()
    stamp = max(int(commit["timestamp"]) for commit in moved)
    values = log.partition_values(partition) if partition else []
    return Figures(
        rows=int(storage.delta(path).count()),
        files=files,
        bytes=size,
        version=log.version,
        written_at=datetime.fromtimestamp(stamp / 1000, UTC),
        newest_day=values[-1] if values else "",
        run=run,
    )
