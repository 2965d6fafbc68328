"""Landing files: one parquet file per entity and day, whole or not there at all."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame

from retail.generator.world import EPOCH

WRITING = ".writing"
# Ids hardly repeat within a file: building a dictionary of them and giving it up takes time.
_NO_DICTIONARY = ("event_id", "session_id", "transaction_id", "order_id")


def by_file(rows: DataFrame, day: Column, start: int, end: int, *order: str) -> DataFrame:
    """The rows of each day's file in a partition of its own, counted from ``start``.

    The order makes a file's bytes the same in every run.
    """
    placed = rows.repartitionById(end - start + 1, (day - start).cast("int"))
    return placed.sortWithinPartitions(*order)


def write_days(rows: DataFrame, output: Path, entity: str, start: int) -> int:
    """Write rows placed ``by_file`` to ``output/entity/YYYY-MM-DD.parquet`` and count them.

    Spark writes beside, finished files move into place: a run that is killed leaves no half file.
    Files of other days stay; a day without rows has none.
    """
    beside = output / WRITING / entity
    shutil.rmtree(beside, ignore_errors=True)
    plain = {f"parquet.enable.dictionary#{name}": "false" for name in _NO_DICTIONARY}
    rows.write.options(**plain).parquet(str(beside))
    target = output / entity
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for part in sorted(beside.glob("part-*.parquet")):
        if written := pq.read_metadata(part).num_rows:
            day = EPOCH + timedelta(start + int(part.name.split("-")[1]))
            os.replace(part, target / f"{day}.parquet")
            count += written
    shutil.rmtree(beside)
    return count
