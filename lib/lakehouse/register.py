"""Files that Spark wrote, or a kernel, put into a table by a commit that needs no Spark.

Delta computes a table's state by a job of its own for each commit that replaces days; deltalake
has it in a millisecond (decision 0027).
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame

from lakehouse.log import Record, commit_properties
from lakehouse.schema import Column, delta_json

# Where Spark writes first, in the folder of the table: no reader looks there, nor does VACUUM.
_BESIDE = "_written"
_NULL = "__HIVE_DEFAULT_PARTITION__"
_OPTIONS = {
    "partitionOverwriteMode": "static",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
# What tables ask of their writers that deltalake, or Parquet by itself, does.
_FEATURES = {"appendOnly", "invariants", "changeDataFeed", "checkConstraints", "timestampNtz"}
_BOUNDED = {int, str, date}


def takes(table: DeltaTable) -> bool:
    """Whether deltalake may commit to a table, and files alone meet all that is asked of them."""
    features = set(table.protocol().writer_features or ())
    asked = [name for name in table.metadata().configuration if name.startswith("delta.constraint")]
    told = [key for field in table.schema().fields for key in field.metadata]
    return features <= _FEATURES and not asked and not any(k.startswith("delta.") for k in told)


def write(
    rows: DataFrame, place: Path, partitions: Sequence[str], bounded: Iterable[str]
) -> list[AddAction]:
    """Write rows into the folders of a table; the add actions of the files.

    ``partitions`` are days and whole numbers; ``bounded`` the columns whose least and most are
    told, where they are whole numbers, texts or days. Until they are committed, the files are in no
    version; VACUUM removes what stays so.
    """
    beside = place / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    rows.write.partitionBy(*partitions).options(**_OPTIONS).parquet(str(beside))
    actions = []
    for written in sorted(beside.rglob("*.parquet")):
        file = place / written.relative_to(beside)
        file.parent.mkdir(parents=True, exist_ok=True)
        written.rename(file)
        actions.append(added(file, place, tuple(bounded)))
    shutil.rmtree(beside, ignore_errors=True)
    return actions


def commit(
    table: DeltaTable,
    columns: tuple[Column, ...],
    files: Sequence[AddAction],
    days: tuple[str, Iterable[date]] | None,
    record: Record,
) -> None:
    """Replace those days, or the whole table, by files: one commit upon the version of ``table``.

    ``days`` are a column and its values. Raises ValueError, with nothing committed, for files of
    other days; refused where another commit came first, upon which it was not made.
    """
    column, values = days or ("", ())
    chosen = sorted(str(day) for day in values)
    held = {one.partition_values.get(column) for one in files if days}
    if strange := held - set(chosen):
        raise ValueError(f"rows of {column} {strange.pop()} are none of the days to replace")
    table.create_write_transaction(
        list(files),
        "overwrite" if chosen or not days else "append",
        DeltaSchema.from_json(json.dumps(delta_json(columns))),
        partition_by=table.metadata().partition_columns,
        partition_filters=[(column, "in", chosen)] if days else None,
        commit_properties=commit_properties(record, retries=0),
    )


def added(file: Path, place: Path, bounded: Sequence[str]) -> AddAction:
    """What the log says of a file of the table at ``place``; ``bounded`` as in ``write``."""
    state = file.stat()
    path = file.relative_to(place)
    return AddAction(
        path=str(path),
        size=state.st_size,
        partition_values=dict(_value(folder) for folder in path.parts[:-1]),
        modification_time=int(state.st_mtime * 1000),
        data_change=True,
        stats=json.dumps(_statistics(pq.read_metadata(file), bounded), default=str),
    )


def _value(folder: str) -> tuple[str, str | None]:
    name, _, value = folder.partition("=")
    return name, None if value == _NULL else value


def _statistics(footer: pq.FileMetaData, bounded: Sequence[str]) -> Mapping[str, Any]:
    """The row count of a file, and the bounds that the footers of its row groups agree to tell."""
    found: dict[str, Any] = {"numRecords": footer.num_rows, "minValues": {}, "maxValues": {}}
    for name in bounded:
        bounds = list(_bounds(footer, name))
        if bounds and {type(value) for pair in bounds for value in pair} <= _BOUNDED:
            found["minValues"][name] = min(least for least, _ in bounds)
            found["maxValues"][name] = max(most for _, most in bounds)
    return found


def _bounds(footer: pq.FileMetaData, name: str) -> Iterator[tuple[Any, Any]]:
    """Least and most of a column by row group; no values, which are none of ours, where unknown."""
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        columns = (group.column(place) for place in range(group.num_columns))
        told = next((c.statistics for c in columns if c.path_in_schema == name), None)
        try:
            yield (told.min, told.max) if told is not None and told.has_min_max else (None, None)
        except (ValueError, OverflowError):  # no text, or no day that Python knows
            yield None, None
