"""The doctor at tables made elsewhere: other names, open ends as null, other flags; and refusals."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from places import called
from pyspark.sql import SparkSession

COLUMNS = ("emp", "unit", "start_date", "end_date", "salary", "live", "row_sk")
Row = tuple[Any, ...]
Doctor = Callable[..., int]


def march(day: int) -> date:
    return date(2026, 3, day)


HEALTHY: list[Row] = [
    ("ann", 1, march(1), march(5), 10, "N", 1),
    ("ann", 1, march(5), None, 11, "Y", 2),
    ("ann", 2, march(3), None, 11, "Y", 3),
    ("bob", 1, march(1), None, 12, "Y", 4),
]
NOTED: list[Row] = [  # left once and came back; left for good
    ("cat", 1, march(1), march(2), 10, "N", 5),
    ("cat", 1, march(4), None, 10, "Y", 6),
    ("dan", 1, march(1), march(9), 10, "N", 7),
]
ILL: list[Row] = [
    ("eve", 1, march(1), march(9), 10, "N", 8),
    ("eve", 1, march(5), None, 11, "Y", 9),
    ("eve", 1, march(7), None, 12, "N", 10),
    ("fay", 1, march(1), march(9), 10, "N", 11),
    ("fay", 1, march(5), None, 11, "Y", 12),
]
CLOSED: list[Row] = [
    ("gus", 1, march(1), march(4), 10, "N", 1),
    ("gus", 1, march(5), march(5), 11, "N", 2),
    ("gus", 1, march(6), None, 12, "Y", 3),
]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """``doctor(rows, *words)``: exit status of the job at a table of these rows."""

    def doctor(rows: list[Row], *words: str) -> int:
        table = pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows])
        write_deltalake(str(tmp_path / "staff"), table, mode="overwrite")
        lake, path = str(tmp_path / "lake"), str(tmp_path / "staff")
        return called(monkeypatch, "doctor", path, "--lake", lake, *words)

    return doctor


NAMES = ("--key", "emp,unit", "--from", "start_date", "--to", "end_date")


def test_a_table_made_elsewhere_is_judged_by_names_alone(
    spark: SparkSession, doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = tmp_path / "lake" / "ops" / "doctor_findings"
    assert doctor(HEALTHY, *NAMES, "--strict") == 0
    assert not findings.exists()
    assert doctor(HEALTHY + NOTED, *NAMES) == 0
    assert "is healthy, with 2 notes." in capsys.readouterr().out
    assert doctor(HEALTHY + NOTED, *NAMES, "--strict") == 1
    capsys.readouterr()

    assert doctor(HEALTHY + ILL, *NAMES, "--current", "live", "--keys", "1") == 1
    rows = DeltaTable(str(findings)).to_pyarrow_table().to_pylist()
    last = max(row["run_id"] for row in rows)
    kept = {
        (row["illness"], row["record_key"], row["keys"], row["findings"])
        for row in rows
        if row["run_id"] == last
    }
    assert kept == {
        ("overlap", '{"emp":"eve","unit":1}', 1, 2),
        ("overlap", None, 1, 1),  # fay, past the limit of one key
        ("wrong_current", '{"emp":"eve","unit":1}', 1, 1),
    }
    said = " ".join(capsys.readouterr().out.split())
    assert " overlap illness 3 2 starts before an earlier version of its key ends " in said
    assert " gap note 0 0 " in said
    worst = '{"emp":"eve","unit":1} 3 overlap, wrong_current {"emp":"fay","unit":1} 1 overlap '
    assert worst in said
    assert said.endswith("is ill.")


def test_ends_that_belong_to_their_version_leave_no_gap(
    spark: SparkSession, doctor: Doctor
) -> None:
    assert doctor(CLOSED, *NAMES) == 1  # read as half-open, the one day of a version is empty
    assert doctor(CLOSED, *NAMES, "--end-includes", "day", "--strict") == 0


def test_a_row_that_a_deletion_vector_hides_is_not_there(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "staff"
    overlapping = ("bob", 1, march(2), march(3), 12, "N", 5)
    types = (
        "emp STRING, unit INT, start_date DATE, end_date DATE, salary INT, live STRING, row_sk INT"
    )
    rows = spark.createDataFrame([*HEALTHY, overlapping], types).coalesce(1)
    rows.write.format("delta").option("delta.enableDeletionVectors", True).save(str(path))
    words = (str(path), "--lake", str(tmp_path / "lake"), *NAMES)
    assert called(monkeypatch, "doctor", *words) == 1
    spark.sql(f"DELETE FROM delta.`{path}` WHERE row_sk = 5")
    assert '"deletionVector":{' in (path / "_delta_log" / f"{1:020}.json").read_text()
    assert called(monkeypatch, "doctor", *words, "--strict") == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key", "emp"], "has no column valid_from; known are"),
        (["--key", "empl", *NAMES[2:]], "has no column empl; did you mean emp."),
        ([*NAMES, "--current", "life"], "has no column life; did you mean live."),
        ([*NAMES, "--tracked", "salery"], "has no column salery; did you mean salary."),
        ([*NAMES[:2], "--from", "salary", "--to", "end_date"], "salary is long; the doctor"),
        (NAMES[2:], "name it with --key"),
        ([*NAMES, "--open-end", "2999"], "--open-end 2999 is no date"),
        ([*NAMES, "--repair"], "is no table of this lake's catalogue"),
        ([*NAMES, "--fact", "gold.fact"], "There is no Delta table gold.fact, neither in the lake"),
        ([*NAMES, "--fact", "{staff}"], "name its column with --fact-key"),
        (
            [*NAMES, "--fact", "{staff}", "--fact-key", "salary", "--fact-at", "emp"],
            "emp is string; the doctor compares moments",
        ),
    ],
)
def test_what_cannot_be_looked_over_is_refused(
    doctor: Doctor,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    assert doctor(HEALTHY, *[word.format(staff=tmp_path / "staff") for word in words]) == 2
    message = capsys.readouterr().err.strip()
    assert said in message
    assert len(message.splitlines()) == 1
    assert not (tmp_path / "lake").exists()
