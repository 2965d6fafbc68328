"""MERGE without Spark: what it leaves is what Delta would have left, for all who read the table."""

import json
import random
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from pyspark.sql import DataFrame, SparkSession

from lakehouse import LakehouseError, actions, merging, register, storage
from lakehouse.log import Log, Record, create
from lakehouse.schema import parse

NAMES, BOUNDED = ("id", "n", "at", "day", "open"), ("id", "at")
DDL = "id STRING, n DECIMAL(28,2), at TIMESTAMP, day DATE, open BOOLEAN"
FIRST, SECOND, THIRD = (date(2026, 6, day) for day in (1, 2, 3))
Row = tuple[int | None, date, bool | None]
Rows = Mapping[str, Row]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return table(tmp_path / "a lake" / "sales", ("day",))


def table(place: Path, partitions: tuple[str, ...]) -> Path:
    create(place, parse(DDL), "Sales.", partitions, ("id", "at"))
    return place


def frame(spark: SparkSession, rows: Rows) -> DataFrame:
    told = [(key, n, day, is_open) for key, (n, day, is_open) in rows.items()]
    made = spark.createDataFrame(told, "id string, n int, day date, open boolean").coalesce(1)
    at = "CAST(day AS TIMESTAMP) AS at"
    return made.selectExpr("id", "CAST(n AS DECIMAL(28,2)) AS n", at, "day", "open")


def keys(spark: SparkSession, *ids: str) -> DataFrame:
    return spark.createDataFrame([(key,) for key in ids], "id string")


def merge(spark: SparkSession, place: Path, rows: Rows, *gone: str, batch: str = "b") -> bool:
    """Merge rows, and take away those whose keys are ``gone``."""
    opened = merging.opened(place, ["id"])
    assert opened is not None
    return merge_into(opened, place, frame(spark, rows), keys(spark, *rows, *gone), batch)


def merge_into(
    table: DeltaTable, place: Path, rows: DataFrame, affected: DataFrame, batch: str, *days: date
) -> bool:
    key, record = ("id", "day") if days else ("id",), Record(batch=batch)
    return merging.merge(rows, affected, table, place, key, BOUNDED, map(str, days), record)


def held(spark: SparkSession, place: Path, is_by_delta: bool = True) -> Rows:
    """The rows, told by readers that agree; Delta's takes a second."""
    frames = [storage.read(spark, place)]
    frames += [spark.read.format("delta").load(str(place))] if is_by_delta else []
    told = [[tuple(row) for row in found.select(*NAMES).collect()] for found in frames]
    by_arrow = DeltaTable(str(place)).to_pyarrow_table().select(list(NAMES)).to_pylist()
    told.append([tuple({**r, "at": r["at"].replace(tzinfo=None)}.values()) for r in by_arrow])
    first, *others = (sorted(rows) for rows in told)
    assert all(other == first for other in others)
    assert all(at.date() == day for _, _, at, day, _ in first)
    return {key: (None if n is None else int(n), day, is_open) for key, n, _, day, is_open in first}


def images(feed: DataFrame) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, feed.select("id", "n", "day", "_change_type").collect()), key=repr)


def test_a_merge_is_what_delta_would_have_made_of_it(spark: SparkSession, place: Path) -> None:
    """One row moves to another day, one is gone, one new, one stays, one is as it was."""
    merge(spark, place, {"a'b": (1, FIRST, True), "b": (None, FIRST, True), "e": (9, FIRST, None)})
    merge(spark, place, {"c": (3, SECOND, True)})
    new = {"a'b": (5, SECOND, True), "d": (4, FIRST, True), "e": (9, FIRST, None)}
    assert merge(spark, place, new, "b", "never", batch="third")
    assert held(spark, place) == new | {"c": (3, SECOND, True)}
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 3)
    for told in (feed.load(str(place)), storage.change_feed(spark, place, 3, 3)):
        assert images(told) == [
            ("a'b", 1, FIRST, "update_preimage"),
            ("a'b", 5, SECOND, "update_postimage"),
            ("b", None, FIRST, "delete"),
            ("d", 4, FIRST, "insert"),
        ]
    log = Log(place)
    assert (log.version, log.record()) == (3, Record(batch="third"))
    assert log.commits()[0]["operation"] == "MERGE"
    metrics = {"rows_inserted": 1, "rows_updated": 1, "rows_deleted": 1, "files_removed": 1}
    assert log.last_metrics() == {f"num_target_{name}": n for name, n in metrics.items()}
    history = spark.sql(f"DESCRIBE HISTORY delta.`{place}`").first()
    assert history is not None
    assert (history.operation, history.version) == ("MERGE", 3)


