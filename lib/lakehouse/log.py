"""What Delta's log says of a table, read and written without Spark, in milliseconds.

A table's commit carries what it was built from (``Record``, in the commit's userMetadata), so
data and bookkeeping are one atomic commit and there is no control database.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from deltalake import CommitProperties

from lakehouse import storage
from lakehouse.schema import Column, delta_json
from lakehouse.storage import Place

# Commits that move no rows: a record before them still tells what the rows were built from.
_NEUTRAL = (
    "OPTIMIZE",
    "VACUUM",
    "SET TBLPROPERTIES",
    "UNSET",
    "CREATE",
    "ADD ",
    "UPGRADE",
    "CHANGE ",
)
PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    # A record must outlive the commits that follow it, however long a table rests.
    "delta.logRetentionDuration": "interval 3650 days",
}
STATISTICS = "delta.dataSkippingStatsColumns"


@dataclass(frozen=True)
class Record:
    """What a commit was built from: {input: [table id, version]}, code and conf values.

    ``skipped`` says which changes of its inputs a log could not read, and so does not hold. A
    commit that is not finished has its rows and lacks what was to follow, as of a build that died.
    """

    built_from: dict[str, list[Any]] = field(default_factory=dict)
    fingerprint: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    as_of: str | None = None
    batch: str = ""
    source: str = ""
    skipped: str = ""
    is_finished: bool = True

    def unfinished(self) -> "Record":
        """The same, of a commit that another is to follow."""
        return replace(self, is_finished=False)

    def json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, default=str)

    @staticmethod
    def parse(text: str | None) -> "Record | None":
        """The record in a commit's userMetadata, or None where somebody else wrote it."""
        try:
            return Record(**json.loads(text or ""))
        except (ValueError, TypeError):
            return None


class Log:
    """The log of the Delta table at ``path``, as it stands when this object is made, or stood."""

    def __init__(self, path: Place, version: int | None = None):
        self.path = path
        self._table = storage.delta(path, version) if storage.is_table(path) else None
        self._history: list[dict[str, Any]] | None = None

    @property
    def exists(self) -> bool:
        return self._table is not None

    @property
    def version(self) -> int:
        return self._table.version() if self._table else -1

    @property
    def id(self) -> str:
        return str(self._table.metadata().id) if self._table else ""

    @property
    def column_names(self) -> list[str]:
        return [field.name for field in self._table.schema().fields] if self._table else []

    def holds(self, columns: tuple[Column, ...], partitions: Sequence[str]) -> bool:
        """Whether the table has exactly these columns, comments included, and partitioning."""
        if not self._table:
            return False
        same = json.loads(self._table.schema().to_json()) == delta_json(columns)
        return same and self._table.metadata().partition_columns == list(partitions)

    @property
    def file_count(self) -> int:
        return len(self._table.file_uris()) if self._table else 0

    def commits(self) -> list[dict[str, Any]]:
        """Commits up to the version, newest first."""
        if self._history is None:
            told = self._table.history() if self._table else []  # of later versions, too
            self._history = [commit for commit in told if commit["version"] <= self.version]
        return self._history

    def record(self, version: int | None = None) -> Record | None:
        """The record that tells what the rows of ``version``, or the newest, were built from.

        Maintenance adds commits without one; RESTORE means "as at the version restored".
        """
        ceiling = self.version if version is None else version
        for commit in self.commits():
            if commit["version"] > ceiling:
                continue
            if commit["operation"] == "RESTORE":
                ceiling = self._restored_version(commit)
                continue
            if record := Record.parse(commit.get("userMetadata")):
                return record
            if not commit["operation"].startswith(_NEUTRAL):
                return None
        return None

    def _restored_version(self, restore: dict[str, Any]) -> int:
        parameters = restore["operationParameters"]
        if str(parameters.get("version", "")).isdigit():
            return int(parameters["version"])
        moment = storage.fresh(self.path, restore["version"])
        moment.load_as_version(str(parameters["timestamp"]).replace(" ", "T") + "Z")
        return int(moment.version())

    def changed_since(self, version: int) -> bool:
        """Whether a commit after ``version`` may have moved rows."""
        return bool(self.changes(version, self.version))

    def changes(self, after: int, until: int) -> list[dict[str, Any]]:
        """The commits after one version, up to another, that may have moved rows; oldest first."""
        return [
            commit
            for commit in reversed(self.commits())
            if after < commit["version"] <= until
            and not commit["operation"].startswith(_NEUTRAL)
            and not _is_empty(commit)
        ]

    def last_metrics(self) -> dict[str, int]:
        """Operation metrics of the newest commit, whole numbers only."""
        commits = self.commits()
        metrics = commits[0].get("operationMetrics", {}) if commits else {}
        return {name: int(value) for name, value in metrics.items() if str(value).isdigit()}

    def last_added(self) -> storage.Added:
        """What the newest commit added."""
        return storage.added(self.path, self.version, self.last_metrics())

    def partition_values(self, column: str) -> list[str]:
        """Values of a partition column that hold files, sorted."""
        if not self._table or column not in self._table.metadata().partition_columns:
            return []
        return sorted({str(p[column]) for p in self._table.partitions() if p[column] is not None})

    def days(self, column: str) -> set[date]:
        """The days that hold files, where the table is partitioned by them."""
        return {date.fromisoformat(day) for day in self.partition_values(column)}


