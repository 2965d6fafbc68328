"""Writing a table: one commit, with the record of what it was built from inside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.transaction import AddAction
from pyspark.sql import Column, DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lakehouse import merging, register, storage
from lakehouse.catalogue import Table
from lakehouse.changes import Affected, dates, skipping, within
from lakehouse.declare import Days, History, Keys, partitions
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame, Verdict
from lakehouse.invoke import call
from lakehouse.log import Log, Record, create
from lakehouse.named import Name
from lakehouse.schema import struct
from lakehouse.session import current, during, side_by_side
from lakehouse.storage import Place
from lakehouse.type2 import IS_CURRENT

_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
_MATERIALIZE = "spark.databricks.delta.merge.materializeSource"
# A difference of at most so many rows is told to be that small, for Spark to send it to every task,
# or to have it hashed where rows are inserted: the table need not be sorted for it.
_TOLD_ROWS = 500_000
_JOINED = {
    "spark.sql.autoBroadcastJoinThreshold": "64m",
    "spark.sql.join.preferSortMergeJoin": "false",
}
# How the metrics of a MERGE call the rows that it wrote, by Spark and by DuckDB or deltalake.
MERGED = (
    "numTargetRowsInserted",
    "numTargetRowsUpdated",
    "num_target_rows_inserted",
    "num_target_rows_updated",
)
# Rows come sorted by key from the windows that made them, but those appended as they landed: cut
# into files, each holds a range of keys, and a later MERGE reads and rewrites those of its keys.
ROWS_A_FILE = 1_000_000


@dataclass(frozen=True)
class Target:
    """A table and where it lies; ``is_clustered`` rows come with each partition's together."""

    table: Table
    path: Place
    is_clustered: bool = False

    @property
    def sql(self) -> str:
        return storage.sql(self.path)

    @property
    def partition(self) -> str | None:
        return self.table.declaration.scope.partition

    @property
    def partitions(self) -> list[str]:
        return partitions(self.table.declaration.scope)

    @property
    def is_declared(self) -> bool:
        """Whether the table that is there has the declared columns and partitions."""
        return Log(self.path).holds(self.table.columns, self.partitions)

    def create(self) -> None:
        """Create the table, empty, with its comments; nothing where it exists."""
        create(
            self.path, self.table.columns, self.table.comment, self.partitions, self.table.filtered
        )


@dataclass(frozen=True)
class WrittenDays:
    """Files in the folder of a table, and the table upon whose version they are to be committed."""

    table: DeltaTable
    files: list[AddAction]


def shaped(rows: DataFrame, table: Table) -> DataFrame:
    """The declared columns in their order.

    Raises LakehouseError where the function's columns or types differ from the declaration.
    """
    wanted = struct(table.columns)
    made = {field.name: field.dataType for field in rows.schema.fields if field.name[0] != "_"}
    if missing := [name for name in wanted.names if name not in made]:
        raise LakehouseError(
            f"{table.place}: {table.name} returns no column {', '.join(missing)}; its schema"
            " declares it, so add it to the select or drop it from the schema."
        )
    for field in wanted.fields:
        if made[field.name] != field.dataType:
            raise LakehouseError(
                f"{table.place}: {table.name}.{field.name} is {made[field.name].simpleString()},"
                f" declared {field.dataType.simpleString()}; cast it or correct the schema."
            )
    return rows.select(*wanted.names)


def made(spark: SparkSession, frame: Frame, verdict: Verdict, part: Affected) -> DataFrame:
    """The affected part of a table as its function makes it, in its declared shape.

    Raises LakehouseError as ``shaped`` does.
    """
    table = verdict.table
    return within(table, shaped(call(spark, frame, verdict, part), table), part)


def store(
    rows: DataFrame,
    target: Target,
    part: Affected,
    record: Record,
    by_key: Callable[[DataFrame, Target, Affected, Record], None] | None = None,
) -> None:
    """Write the affected part, keys by MERGE or in the way given; the record in the same commit."""
    if part.is_whole:
        overwrite(rows, target, record)
    elif part.keys is None:
        replace_days(rows, target, part, record)
    elif part.key_count:
        (by_key or replace_keys)(rows, target, part, record)
    record_anyway(target, record)


def overwrite(rows: DataFrame, target: Target, record: Record) -> None:
    """Replace the whole table, and its columns and comments where they were others."""
    target.create()
    log = Log(target.path)
    if log.holds(target.table.columns, target.partitions):
        _put(_clustered(rows, target), target, record, "overwrite" if log.file_count else "append")
    else:
        fields = struct(target.table.columns).fields
        described = [F.col(f.name).alias(f.name, metadata=f.metadata) for f in fields]
        rows = rows.select(*described)
        _save(_clustered(rows, target), target, record, overwriteSchema="true")


def replace_days(rows: DataFrame, target: Target, part: Affected, record: Record) -> None:
    """Replace the affected days; nothing where none can be told."""
    scope = target.table.declaration.scope
    assert isinstance(scope, Days)
    if not part.known_days:
        return
    if made := write_days(rows, target):
        commit_days(made, target, part, record)
    else:
        _save(_clustered(rows, target), target, record, replaceWhere=skipping(part, scope))


