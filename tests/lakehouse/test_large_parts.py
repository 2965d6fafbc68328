"""Days made of many new rows are judged and written where they lie, to the same end."""

from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import rows
from places import Build

from lakehouse import split

HEADER = (
    "snapshot_date,store_id,product_id,quantity_on_hand,quantity_reserved,quantity_available,"
    "reorder_point,safety_stock,days_of_supply\n"
)
STAGED = "silver.stg_inventory_snapshots"


def land(landing: Path, name: str, *counts: str) -> None:
    folder = landing / "inventory_snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(HEADER + "".join(f"{count},1,1,1\n" for count in counts))


def one_day(build: Build, folder: Path) -> tuple[Path, Path]:
    """Where files land, and a lake built of a first day."""
    landing, lake = folder / "landing", folder / "lake"
    land(landing, "2026-06-01", "2026-06-01,STR-0001,PRD-000001,9,2,7")
    assert build(landing, lake, "+stg_inventory_snapshots").exit_status == 0
    return landing, lake


def found(lake: Path, table: str, *names: str) -> list[tuple[object, ...]]:
    rows = DeltaTable(str(lake / table.replace(".", "/"))).to_pyarrow_table()
    return sorted(zip(*(rows[name].to_pylist() for name in names), strict=True))


def counts(lake: Path) -> list[tuple[object, ...]]:
    return found(lake, STAGED, "snapshot_date", "product_id", "quantity_available")


def rejected(lake: Path) -> list[tuple[object, bool]]:
    """Of each rejected record its file, and whether it is kept as it landed."""
    rows = found(lake, "ops.quarantine", "source_file", "raw_record")
    return [(file, "no store" in str(record)) for file, record in rows]


def test_many_new_rows_whose_keys_do_not_repeat_are_read_once(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rejects are put aside before the rest is committed: a build that dies in between loses none."""
    landing, lake = one_day(build, tmp_path)
    monkeypatch.setattr(split, "LARGE", 0)
    monkeypatch.setattr(split, "_counts", None)  # a pass of its own
    first = (date(2026, 6, 1), "PRD-000001", 7)
    good = "2026-06-02,STR-0001,PRD-000001,5,1,4", "2026-06-02,STR-0001,PRD-000002,6,0,6"
    land(landing, "2026-06-02", *good, "2026-06-02,no store,PRD-000003,6,0,6")
    with monkeypatch.context() as dying:
        dying.setattr(split, "commit_days", None)
        assert build(landing, lake, "+stg_inventory_snapshots").exit_status == 1
    assert counts(lake) == [first]
    assert rejected(lake) == [("inventory_snapshots/2026-06-02.csv", True)]
    result = build(landing, lake, "+stg_inventory_snapshots")
    second = [(date(2026, 6, 2), "PRD-000001", 4), (date(2026, 6, 2), "PRD-000002", 6)]
    assert counts(lake) == [first, *second]
    assert rejected(lake) == [("inventory_snapshots/2026-06-02.csv", True)]
    (staged,) = (outcome for outcome in result.outcomes if outcome.table == STAGED)
    assert (staged.rows_in, staged.quarantined, staged.rows) == (3, 1, 2)
    land(
        landing, "2026-06-03", "2026-06-03,STR-0001,PRD-000001,5,5,0", "2026-06-03,no store,x,1,1,0"
    )
    assert build(landing, lake, "+stg_inventory_snapshots").exit_status == 0
    assert counts(lake) == [first, *second, (date(2026, 6, 3), "PRD-000001", 0)]
    assert rejected(lake)[1:] == [("inventory_snapshots/2026-06-03.csv", True)]


def test_many_new_rows_are_judged_and_their_repeats_told(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, lake = one_day(build, tmp_path)
    monkeypatch.setattr(split, "LARGE", 0)
    land(
        landing,
        "2026-06-02",
        "2026-06-02,STR-0001,PRD-000001,5,1,4",
        "2026-06-02,STR-0001,PRD-000002,6,0,6",
        "2026-06-02,no store,PRD-000003,6,0,6",
    )
    land(landing, "2026-06-03", "2026-06-02,STR-0001,PRD-000001,3,1,2")
    assert build(landing, lake, "+stg_inventory_snapshots").exit_status == 0
    names = ("product_id", "quantity_available", "quantity_on_hand", "quantity_reserved")
    assert found(lake, STAGED, *names) == [
        ("PRD-000001", 2, 3, 1),
        ("PRD-000001", 7, 9, 2),
        ("PRD-000002", 6, 6, 0),
    ]
    assert [row for row in rows(lake, "ops.quarantine") if "no store" in repr(row)]
