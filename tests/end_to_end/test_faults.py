"""Faults planted into three generated days: each meets its answer, and nothing else is touched."""

import re
import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from end_to_end.lakes import CATALOGUE, differing
from places import Build, frame

from lakehouse.balance.report import balance
from lakehouse.balance.score import score
from retail.generator.answer_key import LABELS, accepted, read
from retail.generator.faults import FAULTS, FILE_FAULTS
from retail.generator.planting import plant

# What judges records; all else follows from it, as the laws say.
JUDGES = [table for table in CATALOGUE.tables.values() if table.is_staging]
BUILT = ("bronze", *(table.name for table in JUDGES))
COMPARED = [table.full_name for table in JUDGES]


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
    assert plant(tmp_path / "again", 0.05, seed=42) == len(key)
    assert read(tmp_path / "again" / LABELS) == key


def test_every_fault_meets_its_answer_and_nothing_is_a_false_alarm(
    spoilt: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert score(frame(spoilt, lake), spoilt / LABELS.parent) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    planted = len(read(spoilt / LABELS))
    assert f"{planted:,} of {planted:,} faults met their answer." in said
    assert re.search(r"^0 false alarms among [\d,]+ clean records", said, re.MULTILINE)


def test_the_spoilt_lake_balances(spoilt: Path, lake: Path) -> None:
    assert balance(frame(spoilt, lake)) == 0


def test_the_lake_is_that_of_the_clean_files_without_what_is_not_accepted(
    build: Build, landing: Path, spoilt: Path, lake: Path, tmp_path: Path
) -> None:
    accepted(landing, spoilt / LABELS, tmp_path / "landing")
    assert build(tmp_path / "landing", tmp_path / "lake", *BUILT).exit_status == 0
    assert differing(lake, tmp_path / "lake", COMPARED) == {}


def test_a_hidden_record_is_missed_by_the_score(
    spoilt: Path, lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(lake, tmp_path / "lake")
    path = str(tmp_path / "lake" / "ops" / "quarantine")
    rows = DeltaTable(path).to_pyarrow_table()
    kept = [rules != ["no ties"] for rules in rows["rules"].to_pylist()]
    write_deltalake(path, rows.filter(kept), mode="overwrite")
    assert score(frame(spoilt, tmp_path / "lake"), spoilt / LABELS.parent) == 1
    assert "missed: conflicting duplicate" in capsys.readouterr().out