def write_days(rows: DataFrame, target: Target) -> WrittenDays | None:
    """Files of the rows, in no version yet, and the table as it was before they were written.

    None where Delta's own writer is needed.
    """
    table = _registrable(target)
    return WrittenDays(table, _written(_clustered(rows, target), target)) if table else None


def commit_days(made: WrittenDays, target: Target, part: Affected, record: Record) -> None:
    """Replace the affected days by files that were written for them."""
    column, days = str(target.partition), part.known_days
    # Else nothing would change: the record alone is committed (record_anyway).
    if made.files or Log(target.path).days(column) & set(days):
        register.commit(made.table, made.files, (column, days), record)


def commit_all(made: WrittenDays, target: Target, record: Record) -> None:
    """Replace the whole table by files that were written for it."""
    register.commit(made.table, made.files, None, record)


def commit_more(made: WrittenDays, target: Target, record: Record, version: int) -> None:
    """Add files that were written for new rows upon a version of the table; the record in any case.

    Refused as ``register.commit`` is.
    """
    if not made.files:
        progress(target, record)
        return
    place = cast(Path, target.path)
    files = register.compacted(made.files, place, target.table.filtered)
    register.commit(storage.fresh(place, version), files, None, record, "append")


def _registrable(target: Target) -> DeltaTable | None:
    """The table, where it takes files without Delta's own writer and is as declared."""
    table = register.opened(target.path)
    return table if table and target.is_declared else None


def replace_keys(rows: DataFrame, target: Target, part: Affected, record: Record) -> None:
    """Turn the present rows of the affected keys into ``rows``, and write those that differ.

    In a folder Spark makes the rows and DuckDB merges them (decision 0035). Elsewhere Spark merges;
    rows that all are new it appends.
    """
    table, keys = target.table, part.keys
    scope, key = table.declaration.scope, table.declaration.key
    assert keys is not None
    if target.is_declared and (opened := merging.opened(target.path, keys.columns)):
        place, days = cast(Path, target.path), map(str, part.known_days)
        merging.merge(rows, keys, opened, place, key, table.filtered, days, record)
        return
    there = storage.read(rows.sparkSession, target.path)
    present = within(table, there.where(skipping(part, scope)), part)
    difference = _difference(rows, present.select(*rows.columns), table, target.partition)
    # Computed once; Delta refuses to read a persisted source without a copy of its own.
    difference = difference.localCheckpoint()
    found = difference.agg(
        F.count("*").alias("rows"),
        F.count_if("_is_new").alias("new"),
        F.count_if("_deleted").alias("gone"),
        *_partitions(target.partition),
    ).first()
    assert found is not None
    if not found.rows:
        return
    if found.rows == found.new:
        _put(_clustered(difference.select(*rows.columns), target), target, record, "append")
        return
    literals = [skipping(part, scope, "t.")] if isinstance(scope, Keys) else []
    if target.partition:
        literals.append(f"t.{target.partition} IN ({dates({*found.days, *found.old_days})})")
    _merge(difference, target, record, literals, found)


def append(rows: DataFrame, target: Target, record: Record) -> None:
    """Add rows by one commit, which is made for no rows too; new columns are new in the table."""
    if target.is_declared:
        _put(rows, target, record, "append")
    else:
        _save(rows, target, record, "append", mergeSchema="true")
    record_anyway(target, record)


def progress(target: Target, record: Record) -> None:
    """Commit the record alone: nothing to write is still progress."""
    target.create()
    append_nothing(target.path, record)


def append_nothing(place: Place, record: Record) -> None:
    """Commit a record and no rows, without Spark where deltalake may."""
    if not isinstance(place, Name) and register.takes(table := storage.delta(place)):
        none = pa.schema(table.schema()).empty_table()
        storage.write_arrow(place, none, "append", record.json())
        return
    # With a transaction Delta commits an append of no rows, which it else leaves out; and commits
    # it once: a finished record comes second.
    number = "2" if record.is_finished else "1"
    transaction = {"txnAppId": f"lakehouse-{record.batch}", "txnVersion": number}
    rows = storage.read(current(), place).limit(0)
    writer = rows.write.format("delta").mode("append").option("userMetadata", record.json())
    storage.save(writer.options(**transaction), place)


def record_anyway(target: Target, record: Record) -> None:
    """Commit the record where the write did not: no rows make no commit."""
    kept = Log(target.path).record()
    if kept is None or kept.batch != record.batch:
        progress(target, record)


def _difference(
    rows: DataFrame, present: DataFrame, table: Table, partition: str | None
) -> DataFrame:
    """Rows to upsert or delete: wanted against present, equal ones left out."""
    key = table.declaration.key
    numbered = [F.col(k).alias(f"_k{i}") for i, k in enumerate(key)]
    new = rows.select(*numbered, F.struct("*").alias("_new"))
    old = present.select(*numbered, F.struct("*").alias("_old"))
    both = new.join(old, [f"_k{i}" for i in range(len(key))], "full_outer")
    differing = both.where(~F.col("_new").eqNullSafe(F.col("_old")))
    deleted = F.col("_new").isNull()
    columns = [
        F.coalesce(F.col(f"_k{key.index(name)}"), F.lit(None)).alias(name)
        if name in key
        else F.col(f"_new.{name}").alias(name)
        for name in rows.columns
    ]
    old_day = [F.col(f"_old.{partition}").alias("_old_day")] if partition else []
    flags = [deleted.alias("_deleted"), F.col("_old").isNull().alias("_is_new")]
    return differing.select(*columns, *flags, *old_day)


