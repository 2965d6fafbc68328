"""``ops.quarantine``: rejected records, merged on their id before the good rows are written."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset as ds
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.catalogue import Table
from lakehouse.changes import Affected
from lakehouse.declare import SOURCE_FILE, Days, Keys
from lakehouse.expressions import as_json
from lakehouse.log import create
from lakehouse.quality import RECORD, is_rejected, rejected
from lakehouse.schema import parse

NAME = "quarantine"
GRAIN = "One row per rejected record."
DDL = """
    record_id     STRING NOT NULL COMMENT 'Hash of table, file, landed record and occurrence',
    table_name    STRING NOT NULL COMMENT 'Staging table that rejected the record',
    record_key    STRING COMMENT 'Scope columns of the record, as JSON',
    rules         ARRAY<STRING> COMMENT 'Rules that the record breaks',
    reasons       ARRAY<STRING> COMMENT 'One sentence a rule, with the values',
    source_file   STRING COMMENT 'Path below the landing folder',
    batch_id      STRING COMMENT 'Build that loaded the record',
    first_seen_at TIMESTAMP COMMENT 'When it was first rejected, UTC',
    raw_record    STRING COMMENT 'The record as it landed, as JSON',
    status        STRING NOT NULL COMMENT 'quarantined; released: passes now; withdrawn: its file changed'
"""
_MERGE = threading.Lock()


@dataclass(frozen=True)
class Split:
    """How many records were judged, how many of them rejected, and how many days the others span."""

    judged: int
    rejected: int
    days: int = 0


def ensure(lake: Path) -> Path:
    """Create the table where it does not exist; returns its path."""
    path = lake / "ops" / NAME
    create(path, parse(DDL), GRAIN)
    return path


def put_aside(rows: DataFrame, table: Table, part: Affected, path: Path) -> Split:
    """Bring the table's quarantine up to the judged ``rows`` of the affected part.

    New rejects are added, known ones keep when they were first seen, and those that are gone or
    pass now change status. A second call changes nothing. A delete made of what a snapshot lacks
    was never landed: where its key is ill-formed it is no record to keep.
    """
    columns = _scope_columns(table)
    rows = rows.where(~is_rejected() | F.col(RECORD).isNotNull())
    partition = table.declaration.scope.partition
    day = F.when(~is_rejected(), F.col(partition)) if partition else F.lit(None).cast("date")
    days = F.coalesce(F.datediff(F.max(day), F.min(day)) + 1, F.lit(0))
    counted = rows.agg(F.count("*"), F.count_if(is_rejected()), days).first()
    assert counted is not None
    split = Split(*counted)
    if not split.rejected and not _known(path, table):
        return split
    spark = rows.sparkSession
    known = spark.read.format("delta").load(str(path)).where(F.col("table_name") == table.name)
    found = rejected(rows, table, columns).persist()
    try:
        open_ones = known.where("status = 'quarantined'")
        in_scope = _in_scope(open_ones, part, columns)
        gone = in_scope.join(found.select("record_id"), "record_id", "left_anti")
        keys = [F.col(SOURCE_FILE).alias("source_file"), F.col(RECORD).alias("raw_record")]
        passing = (
            rows.where(~is_rejected()).select(*keys).distinct().withColumn("_passes", F.lit(True))
        )
        closed = gone.join(passing, ["source_file", "raw_record"], "left").withColumn(
            "status", F.when(F.col("_passes"), "released").otherwise("withdrawn")
        )
        same = ["record_id", "rules", "reasons", "status"]
        news = found.join(known.select(*same), same, "left_anti")
        wanted = news.unionByName(closed.drop("_passes")).persist()
        if not wanted.isEmpty():
            _merge(wanted, table, path)
        wanted.unpersist()
    finally:
        found.unpersist()
    return split


def _known(path: Path, table: Table) -> int:
    """Rejects of the table so far, counted without Spark."""
    return int(
        DeltaTable(str(path)).to_pyarrow_dataset().count_rows(ds.field("table_name") == table.name)
    )


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


def _merge(wanted: DataFrame, table: Table, path: Path) -> None:
    wanted.createOrReplaceTempView("_rejected")
    with _MERGE:
        wanted.sparkSession.sql(
            f"MERGE INTO delta.`{path}` t USING _rejected s"
            f" ON t.record_id = s.record_id AND t.table_name = '{table.name}'"
            " WHEN MATCHED THEN UPDATE SET"
            " t.rules = s.rules, t.reasons = s.reasons, t.status = s.status"
            " WHEN NOT MATCHED THEN INSERT *"
        )
