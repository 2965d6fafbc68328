"""Small frames for table functions, written as text, and comparisons of chosen columns."""

from collections.abc import Callable
from typing import Any

from chispa import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import Contract, quality
from lakehouse.catalogue import Table, describe
from lakehouse.conf import conf_folder, load
from lakehouse.landing.source import load_source
from lakehouse.schema import parse
from lakehouse.write import shaped
from retail.contracts import CONTRACTS

Function = Callable[..., Any]
Row = tuple[Any, ...]
SETTINGS = load_source(conf_folder() / "sources" / "home_improvement.yaml", CONTRACTS).settings
CONF = load("local", SETTINGS)


def table(function: Function) -> Table:
    """The record of a declared table."""
    found = describe(function, "silver")
    assert isinstance(found, Table)
    return found


def frame(spark: SparkSession, schema: Function | str, columns: str, *rows: Row) -> DataFrame:
    """Rows of a table or of DDL with the named columns, cast from text; all others are null."""
    ddl = schema if isinstance(schema, str) else schema.declaration.schema  # type: ignore[attr-defined]
    names = columns.split()
    text = [tuple(None if v is None else str(v) for v in row) for row in rows]
    given = spark.createDataFrame(text, ", ".join(f"{name} STRING" for name in names))
    known = {column.name: column.type for column in parse(ddl)}
    assert set(names) <= set(known), set(names) - set(known)
    return given.select(
        *[
            (F.col(name) if name in names else F.lit(None)).cast(kind).alias(name)
            for name, kind in known.items()
        ]
    )


def landed(spark: SparkSession, contract: Contract, columns: str, *rows: Row) -> DataFrame:
    """Records of a raw table: everything as text, as from CSV, from one file unless it says so."""
    text = ", ".join(f"{column.name} STRING" for column in contract.columns)
    made = frame(spark, f"{text}, _source_file STRING, _batch_id STRING", columns, *rows)
    return made.fillna({"_source_file": "f/2026-06-30.csv", "_batch_id": "b"})


def staged(function: Function, *inputs: Any, **settings: Any) -> DataFrame:
    """What a staging table keeps: judged, good, newest per key, in its declared shape."""
    good = quality.kept(function(*inputs, **settings), table(function), CONF)
    return shaped(good, table(function))


def rules_broken(function: Function, *inputs: Any, **settings: Any) -> list[list[str]]:
    """The rules that each rejected record breaks, sorted."""
    judged = quality.judged(function(*inputs, **settings), table(function), CONF)
    found = quality.rejected(judged, table(function), table(function).declaration.key)
    return sorted(row.rules for row in found.select("rules").collect())


def assert_rows(actual: DataFrame, function: Function, columns: str, *rows: Row) -> None:
    """The named columns hold exactly these rows, in any order and in their declared types."""
    expected = frame(actual.sparkSession, function, columns, *rows).select(*columns.split())
    assert_df_equality(
        actual.select(*columns.split()), expected, ignore_row_order=True, ignore_nullable=True
    )
