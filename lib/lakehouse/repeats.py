"""Whether keys repeat in files, told by DuckDB for a tenth of what Spark takes."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from lakehouse.schema import literal

# Of keys and hashes that are more, DuckDB keeps the rest on the disk.
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
    """Whether two rows of new files seem to have the same key, as their keys have the same hash, or
    it cannot be told.
    """
    if not files:
        return False
    try:
        with _connected() as connection:
            found = connection.execute(
                f"SELECT 1 FROM {parquet(files)} GROUP BY hash({_listed(key)})"
                " HAVING count(*) > 1 LIMIT 1"
            ).fetchone()
    except duckdb.Error:
        return True
    return found is not None


def write_known_keys(
    landed: Sequence[Path], held: Sequence[Path], key: Sequence[str], output: Path
) -> tuple[int, str | None, str | None] | None:
    """Write to ``output`` the keys of landed files that a table must MERGE: those that repeat, are
    in the files that it holds, or lack a part.

    Returns how many, and the least and the most of their first column; None where that cannot be
    told.
    """
    keys, first = _listed(key), f'"{key[0]}"'
    came = f"SELECT {keys}, count(*) AS rows FROM {parquet(landed)} GROUP BY ALL"
    lacking = " OR ".join(f'"{name}" IS NULL' for name in key)
    wanted = f"WITH came AS ({came}) SELECT {keys} FROM came WHERE rows > 1 OR {lacking}"
    if held:
        # Joined by itself, with bounds: of the table, the larger side by far, little is then read.
        bounds = f"(SELECT min({first}) FROM came) AND (SELECT max({first}) FROM came)"
        there = f"SELECT {keys} FROM {parquet(held)} WHERE {first} BETWEEN {bounds}"
        wanted += f" UNION SELECT {keys} FROM came SEMI JOIN ({there}) USING ({keys})"
    try:
        with _connected() as connection:
            connection.execute(f"COPY ({wanted}) TO {literal(str(output))}")
            told = f"SELECT count(*), min({first}), max({first}) FROM {parquet([output])}"
            return connection.execute(told).fetchone()
    except duckdb.Error:
        return None


def _listed(key: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in key)


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    with tempfile.TemporaryDirectory() as spilled:
        config = {"memory_limit": _MEMORY, "temp_directory": spilled}
        with duckdb.connect(config=config) as connection:
            yield connection
