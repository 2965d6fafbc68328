"""Days replaced by files that Spark wrote: as by Delta, for all who read the table."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from chispa import assert_df_equality
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from pyspark.sql import DataFrame, SparkSession

from lakehouse import register, storage
from lakehouse.log import STATISTICS, Log, Record, create
from lakehouse.schema import parse
from lakehouse.write import append_nothing

DDL = "id STRING COMMENT 'Id', n BIGINT COMMENT 'N', at TIMESTAMP COMMENT 'At', day DATE"
COLUMNS = parse(DDL)
FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 2)
Rows = Iterable[tuple[str, int | None, date]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "a lake" / "sales"
    create(place, COLUMNS, "Sales.", ("day",), ("id", "n", "at"))
    return place


def frame(spark: SparkSession, rows: Rows) -> DataFrame:
    made = spark.createDataFrame(list(rows), "id string, n bigint, day date")
    at = "CAST(day AS TIMESTAMP) AS at"
    return made.coalesce(1).selectExpr("id", "n", at, "day")


def replace(
    spark: SparkSession,
    place: Path,
    rows: Rows,
    *days: date,
    bounded: Iterable[str] = ("id", "n", "at"),
) -> None:
    table = DeltaTable(str(place))
    added = register.write(frame(spark, rows), place, ("day",), tuple(bounded))
    register.commit(table, added, ("day", days), Record(batch="one"))


def test_all_readers_find_what_delta_would_have_written(spark: SparkSession, place: Path) -> None:
    """Rows, what changed, and where to look: also by Delta itself, which reads no plain files."""
    replace(spark, place, [("a", 1, FIRST), ("b", None, FIRST), ("c", 3, SECOND)], FIRST, SECOND)
    replace(spark, place, [("d", 4, FIRST)], FIRST, date(2026, 6, 3))
    replace(spark, place, [], SECOND)
    wanted = frame(spark, [("d", 4, FIRST)])
    for found in (storage.read(spark, place), spark.read.format("delta").load(str(place))):
        assert_df_equality(found, wanted, ignore_nullable=True, ignore_metadata=True)
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 1)
    told = feed.load(str(place)).orderBy("_commit_version", "id")
    assert [(r.id, r.day, r._change_type, r._commit_version) for r in told.collect()] == [
        ("a", FIRST, "insert", 1),
        ("b", FIRST, "insert", 1),
        ("c", SECOND, "insert", 1),
        ("a", FIRST, "delete", 2),
        ("b", FIRST, "delete", 2),
        ("d", FIRST, "insert", 2),
        ("c", SECOND, "delete", 3),
    ]
    log = Log(place)
    assert (log.version, log.days("day")) == (3, {FIRST})
    assert log.record() == Record(batch="one")
    assert sorted(f.name for f in place.iterdir() if f.name[0] == "_") == ["_delta_log"]


def test_readers_skip_files_by_what_is_told_of_them(spark: SparkSession, place: Path) -> None:
    """Nulls, and bounds of whole numbers, texts and moments; none of a column that is all null."""
    replace(spark, place, [("a", 1, FIRST), ("b", None, FIRST), ("ü", 7, FIRST)], FIRST)
    replace(spark, place, [("c", None, SECOND)], SECOND)
    adds = [one["add"] for v in (1, 2) for one in storage.actions(place, v) if "add" in one]
    first, second = (f"{day}T00:00:00.000Z" for day in (FIRST, SECOND))
    assert [json.loads(add["stats"]) for add in adds] == [
        {
            "numRecords": 3,
            "minValues": {"id": "a", "n": 1, "at": first},
            "maxValues": {"id": "ü", "n": 7, "at": first},
            "nullCount": {"id": 0, "n": 1, "at": 0},
        },
        {
            "numRecords": 1,
            "minValues": {"id": "c", "at": second},
            "maxValues": {"id": "c", "at": second},
            "nullCount": {"id": 0, "n": 1, "at": 0},
        },
    ]
    conditions = {
        "n = 7": (ds.field("n") == 7, 1),
        "n IS NULL": (ds.field("n").is_null(), 2),
        "id = 'ü'": (ds.field("id") == "ü", 1),
        "id = 'c'": (ds.field("id") == "c", 1),
        f"at = TIMESTAMP'{SECOND}'": (ds.field("at") == datetime(2026, 6, 2, tzinfo=UTC), 1),
    }
    there, arrow = spark.read.format("delta").load(str(place)), DeltaTable(str(place))
    for sql, (condition, count) in conditions.items():
        assert there.where(sql).count() == count
        assert arrow.to_pyarrow_dataset().to_table(filter=condition).num_rows == count, sql


@pytest.mark.parametrize("told", ["id,n", ""])
def test_a_column_of_which_nothing_is_told_hides_no_row(
    spark: SparkSession, place: Path, told: str
) -> None:
    """A table that promises bounds of more columns than its files tell, or of all."""
    change = f"SET TBLPROPERTIES ('{STATISTICS}' = '{told}')"
    if not told:
        change = f"UNSET TBLPROPERTIES ('{STATISTICS}')"
    spark.sql(f"ALTER TABLE delta.`{place}` {change}")
    replace(spark, place, [("a", 1, FIRST), ("b", None, FIRST)], FIRST, bounded=["id"])
    (add,) = (one["add"] for one in storage.actions(place, Log(place).version) if "add" in one)
    assert json.loads(add["stats"]) == {"numRecords": 2}
    found = DeltaTable(str(place)).to_pyarrow_dataset()
    assert found.to_table(filter=ds.field("n").is_null()).num_rows == 1


def test_a_commit_in_between_is_no_loss(spark: SparkSession, place: Path) -> None:
    """It is refused, and tried again by the build; what was written lies beside the table."""
    replace(spark, place, [("a", 1, FIRST)], FIRST)
    before = DeltaTable(str(place))
    added = register.write(frame(spark, [("b", 2, FIRST)]), place, ("day",), ("id",))
    replace(spark, place, [("c", 3, FIRST)], FIRST)
    with pytest.raises(CommitFailedError):
        register.commit(before, added, ("day", [FIRST]), Record(batch="two"))
    assert [row.id for row in storage.read(spark, place).collect()] == ["c"]


def test_what_a_killed_write_left_is_not_taken(spark: SparkSession, place: Path) -> None:
    left = place / "_written" / "day=2026-06-02"
    left.mkdir(parents=True)
    (left / "part.parquet").write_bytes(b"half a fi")
    replace(spark, place, [("a", 1, FIRST)], FIRST)
    assert [row.id for row in storage.read(spark, place).collect()] == ["a"]
    assert not (place / "_written").exists()


def test_rows_of_other_days_are_refused_before_anything_is_committed(
    spark: SparkSession, place: Path
) -> None:
    for rows in ([("a", 1, FIRST), ("b", 1, SECOND)], [("a", 1, None)]):
        with pytest.raises(ValueError, match="are none of the days to replace"):
            replace(spark, place, rows, FIRST)  # type: ignore[arg-type]
    assert Log(place).version == 0


def test_a_text_in_an_array_bounds_no_other_column(spark: SparkSession, tmp_path: Path) -> None:
    rows = spark.sql("SELECT array('zz') AS many, 'x' AS element, DATE'2026-06-01' AS day")
    (added,) = register.write(rows, tmp_path, ("day",), ("element",))
    assert json.loads(added.stats)["maxValues"] == {"element": "x"}


@pytest.mark.parametrize(
    ("change", "takes"),
    [
        ("ADD CONSTRAINT positive CHECK (n > 0)", False),
        ("SET TBLPROPERTIES ('delta.enableRowTracking' = 'true')", False),
        ("SET TBLPROPERTIES ('delta.appendOnly' = 'true')", True),
    ],
)
def test_what_delta_checks_of_rows_is_left_to_delta(
    spark: SparkSession, place: Path, change: str, takes: bool
) -> None:
    """Also a commit of no rows, which is made all the same."""
    assert register.takes(DeltaTable(str(place)))
    spark.sql(f"ALTER TABLE delta.`{place}` {change}")
    assert register.takes(DeltaTable(str(place))) == takes
    before = Log(place).version
    append_nothing(place, Record(batch="none"))
    assert (Log(place).version, Log(place).record()) == (before + 1, Record(batch="none"))


def test_rows_told_apart_share_no_file(spark: SparkSession, place: Path) -> None:
    """A task calls its files alike in all folders: none may take the place of another."""
    rows = frame(spark, [("a", 1, FIRST), ("b", 2, FIRST), ("c", 1, FIRST), ("d", None, SECOND)])
    added = register.write(rows, place, ("day",), ("id",), apart="n")
    register.commit(DeltaTable(str(place)), added, None, None, "append")
    held = [set(pq.read_table(place / file.path)["n"].to_pylist()) for file in added]
    assert sorted(map(str, held)) == ["{1}", "{2}", "{None}"]
    assert {file.partition_values["day"] for file in added} == {str(FIRST), str(SECOND)}
    assert_df_equality(
        storage.read(spark, place), rows, ignore_row_order=True, ignore_nullable=True,
        ignore_metadata=True,
    )  # fmt: skip


def test_small_files_of_a_day_are_put_together(
    spark: SparkSession, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each day is one file then, and says what Spark would have said of it; a large day stays."""
    rows = [("a", 1, FIRST), ("b", None, FIRST), ("c", 3, SECOND), ("d", 4, FIRST)]
    table, bounded = DeltaTable(str(place)), ("id", "n", "at")
    parts = [register.write(frame(spark, [row]), place, ("day",), bounded) for row in rows]
    files = [file for part in parts for file in part]
    monkeypatch.setattr(register, "_COMPACTED_BYTES", 1)
    assert sorted(register.compacted(files, place, bounded), key=files.index) == files
    monkeypatch.undo()
    few = register.compacted(files, place, bounded)
    register.commit(table, few, None, None, "append")
    assert sorted(file.partition_values["day"] for file in few) == [str(FIRST), str(SECOND)]
    assert len(list(place.glob("day=*/*.parquet"))) == 2
    told = json.loads(next(f.stats for f in few if f.partition_values["day"] == str(FIRST)))
    assert (told["numRecords"], told["maxValues"]["id"], told["nullCount"]["n"]) == (3, "d", 1)
    for found in (storage.read(spark, place), spark.read.format("delta").load(str(place))):
        assert_df_equality(
            found.orderBy("id"), frame(spark, rows), ignore_nullable=True, ignore_metadata=True
        )
