"""Few plain files, and what few commits wrote, are read as Delta reads them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from deltalake import DeltaTable, write_deltalake
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame, Row, SparkSession

from lakehouse import plain, storage
from lakehouse.log import create
from lakehouse.schema import parse

FEED = ["id", "day", "n", "_change_type", "_commit_version"]


def test_few_plain_files_are_read_as_delta_reads_them(spark: SparkSession, tmp_path: Path) -> None:
    """Whatever the folder's name; of a table that went on, at its versions too."""
    place = tmp_path / "a [b]{c}* d" / "gold" / "sales"
    rows = spark.createDataFrame([("a", date(2026, 6, 1)), ("ü:%", None)], "id string, day date")
    for _ in range(2):
        rows.write.format("delta").mode("append").partitionBy("day").save(str(place))
    rows.selectExpr("id", "day", "1 AS more").write.format("delta").mode("append").option(
        "mergeSchema", "true"
    ).save(str(place))
    for version in (0, 1, 2, None):
        found = storage.read(spark, place, version)
        assert "FileScan parquet" in found._jdf.queryExecution().toString()
        reader = spark.read.format("delta")
        assert_df_equality(
            found,
            (reader if version is None else reader.option("versionAsOf", version)).load(str(place)),
            ignore_row_order=True,
        )
    assert storage.read(spark, place).where("day = DATE'2026-06-01'").count() == 3


def test_an_empty_table_has_its_columns(spark: SparkSession, tmp_path: Path) -> None:
    ddl = "id STRING, at TIMESTAMP_NTZ, amounts ARRAY<DECIMAL(18,2)>, day DATE"
    create(tmp_path / "sales", parse(ddl), "Sales.", ("day",))
    found = storage.read(spark, tmp_path / "sales")
    there = spark.read.format("delta").load(str(tmp_path / "sales"))
    assert_df_equality(found, there, ignore_nullable=True)
    assert "Range" in found._jdf.queryExecution().logical().toString()


def test_times_without_a_zone_and_folders_that_tell_numbers_are_plain(
    spark: SparkSession, tmp_path: Path
) -> None:
    place, at = tmp_path / "sales", "TIMESTAMP_NTZ'2026-06-01 10:00:00.123456' AS at"
    rows = spark.range(-2, 12).selectExpr("id", at, "DATE'2026-06-01' AS day", "CAST(id AS INT) n")
    rows.write.format("delta").partitionBy("day", "n").save(str(place))
    assert DeltaTable(str(place)).protocol().min_reader_version == 3
    found = storage.read(spark, place)
    assert "FileScan parquet" in found._jdf.queryExecution().toString()
    there = spark.read.format("delta").load(str(place))
    assert_df_equality(found, there, ignore_row_order=True, ignore_nullable=True)