def _is_empty(commit: dict[str, Any]) -> bool:
    """Whether a commit moved no row; Spark counts a file without rows, and never adds it."""
    metrics = commit.get("operationMetrics", {})
    if commit["operation"] == "WRITE" and "num_added_files" in metrics:  # written without Spark
        return not metrics["num_added_files"] and not metrics["num_removed_files"]
    if commit["operation"] != "WRITE" or "numFiles" not in metrics:
        return False
    appended = commit["operationParameters"].get("mode") == "Append"
    no_files = all(str(metrics.get(name, "0")) == "0" for name in ("numFiles", "numRemovedFiles"))
    return no_files or (appended and str(metrics.get("numOutputRows")) == "0")


def create(
    path: Place,
    columns: tuple[Column, ...],
    comment: str,
    partitions: Sequence[str] = (),
    filtered: Sequence[str] = (),
) -> None:
    """Create an empty Delta table with comments and change feed; nothing where one exists.

    Statistics are kept of the ``filtered`` columns alone: those that reads and merges prune by.
    """
    create_from_json(path, json.dumps(delta_json(columns)), comment, partitions, filtered)


def create_from_json(
    path: Place, schema: str, comment: str, partitions: Sequence[str], filtered: Sequence[str] = ()
) -> None:
    """The same from a schema as Spark's ``StructType.json`` gives it."""
    if storage.is_table(path):
        return
    properties = PROPERTIES | ({STATISTICS: ",".join(filtered)} if filtered else {})
    storage.create(path, schema, comment, partitions, properties)
    if isinstance(path, Path):
        _write_checksum(path / "_delta_log")


def _write_checksum(log: Path) -> None:
    """The version checksum of an empty table, as the Delta protocol defines it.

    With it Spark knows the table's state from the start and never has to compute it.
    """
    actions: dict[str, Any] = {}
    for action in storage.actions(log.parent, 0):
        actions |= action
    state = {"tableSizeBytes": 0, "numFiles": 0, "numMetadata": 1, "numProtocol": 1}
    lists: dict[str, Any] = {"setTransactions": [], "domainMetadata": [], "allFiles": []}
    content = state | lists | {"metadata": actions["metaData"], "protocol": actions["protocol"]}
    beside = log / f".{0:020}.crc.part"
    beside.write_text(json.dumps(content))
    beside.replace(log / f"{0:020}.crc")


def commit_properties(record: Record | None, retries: int | None = None) -> CommitProperties:
    """The record, where there is one, for a commit that does not go through Spark.

    With 0 ``retries`` it is refused where another commit came first, upon which it was not made.
    """
    said = {"userMetadata": record.json()} if record else None
    return CommitProperties(custom_metadata=said, max_commit_retries=retries)
