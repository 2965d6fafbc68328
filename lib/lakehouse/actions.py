"""A commit by Delta's protocol, for what no library commits: images of rows, and single files."""

import json
import os
import time
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from lakehouse import storage
from lakehouse.log import Record

Action = dict[str, dict[str, Any]]
# What a MERGE counts of its rows.
COUNTED = ("rows_inserted", "rows_updated", "rows_deleted")
# Commits of ours after which one writes a checkpoint, as deltalake does.
_CHECKPOINT = 100


def commit(
    table: DeltaTable,
    place: Path,
    counts: Mapping[str, int],
    actions: Iterable[Action],
    record: Record,
) -> None:
    """Put a MERGE upon the version of ``table``, as a file of the log that is not there yet.

    ``counts`` are its metrics, by what deltalake calls them. Raises CommitFailedError, with nothing
    committed, where another commit came first.
    """
    metrics = {f"num_target_{name}": count for name, count in counts.items()}
    said = {"timestamp": _now(), "operation": "MERGE", "operationParameters": {}}
    said |= {"operationMetrics": metrics, "userMetadata": record.json()}
    version, log = table.version() + 1, place / "_delta_log"
    beside = log / f".{uuid.uuid4()}.json"
    lines = [json.dumps(action) for action in ({"commitInfo": said}, *actions)]
    beside.write_text("\n".join([*lines, ""]), "utf-8")
    try:
        os.link(beside, log / f"{version:020}.json")
    except FileExistsError:
        raise CommitFailedError(
            f"Version {version} of {place} is another writer's; the rows were to be merged into"
            f" version {version - 1}: build again."
        ) from None
    finally:
        beside.unlink()
    if version % _CHECKPOINT == 0:
        storage.fresh(place, version).create_checkpoint()


def added(file: AddAction) -> Action:
    """A file with rows of the table."""
    told = {**_file(file.path, file.partition_values, file.size), "dataChange": True}
    return {"add": told | {"modificationTime": file.modification_time, "stats": file.stats}}


def removed(path: str, values: Mapping[str, Any], size: int) -> Action:
    """A file that was the table's, with what its folders tell and its bytes."""
    told = {**_file(path, values, size), "dataChange": True, "extendedFileMetadata": True}
    return {"remove": told | {"deletionTimestamp": _now()}}


def fed(file: AddAction, folder: str) -> Action:
    """A file in ``folder`` with images of rows, for the change feed."""
    told = _file(f"{folder}/{file.path}", file.partition_values, file.size)
    return {"cdc": told | {"dataChange": False}}


def _file(path: str, values: Mapping[str, Any], size: int) -> dict[str, Any]:
    told = {name: None if value is None else str(value) for name, value in values.items()}
    return {"path": quote(path, "/="), "partitionValues": told, "size": size}


def _now() -> int:
    return time.time_ns() // 1_000_000
