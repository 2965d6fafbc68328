"""Questions to what commits brought: DuckDB over the files, as Spark finds it in the change feed."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from lakehouse.checks import after
from lakehouse.checks.asking import _came as came_of
from lakehouse.checks.asking import asking_of_came, count_broken
from lakehouse.declare import expect
from lakehouse.feed import CAME, Pinned, change_feed
from lakehouse.log import Log, create
from lakehouse.schema import parse

DDL = "id STRING COMMENT 'Id', n INT COMMENT 'N', day DATE COMMENT 'Day'"
FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 2)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "a 'lake'" / "sales"
    create(place, parse(DDL), "Sales.", ("day",), ("id",))
    return place


def add(place: Path, *rows: tuple[str, int | None, date | None]) -> None:
    ids, numbers, days = zip(*rows, strict=True)
    made = pa.table(
        {"id": ids, "n": pa.array(numbers, pa.int32()), "day": pa.array(days, pa.date32())}
    )
    write_deltalake(str(place), made, mode="append")


def came(place: Path, since: int) -> list[tuple[object, ...]] | None:
    with asking_of_came(Pinned(place, Log(place).version, since)) as ask:
        return ask("SELECT id, n, day FROM t ORDER BY ALL") if ask else None


def test_only_rows_that_came_are_asked_about(spark: SparkSession, place: Path) -> None:
    """Appended files, the change files of a MERGE, and a removed file, which brings nothing."""
    add(place, ("a", 1, FIRST), ("b", 2, FIRST), ("c", 3, SECOND))
    assert came(place, 0) == [("a", 1, FIRST), ("b", 2, FIRST), ("c", 3, SECOND)]
    spark.sql(
        f"MERGE INTO delta.`{place}` t USING (SELECT * FROM VALUES ('a', 7, DATE'2026-06-02'),"
        " ('b', 0, DATE'2026-06-01'), ('d', NULL, DATE'2026-06-02') AS s(id, n, day)) s"
        " ON t.id = s.id WHEN MATCHED AND s.n = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET *"
        " WHEN NOT MATCHED THEN INSERT *"
    )
    assert came(place, 1) == [("a", 7, SECOND), ("d", None, SECOND)]
    add(place, ("e", 5, FIRST))
    spark.sql(f"DELETE FROM delta.`{place}` WHERE day = DATE'2026-06-01'")
    assert came(place, 1) == [("a", 7, SECOND), ("d", None, SECOND), ("e", 5, FIRST)]
    feed = change_feed(spark, Pinned(place, Log(place).version, 1)).where(CAME).orderBy("id")
    assert [tuple(row) for row in feed.select("id", "n", "day").collect()] == came(place, 1)


def test_a_day_that_is_missing_is_a_day_all_the_same(place: Path) -> None:
    add(place, ("a", 1, None))
    with asking_of_came(Pinned(place, Log(place).version, 0)) as ask:
        assert ask
        assert ask("SELECT id FROM t WHERE coalesce(day, DATE'2026-06-01') < DATE'2026-06-02'")


@pytest.mark.parametrize("above", ["n=5", "all *", "[a]"])
def test_folders_above_that_look_like_partitions_or_patterns_are_left_to_spark(
    tmp_path: Path, above: str
) -> None:
    place = tmp_path / above / "sales"
    assert came_of(Pinned(place, 1, 0)) is None


def test_rows_that_break_a_rule_are_counted_unless_spark_alone_understands_it(place: Path) -> None:
    add(place, ("a", 1, FIRST), ("b", None, SECOND), ("c", 5, SECOND))
    rules = [expect.warn("n > {least}", "n is large"), expect.warn("day = DATE'2026-06-01'", "day")]
    pin = Pinned(place, Log(place).version, 0)
    with asking_of_came(pin) as ask:
        assert ask
        assert count_broken(ask, rules, {"least": 1}) == (3, [1, 2])
    assert after._in_files(pin, rules, {"least": 1}) == [1, 2]
    rules.append(expect.warn("id RLIKE '^(?!x).$'", "no x"))
    assert after._in_files(pin, rules, {"least": 1}) is None
