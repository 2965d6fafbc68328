"""Days made of many new rows are judged and written where they lie, to the same end."""

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


def test_many_new_rows_are_judged_and_their_repeats_told(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, "2026-06-01", "2026-06-01,STR-0001,PRD-000001,9,2,7")
    assert build(landing, lake, "+stg_inventory_snapshots").exit_status == 0
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
    table = DeltaTable(str(lake / STAGED.replace(".", "/"))).to_pyarrow_table()
    found = sorted(zip(*(table[name].to_pylist() for name in names), strict=True))
    assert found == [
        ("PRD-000001", 2, 3, 1),
        ("PRD-000001", 7, 9, 2),
        ("PRD-000002", 6, 6, 0),
    ]
    assert [row for row in rows(lake, "ops.quarantine") if "no store" in repr(row)]
