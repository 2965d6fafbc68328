"""A Parquet file with a few of its rows, or columns of these, as they are now."""

import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lakehouse.codes import shared
from lakehouse.patches import put
from lakehouse.splice import splice

_WRITTEN: dict[str, Any] = {
    "compression": "zstd",
    "store_schema": False,
    "store_decimal_as_integer": True,
}


def rewrite(file: Path, places: NDArray[Any], values: pa.Table, more: pa.Table) -> Path | None:
    """A new file beside ``file``, with the rows at ``places``, which ascend, as ``values`` say of
    some columns, and the rows ``more``; None where its columns are held otherwise than Arrow would.
    """
    made = file.with_name(f"merged-{uuid.uuid4()}.parquet")
    coded = [name for name in values.column_names if name in shared(file)]
    held, schema = pq.ParquetFile(file, read_dictionary=coded), pq.read_schema(file)
    names, columns = more.column_names, {}
    try:
        for name in values.column_names:
            column = held.read(columns=[name])[name].combine_chunks()
            columns[name] = put(column, places, values[name].cast(schema.field(name).type))
        behind = more.cast(pa.schema([pa.field(name, schema.field(name).type) for name in names]))
    except ValueError:  # a file of other types
        return None
    return made if spliced(file, pa.table(columns), made, behind, **_WRITTEN) else None


def spliced(
    file: Path, columns: pa.Table, output: Path, more: pa.Table | None = None, **written: Any
) -> bool:
    """Write ``output``: the rows of ``file`` with other ``columns``, and the rows ``more`` behind;
    all other columns are copied as they are (decision 0037). ``written`` is how Arrow writes.

    False, with nothing written, where the columns of the file are held otherwise.
    """
    beside, behind = (output.with_name(f".{name}-{output.name}") for name in ("columns", "more"))
    try:
        _write_in_groups(columns, pq.read_metadata(file), beside, written)
        if more is not None and more.num_rows:
            pq.write_table(more, behind, **written)
        return splice(file, beside, output, behind if behind.exists() else None)
    except (OSError, ValueError):  # a file system without sendfile, a footer of another kind
        output.unlink(missing_ok=True)
        return False
    finally:
        beside.unlink(missing_ok=True)
        behind.unlink(missing_ok=True)


def _write_in_groups(
    columns: pa.Table, footer: pq.FileMetaData, output: Path, written: dict[str, Any]
) -> None:
    """Write columns in the groups of rows that a file has."""
    start = 0
    with pq.ParquetWriter(output, columns.schema, **written) as writer:
        for number in range(footer.num_row_groups):
            size = footer.row_group(number).num_rows
            writer.write_table(columns.slice(start, size), row_group_size=max(size, 1))
            start += size
