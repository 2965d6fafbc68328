"""Landing files: one parquet file per entity and day, whole or not there at all."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from retail.generator.timeline import FILE_DATE

WRITING = ".writing"


def write_days(rows: DataFrame, output: Path, entity: str) -> int:
    """Write the rows by FILE_DATE to ``output/entity/YYYY-MM-DD.parquet`` and count them.

    Spark writes beside, finished files move into place: a run that is killed leaves no half file.
    Files of other days stay.
    """
    beside = output / WRITING / entity
    shutil.rmtree(beside, ignore_errors=True)
    rows.write.partitionBy(FILE_DATE).parquet(str(beside))
    target = output / entity
    target.mkdir(parents=True, exist_ok=True)
    count = 0
    for folder in sorted(beside.glob(f"{FILE_DATE}=*")):
        (part,) = folder.glob("*.parquet")
        count += pq.read_metadata(part).num_rows
        os.replace(part, target / f"{folder.name.partition('=')[2]}.parquet")
    shutil.rmtree(beside)
    return count
