"""Files that Spark, DuckDB or a kernel wrote, put into a table by a commit that needs no Spark.

Delta computes a table's state by jobs of its own for each commit; deltalake has it in a millisecond
(decisions 0027, 0028).
"""

import json
import shutil
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import plain, storage
from lakehouse.bounds import added, honest
from lakehouse.log import Record, commit_properties
from lakehouse.schema import Column, delta_json
from lakehouse.session import during, side_by_side
from lakehouse.storage import Place

# Where Spark writes first, in the folder of the table: no reader looks there, nor does VACUUM.
_BESIDE = "_written"
# A column by which rows are only told apart.
_APART = "_apart"
_OPTIONS = {
    "partitionOverwriteMode": "static",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
# What tables ask of their writers that deltalake, or Parquet by itself, does.
_FEATURES = {"appendOnly", "invariants", "changeDataFeed", "checkConstraints", "timestampNtz"}
# Bytes of a partition's new files up to which they are made one: some hundred thousand rows.
_COMPACTED_BYTES = 8 * 1024 * 1024


def opened(place: Place) -> DeltaTable | None:
    """The table, for its caller to commit to, where it lies in a folder and files put into it are
    all that Delta's own writer would leave; else None.
    """
    if not isinstance(place, Path):
        return None
    table = storage.delta(place)
    fits = plain.schema(table) is not None and takes(table)
    return storage.fresh(place, table.version()) if fits else None


def takes(table: DeltaTable) -> bool:
    """Whether deltalake may commit to a table, and files alone meet all that is asked of them."""
    features = set(table.protocol().writer_features or ())
    asked = [name for name in table.metadata().configuration if name.startswith("delta.constraint")]
    told = [key for field in table.schema().fields for key in field.metadata]
    return features <= _FEATURES and not asked and not any(k.startswith("delta.") for k in told)


def write(
    rows: DataFrame,
    place: Path,
    partitions: Sequence[str],
    bounded: Iterable[str],
    apart: str | None = None,
    **options: str | int,
) -> list[AddAction]:
    """Write rows into the folders of a table; the add actions of the files.

    ``partitions`` are days and whole numbers; ``bounded`` the columns whose least and most are
    told, where they are whole numbers, texts, days or moments; ``options`` are those of Spark's
    writer. A file has rows of one value of the column ``apart`` alone, which is no partition. Until
    they are committed, the files are in no version; VACUUM removes what stays so.
    """
    beside = place / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    folders = [*partitions, _APART] if apart else partitions
    rows = rows.withColumn(_APART, F.col(apart)) if apart else rows
    spark = rows.sparkSession
    with during(spark, side_by_side(spark) if apart else {}):
        rows.write.partitionBy(*folders).options(**_OPTIONS, **options).parquet(str(beside))
    actions = []
    for written in sorted(beside.rglob("*.parquet")):
        if not pq.read_metadata(written).num_rows:
            continue
        file = place / written.relative_to(beside)
        if apart:  # a task calls its files alike in all folders; one with _ before it is hidden
            value = file.parent.name.partition("=")[2].strip("_")
            file = file.parent.parent / f"{value}-{file.name}"
        file.parent.mkdir(parents=True, exist_ok=True)
        written.rename(file)
        actions.append(added(file, place, tuple(bounded)))
    shutil.rmtree(beside, ignore_errors=True)
    return actions


def compacted(files: Sequence[AddAction], place: Path, bounded: Iterable[str]) -> list[AddAction]:
    """Add actions of the files, those of a partition compacted into one where together they are
    few bytes: each task wrote its own. The small ones are removed; none may be in a version yet.
    """
    folders: dict[Path, list[AddAction]] = {}
    for file in files:
        folders.setdefault((place / file.path).parent, []).append(file)
    kept = []
    for folder, held in folders.items():
        if len(held) == 1 or sum(file.size for file in held) > _COMPACTED_BYTES:
            kept += held
            continue
        paths = [place / file.path for file in held]
        rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])
        compact = folder / f"compacted-{paths[0].name}"
        pq.write_table(rows, compact, compression="zstd", store_decimal_as_integer=True)
        for path in paths:
            path.unlink()
        kept.append(added(compact, place, tuple(bounded)))
    return kept


def commit(
    table: DeltaTable,
    files: Sequence[AddAction],
    days: tuple[str, Iterable[date]] | None,
    record: Record | None,
    mode: Literal["append", "overwrite"] = "overwrite",
    columns: tuple[Column, ...] = (),
) -> None:
    """Replace those days, or the whole table, by files: one commit upon the version of ``table``.

    With mode append they are added. ``days`` are a column and its values; ``columns`` are those of
    the table from now on, where they are others. Raises ValueError, with nothing committed, for
    files of other days; refused where another commit came first, upon which it was not made.
    """
    column, values = days or ("", ())
    chosen = sorted(str(day) for day in values)
    held = {one.partition_values.get(column) for one in files if days}
    if strange := held - set(chosen):
        raise ValueError(f"rows of {column} {strange.pop()} are none of the days to replace")
    table.create_write_transaction(
        [honest(file, table) for file in files],
        mode if chosen or not days else "append",
        DeltaSchema.from_json(json.dumps(delta_json(columns))) if columns else table.schema(),
        partition_by=table.metadata().partition_columns,
        partition_filters=[(column, "in", chosen)] if days else None,
        commit_properties=commit_properties(record, retries=0),
    )


def append(
    rows: DataFrame,
    table: DeltaTable,
    place: Path,
    bounded: Iterable[str],
    record: Record | None,
) -> bool:
    """Add rows by one commit; False, with nothing committed, where there are none."""
    partitions = table.metadata().partition_columns
    files = write(rows, place, partitions, bounded)
    if files:
        commit(table, files, None, record, "append")
    return bool(files)