def _partitions(partition: str | None) -> list[Column]:
    if not partition:
        return []
    days = F.collect_set(partition).alias("days")
    return [days, F.collect_set("_old_day").alias("old_days")]


def _merge(
    difference: DataFrame, target: Target, record: Record, literals: list[str], found: Row
) -> None:
    """Apply a difference, of which ``found`` counts the rows, those new and those gone.

    With an insert Delta joins outer, for which the table is shuffled: none where nothing is new.
    """
    spark = difference.sparkSession
    columns = [c for c in difference.columns if not c.startswith("_")]
    key = target.table.declaration.key
    condition = " AND ".join([*(f"t.`{k}` = s.`{k}`" for k in key), *literals])
    assignments = ", ".join(f"t.`{c}` = s.`{c}`" for c in columns)
    names = ", ".join(f"`{c}`" for c in columns)
    values = ", ".join(f"s.`{c}`" for c in columns)
    clauses = {
        "MATCHED AND s._deleted THEN DELETE": found.gone,
        f"MATCHED THEN UPDATE SET {assignments}": found.rows - found.new - found.gone,
        f"NOT MATCHED AND NOT s._deleted THEN INSERT ({names}) VALUES ({values})": found.new,
    }
    wanted = " ".join(f"WHEN {clause}" for clause, number in clauses.items() if number)
    # The difference is computed already. Change images have a folder of their own beside the rows:
    # with one writer all would be sorted by it.
    changed = {_MATERIALIZE: "none"} | side_by_side(spark)
    if found.rows <= _TOLD_ROWS:
        # The limit takes nothing away, it says how many there are; all pass through one task.
        difference, changed = difference.limit(found.rows), changed | _JOINED
    with during(spark, changed):
        merge(difference, target, record, f"ON {condition} {wanted}")


def merge(source: DataFrame, target: Target, record: Record, clauses: str) -> None:
    """One MERGE of ``source`` (s) into the target (t), the record in its commit."""
    spark = source.sparkSession
    source.createOrReplaceTempView("_source")
    try:
        with during(spark, {_METADATA: record.json()}):
            spark.sql(f"MERGE INTO {target.sql} t USING _source s {clauses}")
    finally:
        spark.catalog.dropTempView("_source")


def _clustered(rows: DataFrame, target: Target) -> DataFrame:
    """One partition's rows together, so that a day is a file and not one a task."""
    if target.is_clustered or not target.partition:
        return rows
    return rows.hint("rebalance", *target.partitions)


def _put(
    rows: DataFrame, target: Target, record: Record, mode: Literal["append", "overwrite"]
) -> None:
    """Add rows to a table that is as declared, or replace all."""
    if not (table := register.opened(target.path)):
        _save(rows, target, record, mode)
    elif (files := _written(rows, target)) or mode == "overwrite":
        register.commit(table, files, None, record, mode)


def _written(rows: DataFrame, target: Target) -> list[AddAction]:
    """Files of the rows, in the folder of the table and in no version of it.

    Open versions lie apart from closed ones, which most batches then need not rewrite (decision
    0030).
    """
    is_history = isinstance(target.table.declaration.scope, History)
    apart = IS_CURRENT if is_history and IS_CURRENT in rows.columns else None
    path, bounded = cast(Path, target.path), target.table.filtered
    return register.write(rows, path, target.partitions, bounded, apart, **_cut(target))


def _cut(target: Target) -> dict[str, int]:
    """How Spark's writer is to cut rows into files."""
    is_by_keys = isinstance(target.table.declaration.scope, Keys)
    return {"maxRecordsPerFile": ROWS_A_FILE} if is_by_keys and not target.partition else {}


def _save(
    rows: DataFrame, target: Target, record: Record, mode: str = "overwrite", **options: str
) -> None:
    writer = rows.write.format("delta").mode(mode).option("userMetadata", record.json())
    if "overwriteSchema" in options:  # said again of a table by name, partitions replace the table
        writer = writer.partitionBy(*target.partitions)
    storage.save(writer.options(**_cut(target), **options), target.path)


def files_and_bytes(path: Place, version: int | None = None) -> tuple[int, int, int]:
    """Rows, files and bytes that the newest commit wrote, or that of a version."""
    log = Log(path, version)
    m = log.last_metrics()
    # A MERGE also counts the rows it copies beside the changed ones as its output.
    merged = [m[name] for name in MERGED if name in m]
    rows = sum(merged) if merged else m.get("numOutputRows", 0)
    added = log.last_added()
    if not m:  # registered files: such a commit tells nothing of itself
        rows = added.rows
    return m.get("num_added_rows", rows), added.files, added.bytes
