"""``ops.quarantine``: rejected records, merged on their id before the good rows are written."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import register, storage
from lakehouse.catalogue import Table
from lakehouse.changes import Affected
from lakehouse.declare import ROW, SOURCE_FILE, Days, Keys
from lakehouse.expressions import all_of, as_json
from lakehouse.landing import ledger as landing_files
from lakehouse.own import ensure as ensure_own
from lakehouse.quality import RECORD, is_rejected, rejected
from lakehouse.storage import Place

NAME = "quarantine"
GRAIN = "One row per rejected record."
DDL = """
    record_id     STRING NOT NULL COMMENT 'Hash of table, file, landed record and occurrence',
    table_name    STRING NOT NULL COMMENT 'Staging table that rejected the record',
    record_key    STRING COMMENT 'Scope columns of the record, as JSON',
    rules         ARRAY<STRING> COMMENT 'Rules that the record breaks',
    reasons       ARRAY<STRING> COMMENT 'One sentence a rule, with the values',
    source_file   STRING COMMENT 'Path below the landing folder',
    row_no        BIGINT COMMENT 'Place in the file, from 1: row of parquet, record of a text file',
    batch_id      STRING COMMENT 'Build that loaded the record',
    first_seen_at TIMESTAMP COMMENT 'When it was first rejected, UTC',
    raw_record    STRING COMMENT 'The record as it landed, as JSON',
    status        STRING NOT NULL COMMENT 'quarantined; released: passes now; withdrawn: its file or its mapping changed'
