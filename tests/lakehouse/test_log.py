"""What the log says: the newest record, what maintenance does to it, and what RESTORE means."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.log import Log, Record, commit_properties, create
from lakehouse.schema import parse

COLUMNS = parse("id STRING COMMENT 'It''s an id', amount DECIMAL(18,2)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create(tmp_path / "t", COLUMNS, "One row per id.", (), ["id"])
    return tmp_path / "t"


def write(path: Path, record: Record | None, *ids: str) -> None:
    rows = pa.table({"id": list(ids), "amount": pa.array([1] * len(ids), pa.decimal128(18, 2))})
    properties = commit_properties(record) if record else None
    write_deltalake(str(path), rows, mode="append", commit_properties=properties)


def test_an_empty_table_has_its_comments_feed_and_checksum(path: Path) -> None:
    log = Log(path)
    assert log.holds(COLUMNS, ())
    assert not log.holds(parse("id STRING, amount DECIMAL(18,2)"), ())
    assert not log.holds(COLUMNS, ["id"])
    assert DeltaTable(str(path)).metadata().configuration["delta.enableChangeDataFeed"] == "true"
    assert (path / "_delta_log" / f"{0:020}.crc").exists()
    assert log.record() is None
    assert not log.changed_since(-1)


def test_maintenance_moves_no_rows(path: Path) -> None:
    for batch in ("a", "b"):
        write(path, Record(batch=batch), batch)
    DeltaTable(str(path)).optimize.compact()
    log = Log(path)
    assert log.version == 3
    assert log.record() == Record(batch="b")
    assert log.changed_since(1)
    assert not log.changed_since(2)


def test_rows_of_somebody_else_leave_no_record(path: Path) -> None:
    write(path, Record(batch="a"), "1")
    write(path, None, "2")
    assert Log(path).record() is None


def test_restore_means_the_version_restored(path: Path) -> None:
    for batch in ("a", "b"):
        write(path, Record(batch=batch), batch)
    DeltaTable(str(path)).restore(1)
    assert Log(path).record() == Record(batch="a")
    assert Log(path).changed_since(2)


def test_no_table_says_nothing(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert (log.exists, log.version, log.id, log.record()) == (False, -1, "", None)
