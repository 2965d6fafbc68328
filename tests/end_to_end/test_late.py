"""Late files reach exactly the days that they can alter; bad rows of days go aside and come back."""

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import ask, differing, rows
from places import Build

COUNT = "snapshot_date,store_id,product_id,quantity_on_hand,quantity_reserved,quantity_available,reorder_point,safety_stock,days_of_supply"
LINE = (
    "transaction_id,order_id,customer_id,store_id,product_id,transaction_date,quantity,unit_price,"
    "discount_amount,total_amount,order_status,channel,fulfillment_type,updated_at"
)
PRODUCT = (
    "product_id,sku,product_name,category,subcategory,brand,unit_price,unit_cost,weight_lbs,"
    "is_active,created_at,updated_at,_operation"
)
HEADS = {"inventory_snapshots": COUNT, "transactions": LINE, "products": PRODUCT}
CHAIN = "+mart_demand_forecast_input"


def land(landing: Path, path: str, *lines: str) -> None:
    file = landing / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([HEADS[file.parent.name], *lines, ""]))


def count(day: str, available: int, product: int = 1, reserved: int = 0) -> str:
    on_hand = available + reserved
    return f"{day},STR-0001,PRD-00000{product},{on_hand},{reserved},{available},3,1,2.5"


def sale(number: int, day: str, units: int = 1) -> str:
    return (
        f"TXN-{number},ORD-{number},,STR-0001,PRD-000001,{day} 10:00:00,{units},5.00,0.00,{units}.00,"
        f"delivered,in_store,in_store,{day} 15:00:00"
    )


def days_written(lake: Path, table: str, since: int) -> set[str]:
    """Days of the rows that differ between a version and the newest."""
    path, day = str(lake / table.replace(".", "/")), "snapshot_date"
    day = "observed_on" if "mart" in table else day
    before = DeltaTable(path, version=since).to_pyarrow_table().to_pylist()
    now = DeltaTable(path).to_pyarrow_table().to_pylist()
    changed = {tuple(r.items()) for r in before} ^ {tuple(r.items()) for r in now}
    return {str(dict(row)[day]) for row in changed}


def version(lake: Path, table: str) -> int:
    return int(DeltaTable(str(lake / table.replace(".", "/"))).version())


