"""Maintenance: small files put together, and files that nobody can need any more removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from lakehouse import storage
from lakehouse.declare import History
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.log import Log
from lakehouse.plain import FEW_FILES
from lakehouse.storage import Place, tables_in

# Readers that started before a file was removed still want it; Delta's own limit is the same.
LEAST_HOURS = 168


@dataclass(frozen=True)
class Maintained:
    """What was done to one table; ``kept_for`` says why nothing was removed, if so."""

    table: str
    compacted: int
    into: int
    removed: int
    kept_for: str = ""


def maintain(spark: SparkSession, frame: Frame, hours: int = LEAST_HOURS) -> Iterator[Maintained]:
    """OPTIMIZE tables with partitions of several files, VACUUM those whose old files nobody awaits.

    Raises LakehouseError for less than LEAST_HOURS, or where there is no lake.
    """
    if hours < LEAST_HOURS:
        raise LakehouseError(
            f"--hours {hours} would remove files that readers may have open; expected {LEAST_HOURS}"
            " (7 days) or more."
        )
    if not any(tables_in(frame.lake)):
        raise LakehouseError(f"There is no lake in {frame.lake}; build one first (jobs/build.py).")
    needed = _needed(frame)
    horizon = datetime.now(UTC) - timedelta(hours=hours)
    for layer, name, path in tables_in(frame.lake):
        compacted, into = (0, 0) if _is_laid_apart(frame, name, path) else _compact(spark, path)
        waiting = [who for who, since in needed.get(name, []) if since < horizon]
        removed = 0 if waiting else _vacuum(spark, path, hours)
        kept_for = f"{', '.join(sorted(waiting))} has not read it since" if waiting else ""
        yield Maintained(f"{layer}.{name}", compacted, into, removed, kept_for)


def _is_laid_apart(frame: Frame, name: str, path: Place) -> bool:
    """Whether a table is a history whose open and closed versions lie in files of their own, and
    few: to put them together would have every batch rewrite both (decision 0030).
    """
    table = frame.catalogue.tables.get(name)
    if table is None or not isinstance(table.declaration.scope, History):
        return False
    return isinstance(path, Path) and storage.size(path)[0] <= FEW_FILES


def _compact(spark: SparkSession, path: Place) -> tuple[int, int]:
    """Put the small files of each partition together; how many, and into how many.

    In folders it is seen without Spark whether there is a partition of several.
    """
    if isinstance(path, Path):
        table = storage.delta(path)
        folders = [uri.rpartition("/")[0] for uri in table.file_uris()]
        if _is_without_vectors(table) and len(set(folders)) == len(folders):
            return 0, 0
    done = spark.sql(f"OPTIMIZE {storage.sql(path)}").select("metrics.*").first()
    assert done is not None
    return done.numFilesRemoved, done.numFilesAdded


def _is_without_vectors(table: DeltaTable) -> bool:
    """Whether no file has rows that another file says are deleted."""
    return "deletionVectors" not in (table.protocol().reader_features or ())


def _vacuum(spark: SparkSession, path: Place, hours: int) -> int:
    """Remove what no version of the last hours refers to; returns how many files go.

    In folders it is seen without Spark whether any file is that old and not in the newest version.
    """
    removal = f"VACUUM {storage.sql(path)} RETAIN {hours} HOURS"
    if isinstance(path, Path):
        table, before = storage.delta(path), _files(path)
        horizon = datetime.now(UTC).timestamp() - hours * 3600
        current = {unquote(uri) for uri in table.file_uris()}
        kept = all(str(f) in current or f.stat().st_mtime > horizon for f in before)
        if kept and _is_without_vectors(table):
            return 0
        spark.sql(removal)
        return len(before) - len(_files(path))
    count = spark.sql(f"{removal} DRY RUN").count()
    spark.sql(removal)
    return count


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*.parquet") if file.parent.name != "_delta_log"]


def _needed(frame: Frame) -> dict[str, list[tuple[str, datetime]]]:
    """Who still has to read changes of a table, and since when those have been there.

    The file ledger is read at the very version a raw table was loaded by, so that one counts too.
    """
    found: dict[str, list[tuple[str, datetime]]] = {}
    for table in frame.catalogue.tables.values():
        record = Log(frame.path(table)).record()
        for name, (_, version) in (record.built_from if record else {}).items():
            is_ledger = name not in frame.catalogue.tables
            path = (
                frame.lake / "ops" / name if is_ledger else frame.path(frame.catalogue.tables[name])
            )
            if is_ledger or Log(path).changed_since(version):
                since = _committed_at(path, version if is_ledger else version + 1)
                found.setdefault(name, []).append((table.name, since))
    return found


def _committed_at(path: Place, version: int) -> datetime:
    """When a version was committed; long ago where its commit is gone from the log."""
    for commit in storage.delta(path).history():
        if commit.get("version") == version:
            return datetime.fromtimestamp(commit["timestamp"] / 1000, UTC)
    return datetime.fromtimestamp(0, UTC)
