"""Whether keys repeat in new files, before they are committed."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from lakehouse.schema import literal

# Of hashes that are more, DuckDB keeps the rest on the disk.
_MEMORY = "3GB"


def parquet(files: Iterable[Path | str], partitions: Mapping[str, str] | None = None) -> str:
    """The rows of Parquet files as DuckDB reads them, with what their folders tell.

    ``partitions`` are the types of what they tell, where DuckDB is not to guess them.
    """
    listed = ", ".join(literal(str(file)) for file in files)
    types = ", ".join(f"'{name}': {kind}" for name, kind in (partitions or {}).items())
    typed = f", hive_types = {{{types}}}" if types else ""
    return f"read_parquet([{listed}], hive_partitioning = true{typed})"


def repeats(files: Sequence[Path], key: Sequence[str]) -> bool:
    """Whether two rows seem to have the same key, as their keys have the same hash, or it cannot be
    told: DuckDB tells it for a tenth of what Spark takes.
    """
    if not files:
        return False
    columns = ", ".join(f'"{name}"' for name in key)
    with tempfile.TemporaryDirectory() as spilled:
        config = {"memory_limit": _MEMORY, "temp_directory": spilled}
        try:
            with duckdb.connect(config=config) as connection:
                found = connection.execute(
                    f"SELECT 1 FROM {parquet(files)} GROUP BY hash({columns})"
                    " HAVING count(*) > 1 LIMIT 1"
                ).fetchone()
        except duckdb.Error:
            return True
    return found is not None
