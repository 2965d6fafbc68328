"""How long facts and restatements take to follow when the history of some products is cut anew.

The lake is made of staged rows directly, as many as a chain sells; the tables under measure are
built by the engine.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from lakehouse.build import Outcome, build_table
from lakehouse.frame import Frame
from lakehouse.landing.ledger import Survey, new_batch
from lakehouse.log import Record
from lakehouse.plan import judge
from lakehouse.session import sibling, start
from lakehouse.write import Target
from retail import project
from retail.meter import step

FIRST_DAY = "2026-06-01"
# The history step, and what is to follow it within the target.
HISTORY, FOLLOWING = "dim_product", ("fact_sales", "restatements")


def recut(
    lines: int = 10_000_000, products: int = 35_000, days: int = 30, share: float = 0.01
) -> Mapping[str, Outcome]:
    """Outcomes, with seconds, of the tables built after late costs of a ``share`` of products.

    The costs count from the first day on, so every day of every such product is restated.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = argparse.Namespace(
            source=None, landing=Path(folder), lake=Path(folder) / "lake", env="large"
        )
        frame = project.frame(options)
        spark = sibling(start(frame.conf), frame.conf)
        _land(frame, "stg_products", _events(spark, products, "2026-01-01", "6 + id % 7"))
        _land(frame, "stg_transactions", _lines(spark, lines, products, days))
        for name in (HISTORY, *FOLLOWING):
            _build(spark, frame, name)
        late = _events(spark, int(products * share), FIRST_DAY, "7 + id % 7")
        _land(frame, "stg_products", late)
        return {name: _build(spark, frame, name) for name in (HISTORY, *FOLLOWING)}


def _build(spark: SparkSession, frame: Frame, name: str) -> Outcome:
    batch = replace(frame, batch=new_batch())
    verdict = judge(batch, frame.catalogue.tables[name], Survey())
    with step(name) as cost:
        outcome = build_table(spark, batch, verdict)
    return replace(outcome, seconds=cost.seconds)


def _land(frame: Frame, name: str, rows: DataFrame) -> None:
    """Add rows to a staged table as they are; its missing columns are null."""
    table = frame.catalogue.tables[name]
    target = Target(table, frame.path(table))
    target.create()
    columns = [
        f"CAST({c.name if c.name in rows.columns else 'NULL'} AS {c.type}) AS {c.name}"
        for c in table.columns
    ]
    writer = rows.selectExpr(*columns).write.format("delta").mode("append")
    if target.partition:
        writer = writer.partitionBy(target.partition)
    writer.option("userMetadata", Record(batch=new_batch()).json()).save(str(target.path))


def _events(spark: SparkSession, products: int, since: str, cost: str) -> DataFrame:
    """One event per product, at one instant."""
    return spark.range(0, products, 1, 1).selectExpr(
        "format_string('PRD-%06d', id) AS product_id",
        "format_string('Product %d', id) AS product_name",
        "concat('department ', id % 20) AS category",
        "20 AS unit_price",
        f"{cost} AS unit_cost",
        "true AS is_active",
        f"TIMESTAMP'{since}' AS sequence",
        "'upsert' AS operation",
    )


def _lines(spark: SparkSession, lines: int, products: int, days: int) -> DataFrame:
    """Sold lines, as many a day, of products at random."""
    return spark.range(0, lines, 1, days).selectExpr(
        "format_string('TXN-%012d', id) AS transaction_id",
        "format_string('ORD-%09d', id div 3) AS order_id",
        "format_string('CUS-%08d', pmod(xxhash64(id div 3), 100000)) AS customer_id",
        "format_string('STR-%04d', pmod(xxhash64(id div 3, 1), 2000)) AS store_id",
        f"format_string('PRD-%06d', pmod(xxhash64(id, 2), {products})) AS product_id",
        f"date_add(DATE'{FIRST_DAY}', CAST(id div {-(-lines // days)} AS INT)) AS sold_on",
        f"timestamp_seconds(unix_seconds(TIMESTAMP'{FIRST_DAY}')"
        f" + (id div {-(-lines // days)}) * 86400 + pmod(xxhash64(id, 3), 86400)) AS sold_at",
        "1 + id % 4 AS quantity",
        "20 AS unit_price",
        "0 AS discount_amount",
        "20 * (1 + id % 4) AS total_amount",
        "'delivered' AS order_status",
        "false AS is_cancelled",
        "'in_store' AS channel",
        "'in_store' AS fulfillment_type",
        "'sale' AS line_type",
    )
