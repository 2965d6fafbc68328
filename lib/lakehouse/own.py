"""The small tables that the engine keeps of itself: written without Spark, in one commit."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from deltalake import DeltaTable, Schema, write_deltalake

from lakehouse.log import Record, commit_properties, create
from lakehouse.schema import arrow, delta_json, parse


def write_rows(
    path: Path,
    ddl: str,
    grain: str,
    rows: Iterable[Mapping[str, Any]],
    record: Record,
    mode: Literal["append", "overwrite"] = "append",
) -> None:
    """Add rows to the table at ``path``, or replace all of its own; it is created where missing.

    Columns that the table, written by an earlier release, does not have yet are added to it.
    """
    columns = parse(ddl)
    create(path, columns, grain)
    table = DeltaTable(str(path))
    there = {field.name for field in table.schema().fields}
    if missing := [column for column in columns if column.name not in there]:
        table.alter.add_columns(Schema.from_json(json.dumps(delta_json(tuple(missing)))).fields)
    # Without comments, which another release may have put in other words.
    schema = pa.schema([field.remove_metadata() for field in arrow(columns)])
    write_deltalake(
        table,
        pa.Table.from_pylist([dict(row) for row in rows], schema=schema),
        mode=mode,
        commit_properties=commit_properties(record),
    )