@pytest.fixture(scope="module")
def first(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Counts of 40 days with a gap on the tenth, a sale on the first and on the last."""
    folder = tmp_path_factory.mktemp("late")
    days = [f"2026-05-{d:02}" for d in range(1, 32)] + [f"2026-06-{d:02}" for d in range(1, 10)]
    for day in days:
        if day != "2026-05-10":
            land(folder / "landing", f"inventory_snapshots/{day}.csv", count(day, 4))
    land(folder / "landing", "transactions/2026-06-09.csv", sale(1, days[0]), sale(2, days[-1]))
    assert build(folder / "landing", folder / "lake", CHAIN).exit_status == 0
    return folder


@pytest.fixture
def house(first: Path, tmp_path: Path) -> Path:
    """The same for one test: files keep their times, so they count as known."""
    return Path(shutil.copytree(first, tmp_path, dirs_exist_ok=True))


def test_a_late_count_and_a_late_sale_change_the_days_they_reach(build: Build, house: Path) -> None:
    lake = house / "lake"
    fact, mart = "gold.fact_inventory_daily", "gold.mart_demand_forecast_input"
    before = version(lake, fact), version(lake, mart)
    land(house / "landing", "inventory_snapshots/2026-05-10.csv", count("2026-05-10", 4))
    result = build(house / "landing", lake, CHAIN)
    assert {o.table: o.mode for o in result.outcomes if o.table in (fact, mart)} == {
        fact: "part", mart: "part"
    }  # fmt: skip
    # The day itself, and those whose 28 days hold it; features count the days covered among 91.
    reached = {f"2026-05-{d}" for d in range(10, 32)} | {f"2026-06-0{d}" for d in range(1, 8)}
    assert days_written(lake, fact, before[0]) == reached
    assert days_written(lake, mart, before[1]) == reached | {"2026-06-08", "2026-06-09"}
    before = version(lake, fact), version(lake, mart)
    land(house / "landing", "transactions/2026-06-10.csv", sale(3, "2026-06-04", 2))
    build(house / "landing", lake, CHAIN)
    assert days_written(lake, fact, before[0]) == {f"2026-06-0{d}" for d in range(4, 10)}
    assert days_written(lake, mart, before[1]) == {f"2026-06-0{d}" for d in range(4, 10)}
    # A master that arrives with its end: no later day is ranged, even where no window reaches.
    land(
        house / "landing",
        "products/2026-06-10.csv",
        "PRD-000001,,,,,,5.00,3.00,,true,,2026-05-01 08:00:00,upsert",
        "PRD-000001,,,,,,,,,,,2026-05-05 12:00:00,delete",
    )
    build(house / "landing", lake, CHAIN)
    ranged = f"SELECT max(snapshot_date)::VARCHAR FROM {fact} WHERE is_ranged"
    assert ask(lake, ranged) == [("2026-05-04",)]
    whole = house / "whole"
    build(house / "landing", whole, CHAIN)
    tables = ("silver.stg_inventory_snapshots", "silver.int_daily_sales", fact, mart)
    assert differing(lake, whole, tables) == {}


def test_the_next_day_adds_its_own_and_an_earlier_as_of_takes_it_away(
    build: Build, house: Path
) -> None:
    lake, mart = house / "lake", "gold.mart_demand_forecast_input"
    before = version(lake, mart)
    old = rows(lake, mart)
    land(house / "landing", "inventory_snapshots/2026-06-10.csv", count("2026-06-10", 4))
    land(house / "landing", "transactions/2026-06-10.csv", sale(3, "2026-06-10", 2))
    build(house / "landing", lake, CHAIN)
    assert days_written(lake, mart, before) == {"2026-06-10"}
    build(house / "landing", lake, CHAIN, as_of="2026-06-09")
    assert rows(lake, mart) == old


def test_bad_rows_of_days_go_aside_and_come_back(build: Build, tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    status = "SELECT status, count(*) FROM ops.quarantine GROUP BY ALL ORDER BY ALL"

    def staged() -> list[tuple[object, ...]]:
        result = build(landing, lake, "+stg_inventory_snapshots")
        assert result.exit_status == 0, [o.reason for o in result.outcomes]
        sql = "SELECT snapshot_date::VARCHAR, product_id FROM silver.stg_inventory_snapshots"
        return ask(lake, f"{sql} ORDER BY ALL")

    land(landing, "inventory_snapshots/2026-06-01.csv", count("2026-06-01", 4))
    assert staged() == [("2026-06-01", "PRD-000001")]
    bad = (
        count("someday", 4),
        count("20260-06-02", 4),
        count("2026-06-02", 4, 2).replace("PRD-", ""),
    )
    land(landing, "inventory_snapshots/2026-06-02.csv", count("2026-06-02", 4), *bad)
    assert staged() == [("2026-06-01", "PRD-000001"), ("2026-06-02", "PRD-000001")]
    assert ask(lake, status) == [("quarantined", 3)]
    # Another day's file leaves them alone; the corrected file takes them back.
    land(landing, "inventory_snapshots/2026-06-03.csv", count("2026-06-03", 4), count("?", 4))
    assert len(staged()) == 3
    assert ask(lake, status) == [("quarantined", 4)]
    land(
        landing,
        "inventory_snapshots/2026-06-02.csv",
        count("2026-06-02", 4),
        count("2026-06-02", 4, 2),
    )
    assert len(staged()) == 4
    assert ask(lake, status) == [("quarantined", 1), ("withdrawn", 3)]
    whole = tmp_path / "whole"
    build(landing, whole, "+stg_inventory_snapshots")
    assert differing(lake, whole, ["silver.stg_inventory_snapshots"]) == {}


def test_warnings_name_counts_that_do_not_add_up(build: Build, tmp_path: Path) -> None:
    line = "2026-06-01,STR-0001,PRD-000001,5,1,-2,3,1,2.5"
    land(tmp_path / "landing", "inventory_snapshots/2026-06-01.csv", line)
    result = build(tmp_path / "landing", tmp_path / "lake", "+fact_inventory_daily")
    warned = [w for o in result.outcomes for w in o.warnings]
    assert [w.split(": ")[1] for w in warned if "stg_inventory" in w] == [
        "quantity_available is quantity_on_hand - quantity_reserved",
        "no quantity is negative",
    ]
    sql = "SELECT stock_status, is_in_stock, days_of_supply FROM gold.fact_inventory_daily"
    assert ask(tmp_path / "lake", sql) == [("out_of_stock", False, None)]
