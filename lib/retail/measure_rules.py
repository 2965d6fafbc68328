"""What the rules over rows cost a build of the transactions: with all of them, and without any."""

import argparse
import copy
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from lakehouse.build import build_table
from lakehouse.catalogue import Table
from lakehouse.declare import BATCH_ID, INGESTED_AT, SOURCE_FILE
from lakehouse.frame import Frame
from lakehouse.landing.ledger import Survey, new_batch
from lakehouse.log import Log, Record, create_from_json
from lakehouse.plan import judge
from lakehouse.session import sibling, start
from lakehouse.write import Target
from retail import project
from retail.meter import Step, step

NAME, DAYS = "stg_transactions", 30
WITH, WITHOUT, SOME_BAD = "with all rules", "without rules", "with all rules, 1 % rejected"


def rules(lines: int = 10_000_000) -> Mapping[str, Step]:
    """What whole builds of as many lines cost: good ones, and some bad ones.

    A first build, of a hundredth of them, warms the session up.
    """
    found: dict[str, Step] = {}
    for name, bad, landed in (
        ("", 100, lines // 100),
        (WITHOUT, 0, lines),
        (WITH, 0, lines),
        (SOME_BAD, 100, lines),
    ):
        with tempfile.TemporaryDirectory() as folder:
            options = argparse.Namespace(
                source=None, landing=Path(folder), lake=Path(folder) / "lake", env="large"
            )
            frame = project.frame(options)
            spark = sibling(start(frame.conf), frame.conf)
            _land(frame, _lines(spark, landed, bad))
            found[name] = _built(spark, frame if name != WITHOUT else _ruleless(frame), name)
    return {name: cost for name, cost in found.items() if name}


def _built(spark: SparkSession, frame: Frame, name: str) -> Step:
    """The cost of the whole build of the table."""
    stores = frame.catalogue.tables["stg_stores"]
    Target(stores, frame.path(stores)).create()
    with step(name) as cost:
        build_table(spark, frame, judge(frame, frame.catalogue.tables[NAME], Survey()))
    return cost


def _ruleless(frame: Frame) -> Frame:
    """The same with a table that expects nothing, not even values."""
    table: Table = frame.catalogue.tables[NAME]
    nothing = replace(
        table.declaration,
        expects=(),
        schema=table.declaration.schema.replace(" NOT NULL", ""),
    )
    catalogue = copy.copy(frame.catalogue)
    catalogue.tables = frame.catalogue.tables | {NAME: replace(table, declaration=nothing)}
    return replace(frame, catalogue=catalogue)


def _land(frame: Frame, rows: DataFrame) -> None:
    """Records of the raw table, as a landed file leaves them."""
    table = frame.catalogue.tables["raw_transactions"]
    path = frame.path(table)
    landed = StructType([StructField(f.name, f.dataType) for f in rows.schema.fields])
    create_from_json(path, landed.json(), table.comment, (), table.filtered)
    writer = rows.write.format("delta").mode("append")
    writer.option("userMetadata", Record(batch=new_batch()).json()).save(str(path))
    assert Log(path).exists


def _lines(spark: SparkSession, lines: int, bad: int) -> DataFrame:
    """Landed lines, as many a day; of a hundred of them one has no such channel, if ``bad``."""
    a_day = -(-lines // DAYS)
    return spark.range(0, lines, 1, DAYS).selectExpr(
        "format_string('TXN-%012d', id) AS transaction_id",
        "format_string('ORD-%09d', id div 3) AS order_id",
        "format_string('CUS-%08d', pmod(xxhash64(id div 3), 100000)) AS customer_id",
        "format_string('STR-%04d', pmod(xxhash64(id div 3, 1), 2000)) AS store_id",
        "format_string('PRD-%06d', pmod(xxhash64(id, 2), 35000)) AS product_id",
        "CAST(timestamp_seconds(unix_seconds(TIMESTAMP'2026-06-01') + (id div"
        f" {a_day}) * 86400 + pmod(xxhash64(id, 3), 86400)) AS TIMESTAMP_NTZ) AS transaction_date",
        "CAST(1 + id % 4 AS INT) AS quantity",
        "CAST(20 AS DECIMAL(18,4)) AS unit_price",
        "CAST(0 AS DECIMAL(18,2)) AS discount_amount",
        "CAST(20 * (1 + id % 4) AS DECIMAL(18,2)) AS total_amount",
        "'delivered' AS order_status",
        f"CASE WHEN id % 100 < {bad} / 100 THEN 'kiosk' ELSE 'in_store' END AS channel",
        "'in_store' AS fulfillment_type",
        "TIMESTAMP'2026-07-01' AS updated_at",
        "CAST(NULL AS STRING) AS fulfilled_from",
        "CAST(NULL AS STRING) AS line_type",
        f"concat('transactions/', date_add(DATE'2026-06-01', CAST(id div {a_day} AS INT)),"
        f" '.parquet') AS {SOURCE_FILE}",
        f"TIMESTAMP'2026-07-01' AS {INGESTED_AT}",
        f"'b' AS {BATCH_ID}",
    )


def report() -> str:
    """A sentence on what rules cost, in seconds and in those of the processors."""
    found = rules()
    base = found[WITHOUT]
    told = [
        f"{name} {cost.seconds:.0f} s ({cost.seconds / base.seconds - 1:+.0%}), of processors"
        f" {cost.cpu:.0f} s ({cost.cpu / base.cpu - 1:+.0%})"
        for name, cost in found.items()
    ]
    return f"Rules over rows of 10,000,000 lines (target: at most +30 %): {'; '.join(told)}."
