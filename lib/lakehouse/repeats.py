"""Whether keys repeat in files, told by DuckDB for a tenth of what Spark takes, or by numpy."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from lakehouse.codes import codes, shared
from lakehouse.duck import connected, listed, parquet
from lakehouse.schema import literal

# At most so many keys have a place each, by the words of their parts, to see which come again.
_PLACES = 2**28


def repeats(files: Sequence[Path], key: Sequence[str]) -> bool:
    """Whether two rows of new files seem to have the same key, as their keys have the same hash, or
    it cannot be told.
    """
    if not files:
        return False
    if (found := _repeat_by_words(files, key)) is not None:
        return found
    try:
        with connected() as connection:
            found = connection.execute(
                f"SELECT 1 FROM {parquet(files)} GROUP BY hash({listed(key)})"
                " HAVING count(*) > 1 LIMIT 1"
            ).fetchone()
    except duckdb.Error:
        return True
    return found is not None


def _repeat_by_words(files: Sequence[Path], key: Sequence[str]) -> bool | None:
    """The same by the words that many rows share, as those of store and product: a seventh of what
    hashing takes. None where a part of the key is otherwise, or keys would have too many places.
    """
    by_folder: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        told = tuple(part for part in file.parts[:-1] if part.partition("=")[0] in key)
        by_folder.setdefault(told, []).append(file)
    for told, some in by_folder.items():
        columns = [name for name in key if not any(part.startswith(f"{name}=") for part in told)]
        if not columns or not all(shared(file) >= set(columns) for file in some):
            return None
        tables = [
            pq.read_table(file, columns=columns, read_dictionary=columns, partitioning=None)
            for file in some
        ]
        found, places = codes(tables, columns)
        if places > _PLACES:
            return None
        seen = np.zeros(places, bool)
        for part in found:
            seen[part] = True
        if np.count_nonzero(seen) < sum(map(len, found)):
            return True
    return False


def write_known_keys(
    landed: Sequence[Path], held: Sequence[Path], key: Sequence[str], output: Path
) -> tuple[int, str | None, str | None] | None:
    """Write to ``output`` the keys of landed files that a table must MERGE: those that repeat, are
    in the files that it holds, or lack a part.

    Returns how many, and the least and the most of their first column; None where that cannot be
    told.
    """
    keys, first = listed(key), f'"{key[0]}"'
    came = f"SELECT {keys}, count(*) AS rows FROM {parquet(landed)} GROUP BY ALL"
    lacking = " OR ".join(f'"{name}" IS NULL' for name in key)
    wanted = f"WITH came AS ({came}) SELECT {keys} FROM came WHERE rows > 1 OR {lacking}"
    if held:
        # Joined by itself, with bounds: of the table, the larger side by far, little is then read.
        bounds = f"(SELECT min({first}) FROM came) AND (SELECT max({first}) FROM came)"
        there = f"SELECT {keys} FROM {parquet(held)} WHERE {first} BETWEEN {bounds}"
        wanted += f" UNION SELECT {keys} FROM came SEMI JOIN ({there}) USING ({keys})"
    try:
        with connected() as connection:
            connection.execute(f"COPY ({wanted}) TO {literal(str(output))}")
            told = f"SELECT count(*), min({first}), max({first}) FROM {parquet([output])}"
            return connection.execute(told).fetchone()
    except duckdb.Error:
        return None