def test_nothing_is_committed_where_nothing_differs(spark: SparkSession, place: Path) -> None:
    rows = {"a": (1, FIRST, True), "b": (None, SECOND, None)}
    assert merge(spark, place, rows)
    assert not merge(spark, place, rows, "never")
    assert Log(place).version == 1
    assert not (place / "_merging").exists()


def test_rows_that_are_all_new_have_no_images(spark: SparkSession, place: Path) -> None:
    merge(spark, place, {"a": (1, FIRST, True)})
    merge(spark, place, {"b": (2, FIRST, True), "c": (3, THIRD, True)})
    kinds = [sorted(set(action) - {"commitInfo"}) for action in storage.actions(place, 2)]
    assert kinds == [[], ["add"], ["add"]]
    assert images(storage.change_feed(spark, place, 2, 2)) == [
        ("b", 2, FIRST, "insert"),
        ("c", 3, THIRD, "insert"),
    ]


@pytest.mark.parametrize("partitions", [("day",), ()], ids=["by day", "as one"])
@pytest.mark.parametrize("hosted", [0, 50_000], ids=["in files of their own", "hosted"])
def test_any_merges_leave_what_a_dictionary_would(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    partitions: tuple[str, ...],
    hosted: int,
) -> None:
    """Against a dictionary; what files and log tell of them holds, and the feed is the difference."""
    monkeypatch.setattr(merging, "_HOSTED", hosted)
    place, drawn = table(tmp_path / "sales", partitions), random.Random(7)
    there: dict[str, Row] = {}
    for number in range(6):
        chosen = {f"k{drawn.randrange(40)}" for _ in range(15)}
        days, marks = (FIRST, SECOND, THIRD), (True, False, None)
        rows = {
            key: (drawn.choice([None, 1, 2]), drawn.choice(days), drawn.choice(marks))
            for key in chosen
            if drawn.random() < 0.7
        }
        before = dict(there)
        there = {key: row for key, row in there.items() if key not in chosen} | rows
        merge(spark, place, rows, *(chosen - set(rows)))
        assert held(spark, place, is_by_delta=number == 5) == there
        net = images(storage.change_feed(spark, place, number + 1, number + 1))
        gone = {(key, n, day) for key, n, day, kind in net if kind in ("delete", "update_preimage")}
        came = {
            (key, n, day) for key, n, day, kind in net if kind in ("insert", "update_postimage")
        }
        changed = {key for key in {*before, *there} if before.get(key) != there.get(key)}
        assert gone == {(key, *before[key][:2]) for key in changed if key in before}
        assert came == {(key, *there[key][:2]) for key in changed if key in there}
    bounds_hold(place)


def bounds_hold(place: Path) -> None:
    for version in range(1, Log(place).version + 1):
        for action in storage.actions(place, version):
            path = place / action.get("add", {}).get("path", "")
            if "add" not in action or not path.is_file():
                continue
            told = json.loads(action["add"]["stats"])
            rows = pq.read_table(path, partitioning=None)
            assert told["numRecords"] == rows.num_rows > 0
            ids = rows["id"].to_pylist()
            bounds = told.get("minValues", {}).get("id"), told.get("maxValues", {}).get("id")
            assert bounds == (min(ids), max(ids))


