"""What each table's declaration promises, held against a lake of three generated days."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import CATALOGUE, TABLES, ask
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rows import CONF

from lakehouse import quality, storage
from lakehouse.catalogue import Table
from lakehouse.changes import read_input
from lakehouse.declare import Conserved, Spread
from lakehouse.feed import Pinned
from lakehouse.invoke import invoke
from lakehouse.log import Log
from lakehouse.reading import Lake
from lakehouse.write import shaped
from retail.questions import QUESTIONS

KEYED = [t for t in CATALOGUE.tables.values() if t.declaration.key]
CONSERVING = [(t, c) for t in CATALOGUE.tables.values() for c in t.declaration.conserves]
DERIVED = [t for t in CATALOGUE.tables.values() if t.inputs and t.full_name in TABLES]
REFERRING = [(t, *r) for t in CATALOGUE.tables.values() for r in t.declaration.references.items()]


def named(value: Table | Conserved | str) -> str:
    """What a test is called in the report."""
    return value if isinstance(value, str) else getattr(value, "name", "") or value.own


@pytest.mark.parametrize("table", KEYED, ids=named)
def test_the_key_is_unique_and_not_null(whole: Path, table: Table) -> None:
    key = ", ".join(table.declaration.key)
    empty = " OR ".join(f"{column} IS NULL" for column in table.declaration.key)
    twice = f"SELECT {key} FROM {table.full_name} GROUP BY {key} HAVING count(*) > 1"
    assert ask(whole, twice) == []
    assert ask(whole, f"SELECT count(*) FROM {table.full_name} WHERE {empty}") == [(0,)]


@pytest.mark.parametrize("table", KEYED, ids=named)
def test_required_columns_are_not_null(whole: Path, table: Table) -> None:
    empty = " OR ".join(f"{c.name} IS NULL" for c in table.columns if c.required)
    assert ask(whole, f"SELECT count(*) FROM {table.full_name} WHERE {empty}") == [(0,)]


@pytest.mark.parametrize("table", CATALOGUE.tables.values(), ids=named)
def test_the_lake_holds_the_comments_that_are_declared(whole: Path, table: Table) -> None:
    made = DeltaTable(str(whole / table.layer / table.name))
    comments = {f.name: f.metadata.get("comment") for f in made.schema().fields}
    assert made.metadata().description == table.comment
    assert [name for name, comment in comments.items() if not comment] == []
    assert {c.name: comments[c.name] for c in table.columns} == {
        c.name: c.comment for c in table.columns
    }


@pytest.mark.parametrize(("table", "law"), CONSERVING, ids=named)
def test_what_is_conserved_is_neither_lost_nor_invented(
    whole: Path, table: Table, law: Conserved
) -> None:
    own = ask(whole, f"SELECT {law.own} FROM {table.full_name}")
    assert own == ask(whole, f"SELECT {law.theirs} FROM {law.table}")


@pytest.mark.parametrize(("table", "column", "target"), REFERRING, ids=named)
def test_references_point_at_rows(whole: Path, table: Table, column: str, target: str) -> None:
    dimension, key = target.split(".")
    other = CATALOGUE.tables[dimension].full_name
    lost = ask(
        whole,
        f"SELECT count(*) FROM {table.full_name} WHERE {column} IS NOT NULL"
        f" AND {column} NOT IN (SELECT {key} FROM {other} WHERE {key} IS NOT NULL)",
    )
    assert lost == [(0,)]


def test_views_answer_alike_in_both_engines(spark: SparkSession, whole: Path) -> None:
    lake = Lake(whole, CATALOGUE, spark)
    for view in CATALOGUE.views.values():
        assert_alike(lake, f"SELECT * FROM {view.full_name} ORDER BY ALL LIMIT 2000")


def test_questions_are_answered_alike_in_both_engines(spark: SparkSession, whole: Path) -> None:
    lake = Lake(whole, CATALOGUE, spark)
    for sql in QUESTIONS.values():
        assert_alike(lake, sql)


def assert_alike(lake: Lake, sql: str) -> None:
    """Equal rows in equal order; numbers up to the last digits of a float."""
    found = [[plain(value) for value in row] for row in lake.sql(sql).collect()]
    expected = [[plain(value) for value in row] for row in ask(lake.path, sql)]
    assert len(found) > 0, sql
    assert found == [
        [pytest.approx(value) if isinstance(value, float) else value for value in row]
        for row in expected
    ], sql


def plain(value: object) -> object:
    """Numbers as floats, and times without the zone, which is UTC in both."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value)
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@pytest.mark.parametrize("table", [t for t in DERIVED if t.declaration.duckdb], ids=named)
def test_duckdb_made_the_tables_that_say_their_rows_in_sql(whole: Path, table: Table) -> None:
    """So that the law below holds the SQL and the function equal."""
    files = DeltaTable(str(whole / table.layer / table.name)).file_uris()
    assert files
    assert all(Path(file).name.startswith("made-") for file in files)


@pytest.mark.parametrize("table", DERIVED, ids=named)
def test_order_and_partitioning_of_the_inputs_change_nothing(
    spark: SparkSession, whole: Path, table: Table
) -> None:
    def mixed(name: str, spread: Spread | None) -> DataFrame:
        upstream = CATALOGUE.tables[name]
        path = whole / upstream.layer / name
        pin = Pinned(path, Log(path).version, None)
        return read_input(spark, upstream, spread, pin).repartition(3, F.rand(7))

    inputs = {name: mixed(name, spread) for name, spread in table.inputs.items()}
    record = Log(whole / table.layer / table.name).record()
    assert record is not None
    rows = invoke(table, inputs, CONF, record.as_of)
    if table.is_staging:
        rows = quality.kept(rows, table, CONF)
    made = shaped(rows, table)
    there = storage.read(spark, whole / table.layer / table.name)
    both = made.withColumn("_sign", F.lit(1)).unionByName(there.withColumn("_sign", F.lit(-1)))
    counted = both.groupBy(*there.columns).agg(F.sum("_sign").alias("_net"))
    assert counted.where("_net <> 0").take(3) == []
