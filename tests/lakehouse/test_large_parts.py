"""Days made of many new rows are judged and written where they lie, to the same end."""

from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import rows
from places import Build

from lakehouse import build as building
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


LINES = (
    "transaction_id,order_id,customer_id,store_id,product_id,transaction_date,quantity,unit_price,"
    "discount_amount,total_amount,order_status,channel,fulfillment_type,updated_at,fulfilled_from,"
    "line_type\n"
)
SALES = "silver.stg_transactions"


def line(
    number: str, day: str, status: str = "delivered", store: str = "STR-0001", at: str = ""
) -> str:
    return (
        f"{number},ORD-1,CUS-00000001,{store},PRD-000001,{day} 10:00:00,1,5,0,5,{status},in_store,in_store,"
        f"{at or day}T12:00:00Z,,"
    )


def land_lines(landing: Path, name: str, *lines: str) -> None:
    folder = landing / "transactions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.csv").write_text(LINES + "\n".join(lines) + "\n")


def aside(lake: Path) -> list[tuple[object, ...]]:
    return found(lake, "ops.quarantine", "source_file", "row_no", "status", "rules", "record_id")


# By the file that they land in.
DAYS = {
    "2026-06-01": (
        line("TXN-1", "2026-06-01", "pending"),
        line("TXN-2", "2026-06-01", "pending"),
        line("TXN-3", "2026-06-01", store="no store"),
        line("TXN-3", "2026-06-01", store="no store"),
    ),
    # Of an old line a status, an old line twice, one on another day, one that was rejected; of new
    # ones some twice in a file or in two; without an id; rejected alone; late.
    "2026-06-02": (
        line("TXN-1", "2026-06-01", "confirmed", at="2026-06-02"),
        line("TXN-2", "2026-06-02", "confirmed", at="2026-06-02"),
        line("TXN-2", "2026-06-02", "shipped", at="2026-06-02"),
        line("TXN-3", "2026-06-01", at="2026-06-02"),
        line("TXN-4", "2026-06-02", "pending"),
        line("TXN-4", "2026-06-02", "returned"),
        line("TXN-5", "2026-06-02"),
        line("", "2026-06-02"),
        line("TXN-6", "2026-06-02", store="no store"),
        line("TXN-7", "2026-05-30", at="2026-06-02"),
        line("TXN-8", "2026-06-02"),
    ),
    "2026-06-03": (
        line("TXN-9", "2026-06-03"),
        line("TXN-5", "2026-06-02", "returned", at="2026-06-03"),
        line("TXN-6", "2026-06-02", at="2026-06-03"),
    ),
}


def staged(build: Build, landing: Path, lake: Path) -> tuple[object, ...]:
    """Mode of the build of the lines, records judged, and records rejected."""
    result = build(landing, lake, "+stg_transactions")
    (outcome,) = (outcome for outcome in result.outcomes if outcome.table == SALES)
    return outcome.mode, outcome.rows_in, outcome.quarantined


def assert_as_if_built_at_once(build: Build, landing: Path, lake: Path) -> None:
    other = lake.parent / "at_once"
    assert build(landing, other, "+stg_transactions").exit_status == 0
    assert rows(lake, SALES) == rows(other, SALES)
    open_ones = [[row for row in aside(one) if row[2] == "quarantined"] for one in (lake, other)]
    assert open_ones[0] == open_ones[1]
    assert not list((lake / "silver" / "stg_transactions").glob("_keys*"))


def test_lines_of_new_keys_are_appended_and_all_others_merged(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    monkeypatch.setattr(split, "LARGE", 0)
    written = []
    for day, lines in DAYS.items():
        land_lines(landing, day, *lines)
        written.append(staged(build, landing, lake))
    assert_as_if_built_at_once(build, landing, lake)
    assert len(rows(lake, SALES)) == 9
    # Earlier rejects of TXN-3 and TXN-6 are not judged again: else 15 and 5 would be.
    assert written == [("whole", 4, 2), ("part", 13, 2), ("part", 4, 0)]


def test_a_build_that_died_between_merge_and_append_is_made_again(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where what it merged has left the file since: a status, and a line that came twice."""
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    monkeypatch.setattr(split, "LARGE", 0)
    first, second, _ = DAYS.items()
    land_lines(landing, first[0], *first[1])
    assert staged(build, landing, lake)[0] == "whole"
    land_lines(landing, second[0], *second[1])
    with monkeypatch.context() as dying:
        dying.setattr(building, "commit_more", None)
        assert build(landing, lake, "+stg_transactions").exit_status == 1
    held = dict(found(lake, SALES, "transaction_id", "order_status"))
    assert (held["TXN-1"], held["TXN-4"]) == ("confirmed", "returned")  # merged
    assert "TXN-5" not in held  # not yet appended
    corrected = [one for one in second[1] if not one.startswith(("TXN-1,", "TXN-4,"))]
    land_lines(landing, second[0], *corrected)
    assert staged(build, landing, lake)[0] == "whole"
    assert_as_if_built_at_once(build, landing, lake)
    assert len(rows(lake, SALES)) == 6