def test_only_files_of_changed_rows_are_written_again(spark: SparkSession, tmp_path: Path) -> None:
    place = table(tmp_path / "sales", ())
    parts: Iterable[Rows] = ({f"{p}{n}": (n, FIRST, True) for n in range(5)} for p in "abc")
    for rows in parts:
        files = register.write(frame(spark, rows), place, (), BOUNDED)
        register.commit(DeltaTable(str(place)), files, None, None, "append")
    before = set(DeltaTable(str(place)).file_uris())
    merge(spark, place, {"b3": (7, FIRST, True)})
    after = set(DeltaTable(str(place)).file_uris())
    assert (len(before - after), len(after - before)) == (1, 1)
    rows = pq.read_table(*(after - before))
    found = zip(rows["id"].to_pylist(), map(int, rows["n"].to_pylist()), strict=True)
    assert sorted(found) == [("b0", 0), ("b1", 1), ("b2", 2), ("b3", 7), ("b4", 4)]


def test_only_the_days_that_are_given_are_read(spark: SparkSession, place: Path) -> None:
    """A key of rows of days is day and column: the same id of another day is another row."""
    merge(spark, place, {"a": (1, FIRST, True)})
    affected = spark.createDataFrame([("a", str(SECOND))], "id string, day string")
    rows = frame(spark, {"a": (2, SECOND, True)})
    assert merge_into(DeltaTable(str(place)), place, rows, affected, "b", SECOND)
    found = storage.read(spark, place).select("id", "n", "day").collect()
    assert sorted(map(tuple, found), key=repr) == [("a", 1, FIRST), ("a", 2, SECOND)]


def test_a_merge_upon_an_older_version_is_refused(spark: SparkSession, place: Path) -> None:
    merge(spark, place, {"a": (1, FIRST, True)})
    before = DeltaTable(str(place))
    merge(spark, place, {"a": (2, FIRST, True)})
    new = frame(spark, {"a": (3, FIRST, True)})
    with pytest.raises(CommitFailedError, match=r"Version 2 of .* is another writer's"):
        merge_into(before, place, new, keys(spark, "a"), "late")
    assert held(spark, place) == {"a": (2, FIRST, True)}
    assert Log(place).version == 2
    assert not [*(place / "_delta_log").glob(".*.json")]


def test_a_log_of_merges_has_checkpoints(
    spark: SparkSession, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "_CHECKPOINT", 2)
    for n in range(3):
        merge(spark, place, {"a": (n, FIRST, True)})
    assert [f.name[:20] for f in (place / "_delta_log").glob("*.checkpoint.parquet")] == [
        f"{2:020}"
    ]
    assert held(spark, place) == {"a": (2, FIRST, True)}


@pytest.mark.parametrize(
    ("change", "takes"),
    [
        ("SET TBLPROPERTIES ('delta.appendOnly' = 'true')", False),
        ("ADD COLUMN many ARRAY<STRING>", False),
        ("ADD COLUMN more STRING", True),
    ],
)
def test_other_tables_are_left_to_delta(
    spark: SparkSession, place: Path, change: str, takes: bool
) -> None:
    assert merging.opened(place)
    spark.sql(f"ALTER TABLE delta.`{place}` {change}")
    assert bool(merging.opened(place)) == takes


def test_a_folder_that_looks_like_a_partition_is_left_to_delta(tmp_path: Path) -> None:
    assert merging.opened(table(tmp_path / "open=1" / "sales", ("day",))) is None


def test_keys_that_spark_and_duckdb_write_otherwise_are_left_to_delta(place: Path) -> None:
    assert merging.opened(place, ["id", "day"])
    assert not merging.opened(place, ["at"])


def test_keys_that_repeat_are_refused(spark: SparkSession, place: Path) -> None:
    """Else each of two rows would meet each of two, and four be left."""
    twice = frame(spark, {"a": (1, FIRST, True)}).unionByName(frame(spark, {"a": (2, FIRST, True)}))
    for verb, rows in (("would get", twice), ("holds", frame(spark, {"a": (3, FIRST, True)}))):
        with pytest.raises(LakehouseError, match=f"sales {verb} several rows at id = a; "):
            merge_into(DeltaTable(str(place)), place, rows, keys(spark, "a"), "b")
        register.append(twice, DeltaTable(str(place)), place, BOUNDED, None)
    assert len(DeltaTable(str(place)).to_pyarrow_table()) == 4
