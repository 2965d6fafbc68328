"""Faults planted into three generated days: each meets its answer, and nothing else is touched."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from end_to_end.lakes import CATALOGUE, differing
from places import Build, frame
from pyspark.sql import SparkSession

from lakehouse.balance.report import balance, opened
from lakehouse.balance.score import score
from lakehouse.checks.validate import expected, validate
from retail.generator.answer_key import LABELS, accepted, read
from retail.generator.faults import FAULTS, FILE_FAULTS
from retail.generator.planting import plant, told

# What judges records, and of what follows from it sales with their costs, products and stock.
JUDGES = [table.name for table in CATALOGUE.tables.values() if table.is_staging]
ABOVE = ("dim_product", "fact_sales", "int_daily_sales", "fact_inventory_daily")
BUILT = ("bronze", "int_store_zones", *JUDGES, *ABOVE)
COMPARED = [CATALOGUE.tables[name].full_name for name in (*JUDGES, *ABOVE)]


@pytest.fixture(scope="module")
def spoilt(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The landing files with one record in twenty spoilt."""
    folder = tmp_path_factory.mktemp("spoilt") / "landing"
    shutil.copytree(landing, folder)
    plant(folder, 0.05, seed=42)
    return folder


@pytest.fixture(scope="module")
def lake(build: Build, spoilt: Path) -> Path:
    """A lake built of them."""
    lake = spoilt.parent / "lake"
    assert build(spoilt, lake, *BUILT).exit_status == 1  # files were set aside
    return lake


def test_every_rule_of_the_key_is_declared() -> None:
    known = {rule.name for table in CATALOGUE.tables.values() for rule in table.declaration.expects}
    implied = r"no ties|text is UTF-8|\w+ is (present|INT|TIMESTAMP|DECIMAL\(18,4\))"
    rules = {fault.rule for faults in FAULTS.values() for fault in faults if fault.rule}
    assert [rule for rule in rules - known if not re.fullmatch(implied, rule)] == []


def test_every_fault_is_planted_and_the_same_again(
    landing: Path, spoilt: Path, tmp_path: Path
) -> None:
    key = read(spoilt / LABELS)
    wanted = {f.name for faults in FAULTS.values() for f in faults} | {f.name for f in FILE_FAULTS}
    assert {label.fault for label in key} == wanted
    shutil.copytree(landing, tmp_path / "again")
    assert plant(tmp_path / "again", 0.05, seed=42) == key
    assert read(tmp_path / "again" / LABELS) == key
    assert told(key) == f"{len(key):,} faults planted"


def test_faults_for_which_there_are_too_few_files_are_named(landing: Path, tmp_path: Path) -> None:
    shutil.copytree(landing, tmp_path / "landing")
    first = min(file.name for file in (tmp_path / "landing").glob("transactions/*"))
    for file in (tmp_path / "landing").glob("*/*.parquet"):
        if file.name != first:
            file.unlink()
    _, _, missing = told(plant(tmp_path / "landing", 0.05, seed=42)).partition("; none of ")
    late = ["out of order", "late line"]
    assert (
        missing == f"{', '.join([*late, *(f.name for f in FILE_FAULTS)])}: too few files or records"
    )


def test_every_fault_meets_its_answer_and_nothing_is_a_false_alarm(
    spoilt: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(frame(spoilt, lake), spoilt / LABELS.parent) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    planted = len(read(spoilt / LABELS))
    assert f"{planted:,} of {planted:,} faults met their answer." in said
    assert re.search(r"^0 false alarms among [\d,]+ clean records", said, re.MULTILINE)


def test_rules_that_warn_count_at_least_what_was_planted_and_is_shown(
    spoilt: Path, lake: Path
) -> None:
    assert validate(frame(spoilt, lake), JUDGES, print) == 0
    results = DeltaTable(str(lake / "ops" / "quality_results")).to_pyarrow_table().to_pylist()
    counted = {(row["table_name"], row["rule"]): row["failed_rows"] for row in results}
    connection, tables = opened(frame(spoilt, lake))
    shown = {
        (one.raw.entity, *place)
        for one in tables
        for place in connection.execute(
            f"SELECT file, place FROM {one.records} WHERE disposition = 'good'"
        ).fetchall()
    }
    warned = [label for label in read(spoilt / LABELS) if label.answer == "warn"]
    planted = Counter(
        (f"silver.stg_{label.entity}", label.rule)
        for label in warned
        if (label.entity, label.file, label.row) in shown
    )
    assert {rule for _, rule in planted} == {label.rule for label in warned}
    assert {at: n for at, n in planted.items() if counted[at] < n} == {}


def test_great_expectations_counts_the_same_in_the_spoilt_lake(
    spoilt: Path, lake: Path, spark: SparkSession, tmp_path: Path
) -> None:
    said: list[str] = []
    selected = ["stg_transactions", "stg_inventory_snapshots"]
    assert expected(frame(spoilt, lake), selected, spark, said.append, tmp_path) == 0, said
    assert {line.split()[0] for line in said[:-2]} == {"quarantined", "warned"}


def test_the_spoilt_lake_balances(spoilt: Path, lake: Path) -> None:
    assert balance(frame(spoilt, lake)) == 0


def test_the_lake_is_that_of_the_clean_files_without_what_is_not_accepted(
    build: Build, landing: Path, spoilt: Path, lake: Path, tmp_path: Path
) -> None:
    accepted(landing, spoilt / LABELS, tmp_path / "landing")
    assert build(tmp_path / "landing", tmp_path / "lake", *BUILT).exit_status == 0
    assert differing(lake, tmp_path / "lake", COMPARED) == {}


Rewritten = Callable[[str, Callable[[dict[str, Any]], dict[str, Any] | None]], Path]


@pytest.fixture
def rewritten(lake: Path, tmp_path: Path) -> Rewritten:
    """A copy of the lake with the rows of one of its own tables changed, or (None) left out."""

    def rewritten(name: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
        shutil.copytree(lake, tmp_path / "lake")
        path = str(tmp_path / "lake" / "ops" / name)
        rows = DeltaTable(path).to_pyarrow_table()
        changed = [row for row in map(change, rows.to_pylist()) if row]
        write_deltalake(path, pa.Table.from_pylist(changed, rows.schema), mode="overwrite")
        return tmp_path / "lake"

    return rewritten


def test_a_hidden_record_is_missed_by_the_score(
    spoilt: Path, rewritten: Rewritten, capsys: pytest.CaptureFixture[str]
) -> None:
    other = rewritten("quarantine", lambda row: None if row["rules"] == ["no ties"] else row)
    assert score(frame(spoilt, other), spoilt / LABELS.parent) == 1
    assert "missed: conflicting duplicate" in capsys.readouterr().out


def test_a_clean_file_that_is_set_aside_is_a_false_alarm(
    spoilt: Path, rewritten: Rewritten, capsys: pytest.CaptureFixture[str]
) -> None:
    def set_aside(row: dict[str, Any]) -> dict[str, Any]:
        return row | {"status": "set_aside"} if row["entity"] == "stores" else row

    assert score(frame(spoilt, rewritten("landing_files", set_aside)), spoilt / LABELS.parent) == 1
    said = capsys.readouterr().out
    assert re.search(r"^1 false alarms among \d+ clean files", said, re.MULTILINE)
    assert re.search(r"^0 false alarms among [\d,]+ clean records", said, re.MULTILINE)