"""
# So many rejects deltalake merges into a quarantine of so many rows: the driver holds them.
FEW_ROWS, SMALL = 50_000, 1_000_000
_MERGE = threading.Lock()


def ensure(lake: Place) -> Place:
    """Create the table where it does not exist; returns its path."""
    path = lake / "ops" / NAME
    with _MERGE:
        ensure_own(path, DDL, GRAIN)
    return path


def put_aside(rows: DataFrame, table: Table, part: Affected, path: Place) -> None:
    """Bring the table's quarantine up to the judged ``rows`` of the affected part.

    New rejects are added, known ones keep when they were first seen, and those that are gone or
    pass now change status. A second call changes nothing.
    """
    columns = _scope_columns(table)
    if not known(path, table):  # the first of a table: nothing to compare with
        with _MERGE:
            first = rejected(rows, table, columns)
            if delta := register.opened(path):
                register.append(first, delta, cast(Path, path), (), None)
            else:
                storage.save(first.write.format("delta").mode("append"), path)
        return
    spark = rows.sparkSession
    there = storage.read(spark, path).where(F.col("table_name") == table.name)
    found = rejected(rows, table, columns).persist()
    same = ["record_id", "rules", "reasons", "row_no", "status"]
    news = found.join(there.select(*same), _equal(found, there, same), "left_anti")
    open_ones = _in_scope(there.where("status = 'quarantined'"), part, columns)
    gone = open_ones.join(found.select("record_id"), "record_id", "left_anti").persist()
    try:
        if gone.isEmpty():
            wanted = news
        else:
            here = _unmoved(gone, path)
            wanted = _seen_before(news, here).unionByName(_closed(gone, here, rows))
        wanted = wanted.persist()
        if count := wanted.count():
            _merge(wanted, count, table, path)
        wanted.unpersist()
    finally:
        found.unpersist()
        gone.unpersist()


def _equal(one: DataFrame, other: DataFrame, columns: Iterable[str]) -> Column:
    """Whether rows of two frames say the same, nulls included."""
    return all_of(one[name].eqNullSafe(other[name]) for name in columns)


def _unmoved(gone: DataFrame, path: Place) -> DataFrame:
    """Of records no longer found as they were, those whose file is as it was: its mapping, or a
    rule, is what changed, and their place in the file still tells who they are.
    """
    files = storage.read(gone.sparkSession, storage.beside(path, landing_files.NAME))
    newest = files.groupBy(F.col("path").alias("source_file")).agg(F.max("batch_id").alias("_seen"))
    same = gone.where("row_no IS NOT NULL").join(newest, "source_file")
    return same.where("batch_id >= _seen").select("source_file", "row_no", "first_seen_at")


def _seen_before(news: DataFrame, here: DataFrame) -> DataFrame:
    """New rejects; a record that another mapping shows otherwise was first seen when it was."""
    place = ["source_file", "row_no"]
    first = here.groupBy(*place).agg(F.min("first_seen_at").alias("_first"))
    seen = news.join(first, place, "left")
    return seen.withColumn("first_seen_at", F.coalesce("_first", "first_seen_at")).select(
        *news.columns
    )


def _closed(gone: DataFrame, here: DataFrame, rows: DataFrame) -> DataFrame:
    """Records no longer rejected: released where they pass now, else withdrawn."""
    good = rows.where(~is_rejected()).select(
        F.col(SOURCE_FILE).alias("source_file"), F.col(ROW).alias("row_no"), RECORD
    )
    alike = gone.select("source_file", F.col("raw_record").alias(RECORD))
    by_text = good.join(F.broadcast(alike.distinct()), ["source_file", RECORD], "left_semi")
    by_place = good.join(F.broadcast(here), ["source_file", "row_no"], "left_semi")
    texts = by_text.select("source_file", F.col(RECORD).alias("raw_record")).distinct()
    places = by_place.select("source_file", "row_no").distinct()
    marked = gone.join(texts.withColumn("_text", F.lit(True)), [*texts.columns], "left").join(
        places.withColumn("_place", F.lit(True)), [*places.columns], "left"
    )
    passes = F.coalesce("_text", "_place", F.lit(False))
    status = F.when(passes, "released").otherwise("withdrawn")
    return marked.withColumn("status", status).select(*gone.columns)


def known(path: Place, table: Table) -> int:
    """Rejects of the table so far."""
    return storage.counted(path, "table_name", {"table_name": table.name}).get(table.name, 0)


def _scope_columns(table: Table) -> tuple[str, ...]:
    """The columns by which a part of the table is chosen."""
    scope = table.declaration.scope
    if isinstance(scope, Days):
        return (scope.column,)
    return scope.columns if isinstance(scope, Keys) else table.declaration.key


def _in_scope(known: DataFrame, part: Affected, columns: tuple[str, ...]) -> DataFrame:
    """Known rejects whose verdict this build makes again."""
    if part.is_whole:
        return known
    if part.days is not None:
        day = F.get_json_object("record_key", f"$.{columns[0]}").try_cast("date")
        return known.where(part.covers(day))
    assert part.keys is not None
    touched = part.keys.select(as_json(columns).alias("record_key"))
    same = known["record_key"].eqNullSafe(touched["record_key"])
    return known.join(touched, same, "left_semi")


def _merge(wanted: DataFrame, count: int, table: Table, path: Place) -> None:
    """Add new rejects, and change what may change of known ones."""
    same = f"t.record_id = s.record_id AND t.table_name = '{table.name}'"
    changing = {name: f"s.{name}" for name in ("rules", "reasons", "row_no", "status")}
    with _MERGE:
        small = storage.row_count(path) <= SMALL
        if count <= FEW_ROWS and small and (delta := register.opened(path)):
            merger = delta.merge(wanted.toArrow(), same, source_alias="s", target_alias="t")
            merger.when_matched_update(changing).when_not_matched_insert_all().execute()
            return
        wanted.createOrReplaceTempView("_rejected")
        assignments = ", ".join(f"t.{name} = {value}" for name, value in changing.items())
        wanted.sparkSession.sql(
            f"MERGE INTO {storage.sql(path)} t USING _rejected s ON {same}"
            f" WHEN MATCHED THEN UPDATE SET {assignments} WHEN NOT MATCHED THEN INSERT *"
        )
