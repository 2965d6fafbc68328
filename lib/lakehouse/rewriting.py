"""A Parquet file with a few of its rows, or columns of these, as they are now."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lakehouse.codes import shared
from lakehouse.patches import put
from lakehouse.splice import splice


def rewrite(file: Path, places: NDArray[Any], values: pa.Table, more: pa.Table) -> Path | None:
    """A new file beside ``file``, with the rows at ``places``, which ascend, as ``values`` say of
    some columns, and the rows ``more``; None where its columns are held otherwise than Arrow would.

    All other columns are copied as they are (decision 0037).
    """
    made = file.with_name(f"merged-{uuid.uuid4()}.parquet")
    beside = [made.with_name(f".{name}-{made.name}") for name in ("columns", "more")]
    try:
        _write_columns(file, places, values, beside[0])
        if more.num_rows:
            pq.write_table(more.cast(_schema(file, more.schema.names)), beside[1], **_OPTIONS)
        if splice(file, beside[0], made, beside[1] if more.num_rows else None):
            return made
    except (OSError, ValueError):  # a file system without sendfile, a footer of another kind
        made.unlink(missing_ok=True)
    finally:
        for one in beside:
            one.unlink(missing_ok=True)
    return None


_OPTIONS: dict[str, Any] = {
    "compression": "zstd",
    "store_schema": False,
    "store_decimal_as_integer": True,
}


def _write_columns(file: Path, places: NDArray[Any], values: pa.Table, output: Path) -> None:
    """Columns of a file with other values in places, in the same groups of rows."""
    coded = [name for name in values.column_names if name in shared(file)]
    held, columns = pq.ParquetFile(file, read_dictionary=coded), {}
    schema = _schema(file, values.column_names)
    for name in values.column_names:
        column = held.read(columns=[name])[name].combine_chunks()
        columns[name] = put(column, places, values[name].cast(schema.field(name).type))
    rows, start = pa.table(columns), 0
    with pq.ParquetWriter(output, rows.schema, **_OPTIONS) as writer:
        for number in range(held.num_row_groups):
            size = held.metadata.row_group(number).num_rows
            writer.write_table(rows.slice(start, size), row_group_size=max(size, 1))
            start += size


def _schema(file: Path, names: Sequence[str]) -> pa.Schema:
    schema = pq.read_schema(file)
    return pa.schema([pa.field(name, schema.field(name).type) for name in names])
