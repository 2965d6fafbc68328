"""DuckDB in this process, over Parquet files: for a tenth of what Spark takes."""

import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pyarrow.parquet as pq

from lakehouse.schema import literal

# What a connection holds; the rest is on the disk. Tables built side by side have one each.
_MEMORY = "4GB"
# Folders that are written to side by side: of more, a file would be several.
_OPEN_FILES = 1_000
# Rows of a row group, each of which has the words of its texts: four times DuckDB's own.
_ROW_GROUP_ROWS = 491_520
# Values that a column may have in a group of rows to be told by numbers: as products have, and not
# what nearly every row has its own of, which takes a sixth of the time to find out.
_MOST_WORDS = 50_000


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that ends with its tables, which spill to the disk."""
    with tempfile.TemporaryDirectory() as spilled:
        config = {"memory_limit": _MEMORY, "temp_directory": spilled}
        with duckdb.connect(config=config) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


def parquet(
    files: Iterable[Path | str],
    partitions: Mapping[str, str] | None = None,
    file_as: str = "",
    are_numbered: bool = False,
) -> str:
    """The rows of Parquet files, with what their folders tell.

    ``partitions`` are the types of what they tell, where DuckDB is not to guess them; ``file_as``
    is the column that tells a row's file, if one is to; ``file_row_number`` its place there, from
    0, where they ``are_numbered``.
    """
    listed_files = ", ".join(literal(str(file)) for file in files)
    types = ", ".join(f"'{name}': {kind}" for name, kind in (partitions or {}).items())
    typed = f", hive_types = {{{types}}}" if types else ""
    told = f", filename = '{file_as}'" if file_as else ""
    told += ", file_row_number = true" if are_numbered else ""
    return f"read_parquet([{listed_files}], hive_partitioning = true{typed}{told})"


def copy(duck: duckdb.DuckDBPyConnection, rows: str, to: Path, options: str = "") -> None:
    """Write the rows of a query to a Parquet file, or with ``options`` to a folder."""
    duck.execute(f"COPY ({rows}) TO {literal(str(to))} (FORMAT parquet, CODEC zstd{options})")


def spread(
    duck: duckdb.DuckDBPyConnection,
    rows: str,
    place: Path,
    partitions: Sequence[str],
    beside: Path,
    prefix: str,
) -> list[Path]:
    """Write the rows of a query below ``place``, in the folders of their partitions; the files.

    They are written in the folder ``beside`` first; one that a killed build left is removed. Their
    names begin with ``prefix``.
    """
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        if partitions:
            duck.execute(f"SET partitioned_write_max_open_files = {_OPEN_FILES}")
            by = f", PARTITION_BY ({listed(partitions)}), FILENAME_PATTERN '{prefix}-{{uuid}}'"
            sizes = f"ROW_GROUP_SIZE {_ROW_GROUP_ROWS}, DICTIONARY_SIZE_LIMIT {_MOST_WORDS}"
            copy(duck, rows, beside, f"{by}, {sizes}")
        else:
            copy(duck, rows, beside / f"{prefix}-{uuid.uuid4()}.parquet")
        files = []
        for written in sorted(beside.rglob("*.parquet")):
            if pq.read_metadata(written).num_rows:
                file = place / unquote(str(written.relative_to(beside)))
                file.parent.mkdir(parents=True, exist_ok=True)
                files.append(written.rename(file))
        return files
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def told_alike(column: str, rows: str, keys: str) -> str:
    """Whether a row has the column of a key, which is told as text."""
    return f'CAST({rows}."{column}" AS VARCHAR) IS NOT DISTINCT FROM {keys}."{column}"'


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Columns, whose names may begin with a prefix."""
    return ", ".join(f'"{prefix}{name}"' for name in names)
