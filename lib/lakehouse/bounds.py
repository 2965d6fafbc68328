"""What the log says of a Parquet file, by which readers skip it: rows, nulls, least and most."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from lakehouse.log import STATISTICS

_BOUNDED = {int, str, date, datetime}
_NULL = "__HIVE_DEFAULT_PARTITION__"


def added(file: Path, place: Path, bounded: Sequence[str]) -> AddAction:
    """What the log says of a file of the table at ``place``; ``bounded`` are the
    columns whose least and most are told, where they are whole numbers, texts, days or moments.
    """
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


def honest(file: AddAction, table: DeltaTable) -> AddAction:
    """A file with what is told of it, if that is of all columns of which the table's log says so:
    else readers take what is missing for null, and skip the file. Where the log names no columns it
    means all.
    """
    told = json.loads(file.stats)
    names = table.metadata().configuration.get(STATISTICS, "").split(",")
    rows, nulls = told["numRecords"], told.get("nullCount", {})
    if all(name in told.get("minValues", {}) or nulls.get(name) == rows for name in names):
        return file
    return replace(file, stats=json.dumps({"numRecords": rows}))
