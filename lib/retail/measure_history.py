"""How long one batch of events takes to reach a history, beside the usual two-step MERGE.

Both work on tables of their own, of any size, from the same batch, and must end in equal rows: ours
as the engine lays them, the other's as Spark does by key.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

from deltalake import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.build import build_table
from lakehouse.catalogue import Catalogue, Table, describe
from lakehouse.conf import load
from lakehouse.declare import OPEN_END, by_key, history, keys, table
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.landing.ledger import Survey, new_batch
from lakehouse.landing.source import Source
from lakehouse.log import Record
from lakehouse.plan import judge
from lakehouse.session import sibling, start
from lakehouse.type2 import surrogate_key, versions
from lakehouse.write import Target, overwrite

_STATE = """
    thing_id STRING NOT NULL, name STRING, category STRING, brand STRING,
    unit_price DECIMAL(18,4), unit_cost DECIMAL(18,4), weight DOUBLE, is_active BOOLEAN,
    created_at TIMESTAMP"""
_THING = history("thing_id", tracked=("unit_price", "unit_cost", "category", "brand", "is_active"))


@dataclass(frozen=True)
class Measured:
    """Seconds for one batch by both ways, and how many of the history's files ours replaced."""

    keys: int
    versions: int
    events: int
    seconds: float
    two_step_seconds: float
    files: int
    files_rewritten: int

    @property
    def ratio(self) -> float:
        """How many times as long as the two-step MERGE ours took."""
        return self.seconds / self.two_step_seconds


@table(
    key=("thing_id", "sequence"),
    scope=keys("thing_id"),
    ties="quarantine",
    schema=f"{_STATE}, sequence TIMESTAMP NOT NULL, operation STRING NOT NULL",
)
def stg_things() -> None:
    """One row per thing and event."""


@table(
    key=("thing_key",),
    scope=_THING,
    schema=f"""thing_key BIGINT NOT NULL, {_STATE},
        valid_from TIMESTAMP NOT NULL, valid_to TIMESTAMP NOT NULL, is_current BOOLEAN NOT NULL""",
)
def dim_things(stg_things: Annotated[DataFrame, by_key("thing_id")]) -> DataFrame:
    """One row per thing and version."""
    return versions(stg_things, _THING).withColumn(
        "thing_key", surrogate_key("thing_id", "valid_from")
    )


