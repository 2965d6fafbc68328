"""Files that Spark wrote, or a kernel, put into a table by a commit that needs no Spark; and MERGE
of few rows.

Delta computes a table's state by jobs of its own for each commit; deltalake has it in a millisecond
(decisions 0027, 0028).
"""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame

from lakehouse import plain, storage
from lakehouse.changes import dates
from lakehouse.log import STATISTICS, Record, commit_properties
from lakehouse.schema import Column, delta_json
from lakehouse.storage import Place

# Where Spark writes first, in the folder of the table: no reader looks there, nor does VACUUM.
_BESIDE = "_written"
_NULL = "__HIVE_DEFAULT_PARTITION__"
_OPTIONS = {
    "partitionOverwriteMode": "static",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
# What tables ask of their writers that deltalake, or Parquet by itself, does.
_FEATURES = {"appendOnly", "invariants", "changeDataFeed", "checkConstraints", "timestampNtz"}
_BOUNDED = {int, str, date, datetime}
# So many rows may be held by the driver, to be merged without Spark.
FEW_ROWS = 50_000


def opened(place: Place) -> DeltaTable | None:
    """The table, where files put into it by ``commit`` are all that Delta's own writer would leave:
    in a folder, and plain.
    """
    if not isinstance(place, Path):
        return None
    table = storage.delta(place)
    fits = plain.schema(table) is not None and takes(table)
    return storage.own(place, table.version()) if fits else None


def takes(table: DeltaTable) -> bool:
    """Whether deltalake may commit to a table, and files alone meet all that is asked of them."""
    features = set(table.protocol().writer_features or ())
    asked = [name for name in table.metadata().configuration if name.startswith("delta.constraint")]
    told = [key for field in table.schema().fields for key in field.metadata]
    return features <= _FEATURES and not asked and not any(k.startswith("delta.") for k in told)


def write(
    rows: DataFrame,
    place: Path,
    partitions: Sequence[str],
    bounded: Iterable[str],
    **options: str | int,
) -> list[AddAction]:
    """Write rows into the folders of a table; the add actions of the files.

    ``partitions`` are days and whole numbers; ``bounded`` the columns whose least and most are
    told, where they are whole numbers, texts, days or moments; ``options`` are those of Spark's
    writer. Until they are committed, the files are in no version; VACUUM removes what stays so.
    """
    beside = place / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    rows.write.partitionBy(*partitions).options(**_OPTIONS, **options).parquet(str(beside))
    actions = []
    for written in sorted(beside.rglob("*.parquet")):
        if not pq.read_metadata(written).num_rows:
            continue
        file = place / written.relative_to(beside)
        file.parent.mkdir(parents=True, exist_ok=True)
        written.rename(file)
        actions.append(added(file, place, tuple(bounded)))
    shutil.rmtree(beside, ignore_errors=True)
    return actions


def commit(
    table: DeltaTable,
    files: Sequence[AddAction],
    days: tuple[str, Iterable[date]] | None,
    record: Record | None,
    mode: Literal["append", "overwrite"] = "overwrite",
    columns: tuple[Column, ...] = (),
) -> None:
    """Replace those days, or the whole table, by files: one commit upon the version of ``table``.

    With mode append they are added. ``days`` are a column and its values; ``columns`` are those of
    the table from now on, where they are others. Raises ValueError, with nothing committed, for
    files of other days; refused where another commit came first, upon which it was not made.
    """
    column, values = days or ("", ())
    chosen = sorted(str(day) for day in values)
    held = {one.partition_values.get(column) for one in files if days}
    if strange := held - set(chosen):
        raise ValueError(f"rows of {column} {strange.pop()} are none of the days to replace")
    table.create_write_transaction(
        [_honest(file, table) for file in files],
        mode if chosen or not days else "append",
        DeltaSchema.from_json(json.dumps(delta_json(columns))) if columns else table.schema(),
        partition_by=table.metadata().partition_columns,
        partition_filters=[(column, "in", chosen)] if days else None,
        commit_properties=commit_properties(record, retries=0) if record else None,
    )


def merge(
    table: DeltaTable,
    difference: pa.Table,
    key: Sequence[str],
    day: str | None,
    record: Record,
) -> None:
    """Bring a table to a difference, rows to upsert and those that are ``_deleted``, by one MERGE
    upon the version of ``table``; nothing where there is none.

    Rows that are all new are appended. Of a table by days the old day of a row is ``_old_day``.
    """
    if not difference.num_rows:
        return
    columns = [name for name in difference.column_names if not name.startswith("_")]
    said = commit_properties(record, retries=0)
    if pc.all(difference["_is_new"]).as_py():
        rows = difference.select(columns)
        write_deltalake(table, rows, mode="append", commit_properties=said)
        return
    same = [f't."{name}" = s."{name}"' for name in key]
    if day:
        days = {*difference[day].to_pylist(), *difference["_old_day"].to_pylist()} - {None}
        same.append(f't."{day}" IN ({dates(days)})')
    values = {f'"{name}"': f's."{name}"' for name in columns}
    merger = table.merge(
        difference, " AND ".join(same), source_alias="s", target_alias="t", commit_properties=said
    )
    merger = merger.when_matched_delete("s._deleted").when_matched_update(values)
    merger.when_not_matched_insert(values, predicate="NOT s._deleted").execute()


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
    """Rows of a file; of each column nulls, and bounds where the footers of its row groups tell."""
    found: dict[str, Any] = {"numRecords": footer.num_rows}
    found |= {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for name in bounded:
        try:
            nulls, bounds = _told(footer, name)
        except (ValueError, OverflowError):  # not told, or no text, or no day that Python knows
            continue
        found["nullCount"][name] = nulls
        if bounds and all(map(_is_bound, bounds)):
            found["minValues"][name] = _text(min(bounds))
            found["maxValues"][name] = _text(max(bounds))
    return found


def _told(footer: pq.FileMetaData, name: str) -> tuple[int, list[Any]]:
    """Nulls of a column, and its bounds in each row group that has values.

    Raises ValueError where a row group does not tell.
    """
    nulls, bounds = 0, list[Any]()
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        columns = (group.column(place) for place in range(group.num_columns))
        told = next((c.statistics for c in columns if c.path_in_schema == name), None)
        if told is None or not told.has_null_count or not (told.has_min_max or not told.num_values):
            raise ValueError(name)
        nulls += told.null_count
        bounds += [told.min, told.max] if told.num_values else []
    return nulls, bounds


def _is_bound(value: Any) -> bool:
    """Whether logs hold such a value as a bound: writers differ over times without a zone."""
    return type(value) in _BOUNDED and getattr(value, "tzinfo", UTC) is not None


def _text(value: Any) -> Any:
    """A bound as logs hold it: of moments the millisecond, which readers know to be cut."""
    if not isinstance(value, datetime):
        return value
    moment = value.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _honest(file: AddAction, table: DeltaTable) -> AddAction:
    """A file with what is told of it, if that is of all columns that the table says are told of:
    else readers take what is missing for null, and skip the file.
    """
    told = json.loads(file.stats)
    names = table.metadata().configuration.get(STATISTICS, "").split(",")
    rows, nulls = told["numRecords"], told.get("nullCount", {})
    if all(name in told.get("minValues", {}) or nulls.get(name) == rows for name in names):
        return file
    return replace(file, stats=json.dumps({"numRecords": rows}))
