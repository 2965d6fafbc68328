"""Landing files: one parquet file per entity and day, whole or not there at all.

Numbers are turned into texts a batch at a time by DuckDB and written by Arrow (docs/decisions/0012).
"""

import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq

from retail.generator.rows import Rows, count, to_arrow
from retail.generator.world import EPOCH

WRITING = ".writing"
# Rows that are texts at a time, and those of a row group.
BATCH = 131_072
_connections = threading.local()


class Files:
    """An entity's files of some days, each filled from its first row to its last.

    ``texts`` is DuckDB's SQL from rows of ``numbers`` to the contract's columns. Files are written
    beside and moved into place at the end: a run that is killed leaves no half file. Files of other
    days stay; a day without rows has none.
    """

    def __init__(self, output: Path, entity: str, texts: str, suffix: str = "") -> None:
        self.beside, self.target = output / WRITING / entity, output / entity
        self.texts, self.suffix = texts, suffix
        self.writers: dict[str, pq.ParquetWriter] = {}
        self.count = 0
        for folder in (self.beside, self.target):
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, day: int, rows: Rows) -> None:
        """Write rows at the end of the day's file."""
        name = f"{EPOCH + timedelta(day)}{self.suffix}.parquet"
        for first in range(0, count(rows), BATCH):
            batch = {column: values[first : first + BATCH] for column, values in rows.items()}
            connection = _connection()
            connection.register("numbers", to_arrow(batch))
            landed = connection.execute(self.texts).to_arrow_table()
            if name not in self.writers:
                self.writers[name] = pq.ParquetWriter(self.beside / name, landed.schema)
            self.writers[name].write_table(landed)
            self.count += landed.num_rows

    def close(self) -> int:
        """Put the files where they belong; the rows in them."""
        for name, writer in self.writers.items():
            writer.close()
            os.replace(self.beside / name, self.target / name)
        return self.count


def by_day(rows: Rows, day: str, start: int, end: int) -> list[tuple[int, Rows]]:
    """The rows of each day of a range, in their order."""
    order = np.argsort(rows[day], kind="stable")
    bounds = np.searchsorted(rows[day], np.arange(start, end + 2), sorter=order)
    days = zip(range(start, end + 1), bounds[:-1], bounds[1:], strict=True)
    return [(on, {n: v[order[a:b]] for n, v in rows.items()}) for on, a, b in days if a < b]


def clear(output: Path) -> None:
    """Remove what is being written, and what a killed run left."""
    shutil.rmtree(output / WRITING, ignore_errors=True)


def _connection() -> duckdb.DuckDBPyConnection:
    """One a thread: opening costs as much as a day of the default retailer."""
    if not hasattr(_connections, "open"):
        _connections.open = duckdb.connect()
        _connections.open.execute("SET threads = 1; SET TimeZone = 'UTC'")
    return _connections.open