def report(folder: Path) -> str:
    """Both sizes that matter as a Markdown table: of each way the median of three warm runs.

    Ours comes first in a run, so a cold one would have it compile for both.
    """
    conf = load("large")  # millions of rows
    spark = sibling(start(conf), conf)
    lines = [
        "| keys | versions | events | history step | two-step MERGE | ratio | files rewritten |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for sizes in ((35_000, 52_500, 1_750), (2_000_000, 5_000_000, 100_000)):
        lakes = [folder / f"{sizes[0]}-{number}" for number in range(4)]
        _, *warm = [measure(spark, conf, lake, sizes) for lake in lakes]
        run = replace(
            warm[-1],
            seconds=median(run.seconds for run in warm),
            two_step_seconds=median(run.two_step_seconds for run in warm),
        )
        counts = f"| {run.keys:,} | {run.versions:,} | {run.events:,} "
        seconds = f"| {run.seconds:.1f} s | {run.two_step_seconds:.1f} s | {run.ratio:.2f} "
        lines.append(f"{counts}{seconds}| {run.files_rewritten} of {run.files} |")
    return "\n".join(lines)


def measure(
    spark: SparkSession, conf: Mapping[str, Any], lake: Path, sizes: tuple[int, int, int]
) -> Measured:
    """Bring one batch into a history of ``sizes``: keys, versions, events (one a key, in order).

    Raises LakehouseError where the two ways end in different rows.
    """
    tables = [describe(stg_things, "silver"), describe(dim_things, "gold")]
    catalogue = Catalogue([made for made in tables if isinstance(made, Table)])
    source = Source("measured", "", {}, {})
    frame = Frame(catalogue, lake, lake / "landing", source, conf, new_batch())
    events, things = (Target(found, frame.path(found)) for found in catalogue.tables.values())
    number, total, changed = sizes
    overwrite(_first_events(spark, number, total), events, Record(batch=frame.batch))
    _history_step(spark, frame)
    batch = lake / "batch"
    _changes(spark, number, changed).write.parquet(str(batch))
    there = lake / things.table.layer / things.table.name
    usual = _usual(spark, there, lake / "two_step")
    before = _files(there)
    spark.read.parquet(str(batch)).write.format("delta").mode("append").save(str(events.path))
    seconds = _history_step(spark, frame)
    two_step_seconds = _two_steps(spark, usual, spark.read.parquet(str(batch)))
    if _content(spark, there) != _content(spark, usual):
        raise LakehouseError(f"{there} and {usual} hold different rows; expected equal ones.")
    rewritten = len(before - _files(there))
    return Measured(number, total, changed, seconds, two_step_seconds, len(before), rewritten)


def _history_step(spark: SparkSession, frame: Frame) -> float:
    """Seconds from events committed to history committed."""
    started = time.monotonic()
    verdict = judge(frame, frame.catalogue.tables["dim_things"], Survey())
    build_table(spark, frame, verdict)
    return time.monotonic() - started


def _usual(spark: SparkSession, table: Path, copied: Path) -> Path:
    """The same rows as Spark's writer lays them, with the properties of the table."""
    asked = DeltaTable(str(table)).metadata().configuration
    rows = spark.read.format("delta").load(str(table)).orderBy("thing_id", "valid_from")
    rows.write.format("delta").options(**asked).save(str(copied))
    return copied


def _two_steps(spark: SparkSession, path: Path, batch: DataFrame) -> float:
    """Seconds of the usual way: close the open versions by a MERGE, then append the new ones."""
    started = time.monotonic()
    batch.createOrReplaceTempView("_batch")
    tracked = " AND ".join(f"t.{name} <=> s.{name}" for name in _THING.tracked)
    spark.sql(
        f"MERGE INTO delta.`{path}` t USING _batch s ON t.thing_id = s.thing_id AND t.is_current"
        f" WHEN MATCHED AND NOT ({tracked}) THEN UPDATE"
        " SET t.valid_to = s.sequence, t.is_current = false"
    )
    opened = {
        "valid_from": F.col("sequence"),
        "valid_to": F.lit(OPEN_END).cast("timestamp"),
        "is_current": F.lit(True),
        "thing_key": surrogate_key("thing_id", "sequence"),
    }
    new = batch.withColumns(opened).drop("sequence", "operation")
    new.write.format("delta").mode("append").save(str(path))
    return time.monotonic() - started


def _first_events(spark: SparkSession, number: int, total: int) -> DataFrame:
    """``total`` events of ``number`` keys, as evenly as can be, each with a price of its own."""
    last = F.lit((total - 1) // number) - F.when(F.col("id") > (total - 1) % number, 1).otherwise(0)
    steps = spark.range(number).withColumn("step", F.explode(F.sequence(F.lit(0), last)))
    return _event(
        steps,
        F.col("step") + 1,
        F.date_add(F.lit("2026-01-01").cast("date"), F.col("step").cast("int")),
    )


def _changes(spark: SparkSession, number: int, changed: int) -> DataFrame:
    """One event for each of ``changed`` keys, spread over all of them."""
    some = spark.range(0, changed).withColumn("id", F.col("id") * (number // changed))
    return _event(some, F.lit(0), F.lit("2026-06-01"))


def _event(numbered: DataFrame, price: Column, at: Column) -> DataFrame:
    no = F.col("id")
    values = {
        "thing_id": F.format_string("THING-%08d", no),
        "name": F.concat(F.lit("Thing number "), no),
        "category": F.concat(F.lit("category "), no % 20),
        "brand": F.concat(F.lit("brand "), no % 500),
        "unit_price": price.cast("decimal(18,4)"),
        "unit_cost": (no % 1000 / 10).cast("decimal(18,4)"),
        "weight": no % 77 / 7,
        "is_active": no % 10 > 0,
        "created_at": F.lit("2020-01-01").cast("timestamp"),
        "sequence": at.cast("timestamp"),
        "operation": F.lit("upsert"),
    }
    return numbered.select(*[value.alias(name) for name, value in values.items()])


def _files(path: Path) -> set[str]:
    return set(DeltaTable(str(path)).file_uris())


def _content(spark: SparkSession, path: Path) -> tuple[Any, ...]:
    """How many rows a table has, and a sum over hashes of them."""
    rows = spark.read.format("delta").load(str(path))
    number = F.xxhash64(*sorted(rows.columns)).cast("decimal(38,0)")
    found = rows.agg(F.count("*"), F.sum(number)).first()
    assert found is not None
    return tuple(found)
