"""The small tables that the engine keeps of itself: written without Spark, in one commit."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pyarrow as pa

from lakehouse import storage
from lakehouse.log import Record, create
from lakehouse.schema import arrow, delta_json, parse
from lakehouse.storage import Place


def ensure(path: Place, ddl: str, grain: str) -> None:
    """Create the table where it is missing; give one of an earlier release the columns it lacks."""
    columns = parse(ddl)
    create(path, columns, grain)
    there = {
        field["name"] for field in json.loads(storage.delta(path).schema().to_json())["fields"]
    }
    if missing := tuple(column for column in columns if column.name not in there):
        storage.add_columns(path, json.dumps(delta_json(missing)))


def write_rows(
    path: Place,
    ddl: str,
    grain: str,
    rows: Iterable[Mapping[str, Any]],
    record: Record,
    mode: Literal["append", "overwrite"] = "append",
) -> None:
    """Add rows to the table at ``path``, or replace all of its own; it is created where missing."""
    ensure(path, ddl, grain)
    # Without comments, which another release may have put in other words.
    schema = pa.schema([field.remove_metadata() for field in arrow(parse(ddl))])
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    storage.write_arrow(path, table, mode, record.json())
