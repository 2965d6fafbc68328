"""Questions to what commits brought: DuckDB over the files, as Spark finds it in the change feed."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from lakehouse.checks import asking
from lakehouse.checks.asking import count_broken
from lakehouse.declare import expect
from lakehouse.feed import Pinned, change_feed
from lakehouse.log import Log, create
from lakehouse.schema import parse

DDL = "id STRING COMMENT 'Id', n INT COMMENT 'N', day DATE COMMENT 'Day'"
FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 2)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "a 'lake'" / "sales"
    create(place, parse(DDL), "Sales.", ("day",), ("id",))
    return place


def add(place: Path, *rows: tuple[str, int | None, date]) -> None:
    ids, numbers, days = zip(*rows, strict=True)
    made = pa.table({"id": ids, "n": pa.array(numbers, pa.int32()), "day": days})
    write_deltalake(str(place), made, mode="append")


def came(place: Path, since: int) -> list[tuple[object, ...]]:
    with asking.asking(t=Pinned(place, Log(place).version, since)) as ask:
        return ask("SELECT id, n, day FROM t ORDER BY ALL")


def test_only_rows_that_came_are_asked_about(spark: SparkSession, place: Path) -> None:
    """Appended files, the change files of a MERGE, and a removed file, which brings nothing."""
    add(place, ("a", 1, FIRST), ("b", 2, FIRST), ("c", 3, SECOND))
    assert came(place, 0) == [("a", 1, FIRST), ("b", 2, FIRST), ("c", 3, SECOND)]
    assert came(place, 1) == []
    spark.sql(
        f"MERGE INTO delta.`{place}` t USING (SELECT * FROM VALUES ('a', 7, DATE'2026-06-02'),"
        " ('b', 0, DATE'2026-06-01'), ('d', NULL, DATE'2026-06-02') AS s(id, n, day)) s"
        " ON t.id = s.id WHEN MATCHED AND s.n = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET *"
        " WHEN NOT MATCHED THEN INSERT *"
    )
    merged = [("a", 7, SECOND), ("d", None, SECOND)]
    assert came(place, 1) == merged
    add(place, ("e", 5, FIRST))
    spark.sql(f"DELETE FROM delta.`{place}` WHERE day = DATE'2026-06-01'")
    assert came(place, 1) == [("a", 7, SECOND), ("d", None, SECOND), ("e", 5, FIRST)]
    feed = change_feed(spark, Pinned(place, Log(place).version, 1))
    known = feed.where("_change_type IN ('insert', 'update_postimage')").orderBy("id")
    assert [tuple(row) for row in known.select("id", "n", "day").collect()] == came(place, 1)


def test_spark_answers_where_duckdb_cannot_read(
    spark: SparkSession, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking.storage, "images", lambda *_: None)
    add(place, ("a", 1, FIRST), ("b", None, SECOND))
    rules = [expect.warn("n > {least}", "n is large"), expect.warn("day = DATE'2026-06-01'", "day")]
    with asking.asking(t=Pinned(place, Log(place).version, 0)) as ask:
        assert count_broken(ask, rules, {"least": 1}) == (2, [1, 1])


def test_rows_that_break_a_rule_are_counted(place: Path) -> None:
    add(place, ("a", 1, FIRST), ("b", None, SECOND), ("c", 5, SECOND))
    rules = [expect.warn("n > {least}", "n is large"), expect.warn("day = DATE'2026-06-01'", "day")]
    with asking.asking(t=Pinned(place, Log(place).version, 0)) as ask:
        assert count_broken(ask, rules, {"least": 1}) == (3, [1, 2])