def test_folders_that_tell_texts_are_read_through_delta(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = tmp_path / "sales"
    rows = spark.createDataFrame([("a/b", date(2026, 6, 1)), ("c", None)], "id string, day date")
    rows.coalesce(1).write.format("delta").partitionBy("id").save(str(place))
    assert sorted(row.id for row in storage.read(spark, place).collect()) == ["a/b", "c"]


def test_deleted_rows_that_their_file_still_has_are_not_read(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = tmp_path / "sales"
    rows = spark.createDataFrame([("a",), ("b",), ("c",)], "id string")
    rows.coalesce(1).write.format("delta").save(str(place))
    on = "'delta.enableDeletionVectors' = 'true'"
    spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ({on})")
    spark.sql(f"DELETE FROM delta.`{place}` WHERE id = 'b'")
    assert sorted(row.id for row in storage.read(spark, place).collect()) == ["a", "c"]


@pytest.fixture(scope="module")
def changed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table by days after an append, a MERGE, a day replaced, days deleted, OPTIMIZE, RESTORE."""
    place = tmp_path_factory.mktemp("a [b]* d") / "sales"
    days = [date(2026, 6, 1), date(2026, 6, 2), None]
    rows = spark.createDataFrame(
        [(f"{n}", days[n % 3], n) for n in range(9)], "id string, day date, n int"
    )
    spark.sql(
        f"CREATE TABLE delta.`{place}` (id STRING, day DATE, n INT) USING delta PARTITIONED BY (day)"
        " TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"
    )
    rows.coalesce(1).write.format("delta").mode("append").save(str(place))
    rows.selectExpr("id", "day", "n + 1 AS n").where("n < 5").createOrReplaceTempView("_some")
    spark.sql(
        f"MERGE INTO delta.`{place}` t USING _some s ON t.id = s.id WHEN MATCHED AND s.n = 1 THEN"
        " DELETE WHEN MATCHED THEN UPDATE SET t.n = s.n"
    )
    first = rows.where("day = DATE'2026-06-01'")
    writer = first.write.format("delta").mode("overwrite")
    writer.option("replaceWhere", "day = DATE'2026-06-01'").save(str(place))
    spark.sql(f"DELETE FROM delta.`{place}` WHERE day = DATE'2026-06-02'")
    rows.coalesce(1).write.format("delta").mode("append").save(str(place))
    spark.sql(f"OPTIMIZE delta.`{place}`")
    DeltaTable(str(place)).restore(3)
    return place


def _by_delta(spark: SparkSession, place: Path, first: int, last: int) -> DataFrame:
    reader = spark.read.format("delta").option("readChangeFeed", "true")
    return reader.option("startingVersion", first).option("endingVersion", last).load(str(place))


def _by_files(spark: SparkSession, place: Path, first: int, last: int) -> DataFrame | None:
    commits = {n: storage.actions(place, n) for n in range(first, last + 1)}
    return plain.change_feed(spark, place, DeltaTable(str(place), version=last), commits)


@pytest.mark.parametrize(("first", "last"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (2, 4)])
def test_what_commits_wrote_is_told_as_delta_tells_it(
    spark: SparkSession, changed: Path, first: int, last: int
) -> None:
    found = _by_files(spark, changed, first, last)
    assert found is not None
    wanted = _by_delta(spark, changed, first, last).select(FEED)
    assert wanted.count()
    assert_df_equality(found.select(FEED), wanted, ignore_row_order=True, ignore_nullable=True)


def test_commits_that_are_many_or_change_the_table_are_left_to_delta(
    spark: SparkSession, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _by_files(spark, changed, 0, 1) is None  # the first says what the table is
    assert _by_files(spark, changed, 1, 6) is None  # five parts
    assert _by_files(spark, changed, 7, 7) is None  # RESTORE says again what the table is
    assert _by_files(spark, changed, 6, 6) is None  # OPTIMIZE alone: nothing was changed
    assert storage.change_feed(spark, changed, 6, 6).count() == 0
    assert storage.change_feed(spark, changed, 0, 1).count() == 9
    monkeypatch.setattr(plain, "FEED_FILES", 1)
    assert _by_files(spark, changed, 1, 1) is None


def test_files_that_are_gone_are_left_to_delta_to_say(spark: SparkSession, tmp_path: Path) -> None:
    place = tmp_path / "sales"
    rows: list[Any] = [("a", 1)]
    frame = spark.createDataFrame(rows, "id string, n int")
    frame.write.format("delta").save(str(place))
    frame.write.format("delta").mode("overwrite").save(str(place))
    assert _by_files(spark, place, 1, 1) is not None
    DeltaTable(str(place)).vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert _by_files(spark, place, 1, 1) is None


@pytest.mark.parametrize("path", ["ab/part-0.parquet", "other=2026-06-01/part-0.parquet"])
def test_folders_that_do_not_tell_the_partition_are_left_to_delta(
    spark: SparkSession, tmp_path: Path, path: str
) -> None:
    """By the protocol the log tells it; folders do by custom."""
    place, file = tmp_path / "sales", tmp_path / "sales" / path
    create(place, parse("id STRING, day DATE"), "Sales.", ("day",))
    file.parent.mkdir()
    pq.write_table(pa.table({"id": ["a"]}), file)
    action = AddAction(path, file.stat().st_size, {"day": "2026-06-01"}, 0, True, "{}")
    table = DeltaTable(str(place))
    table.create_write_transaction([action], "append", table.schema(), partition_by=["day"])
    assert plain.read(spark, place, DeltaTable(str(place))) is None
    assert _by_files(spark, place, 1, 1) is None
    wanted = [Row(id="a", day=date(2026, 6, 1))]
    assert storage.read(spark, place).collect() == wanted
    assert storage.change_feed(spark, place, 1, 1).select("id", "day").collect() == wanted


def test_a_lake_behind_a_link_is_read(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.createDataFrame([("a", date(2026, 6, 1))], "id string, day date")
    rows.write.format("delta").partitionBy("day").save(str(tmp_path / "disk" / "sales"))
    (tmp_path / "gold").symlink_to(tmp_path / "disk")
    found = storage.read(spark, tmp_path / "gold" / "sales")
    assert "FileScan parquet" in found._jdf.queryExecution().toString()
    assert found.collect() == rows.collect()


def test_a_line_separator_in_a_text_ends_no_line_of_the_log(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path), pa.table({"id": ["a\u2028b"]}))
    (added,) = (one["add"] for one in storage.actions(tmp_path, 0) if "add" in one)
    assert json.loads(added["stats"])["minValues"] == {"id": "a\u2028b"}
