"""A commit by Delta's protocol, for what no library commits: images of rows, and single files."""

import json
import os
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from lakehouse import storage
from lakehouse.bounds import honest
from lakehouse.log import Record
from lakehouse.plain import FEED

Action = dict[str, dict[str, Any]]
# What a MERGE counts of its rows.
_COUNTED = tuple(f"num_target_rows_{did}" for did in ("inserted", "updated", "deleted"))
# Commits of ours after which one writes a checkpoint, as deltalake does.
_CHECKPOINT = 100


def commit(
    table: DeltaTable,
    place: Path,
    gone: Collection[str],
    come: Iterable[AddAction],
    images: Iterable[AddAction],
    counts: Iterable[int],
    record: Record,
) -> None:
    """Put a MERGE upon the version of ``table``, as a file of the log that is not there yet.

    Files ``come`` in the place of those ``gone``, by their paths, with ``images`` of the rows that
    differ in files of the change feed; ``counts`` are those inserted, updated and deleted. Raises
    CommitFailedError, with nothing committed, where another commit came first.
    """
    held = files_of(table, place)
    metrics = dict(zip(_COUNTED, counts, strict=True)) | {"num_target_files_removed": len(gone)}
    said = {"timestamp": _now(), "operation": "MERGE", "operationParameters": {}}
    said |= {"operationMetrics": metrics, "userMetadata": record.json()}
    actions = [
        *(_removed(held[path]) for path in gone),
        *(_added(honest(file, table)) for file in come),
        *(_fed(file) for file in images),
    ]
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


def files_of(table: DeltaTable, place: Path) -> dict[str, dict[str, Any]]:
    """What the log says of the files of a table, by their paths."""
    adds = pa.table(table.get_add_actions(flatten=False)).to_pylist()
    return {str(place / add["path"]): add for add in adds}


def _added(file: AddAction) -> Action:
    """A file with rows of the table."""
    told = {**_file(file.path, file.partition_values, file.size), "dataChange": True}
    return {"add": told | {"modificationTime": file.modification_time, "stats": file.stats}}


def _removed(file: Mapping[str, Any]) -> Action:
    """A file that was the table's, by what the log says of it."""
    told = _file(file["path"], file.get("partition", {}), file["size_bytes"])
    told |= {"dataChange": True, "extendedFileMetadata": True}
    return {"remove": told | {"deletionTimestamp": _now()}}


def _fed(file: AddAction) -> Action:
    """A file of the folder of the change feed."""
    told = _file(f"{FEED}/{file.path}", file.partition_values, file.size)
    return {"cdc": told | {"dataChange": False}}


def _file(path: str, values: Mapping[str, Any], size: int) -> dict[str, Any]:
    told = {name: None if value is None else str(value) for name, value in values.items()}
    return {"path": quote(path, "/="), "partitionValues": told, "size": size}


def _now() -> int:
    return time.time_ns() // 1_000_000
