"""The small tables that the engine keeps of itself: written without Spark, in one commit."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.log import Record, commit_properties, create
from lakehouse.schema import arrow, parse


def write_rows(
    path: Path,
    ddl: str,
    grain: str,
    rows: Iterable[Mapping[str, Any]],
    record: Record,
    mode: Literal["append", "overwrite"] = "append",
) -> None:
    """Add rows to the table at ``path``, or replace all of its own; it is created where missing."""
    columns = parse(ddl)
    create(path, columns, grain)
    write_deltalake(
        str(path),
        pa.Table.from_pylist([dict(row) for row in rows], schema=arrow(columns)),
        mode=mode,
        commit_properties=commit_properties(record),
    )
