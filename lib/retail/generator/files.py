"""Landing files: one parquet file per entity and day, whole or not there at all.

Spark computes numbers; each task turns those of its day into texts and writes the file, a batch at a
time, by DuckDB and Arrow: cheaper than texts in Spark's rows (docs/decisions/0012).
"""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame

from retail.generator.world import EPOCH

WRITING = ".writing"
AS_THEY_ARE = "SELECT * FROM numbers"


def by_file(rows: DataFrame, day: Column, start: int, end: int, *order: str) -> DataFrame:
    """The rows of each day's file in a partition of its own, counted from ``start``.

    The order makes a file's bytes the same in every run.
    """
    placed = rows.repartitionById(end - start + 1, (day - start).cast("int"))
    return placed.sortWithinPartitions(*order)


def write_days(rows: DataFrame, texts: str, output: Path, entity: str, start: int) -> int:
    """Write rows placed ``by_file`` to ``output/entity/YYYY-MM-DD.parquet`` and count them.

    ``texts`` is DuckDB's SQL from rows of ``numbers`` to the contract's columns. Files are written
    beside and moved into place: a run that is killed leaves no half file. Files of other days stay;
    a day without rows has none.
    """
    beside, target = output / WRITING / entity, output / entity
    shutil.rmtree(beside, ignore_errors=True)
    for folder in (beside, target):
        folder.mkdir(parents=True, exist_ok=True)
    written = rows.mapInArrow(
        _writer(str(beside), texts), "file STRING, row_count BIGINT"
    ).collect()
    for file, _ in written:
        day = EPOCH + timedelta(start + int(Path(file).name.partition("-")[0]))
        os.replace(file, target / f"{day}.parquet")
    shutil.rmtree(beside)
    return sum(count for _, count in written)


def _writer(
    folder: str, texts: str
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What a task does with its rows: write them, and say where and how many."""

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import duckdb
        import pyarrow.parquet as pq
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        file = f"{folder}/{context.partitionId()}-{context.taskAttemptId()}.parquet"
        connection = duckdb.default_connection()  # one a worker: opening costs as much as a day
        connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
        count, writer = 0, None
        for batch in batches:
            connection.register("numbers", pa.Table.from_batches([batch]))
            landed = connection.execute(texts).to_arrow_table()
            writer = writer or pq.ParquetWriter(file, landed.schema)
            writer.write_table(landed)
            count += landed.num_rows
        if writer:
            writer.close()
            yield pa.RecordBatch.from_pydict({"file": [file], "row_count": [count]})

    return write
