"""Late files reach exactly the days that they can alter; bad rows of days go aside and come back."""

import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import ask, differing, files, rows
from end_to_end.stock import assert_features, assert_stock
from oracles.demand_features import OBSERVED
from places import Build

from lakehouse import storage

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
FACT, MART = "gold.fact_inventory_daily", "gold.mart_demand_forecast_input"
DAYS = [str(date(2026, 5, 1) + timedelta(n)) for n in range(40)]
MISSING = "2026-05-10"


def land(landing: Path, path: str, *lines: str) -> None:
    file = landing / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([HEADS[file.parent.name], *lines, ""]))


def count(day: str, available: int, product: int = 1, reserved: int = 0) -> str:
    on_hand = available + reserved
    return f"{day},STR-0001,PRD-00000{product},{on_hand},{reserved},{available},3,1,2.5"


def sale(
    number: int, day: str, units: int = 1, product: int = 1, back_on: str | None = None
) -> str:
    status = (
        f"returned,in_store,in_store,{back_on}" if back_on else f"delivered,in_store,in_store,{day}"
    )
    return (
        f"TXN-{number},ORD-{number},,STR-0001,PRD-00000{product},{day} 10:00:00,{units},5.00,0.00,"
        f"{units}.00,{status} 15:00:00"
    )


def by_lot(landed: list[str]) -> tuple[dict[str, str], list[str]]:
    """What these days hold of another product: counts on most of them; sales, a few of which return."""
    luck = random.Random(4)
    counts, sales = dict[str, str](), list[str]()
    for day in landed:
        if luck.random() < 0.9:
            counts[day] = count(day, luck.choice([-1, 0, 1, 3, 9, 900]), 2)
        for _ in range(luck.choice([0, 0, 1, 2])):
            back_on = luck.choice([d for d in landed if d >= day]) if luck.random() < 0.2 else None
            sales.append(sale(100 + len(sales), day, luck.randint(1, 9), 2, back_on))
    return counts, sales


def days_changed(lake: Path, table: str, since: int) -> set[str]:
    """Days of the rows that differ between a version and the newest."""
    path, day = str(lake / table.replace(".", "/")), "snapshot_date"
    day = "observed_on" if "mart" in table else day
    before = DeltaTable(path, version=since).to_pyarrow_table().to_pylist()
    now = DeltaTable(path).to_pyarrow_table().to_pylist()
    changed = {tuple(r.items()) for r in before} ^ {tuple(r.items()) for r in now}
    return {str(dict(row)[day]) for row in changed}


def days_rewritten(lake: Path, table: str, since: int) -> set[str]:
    """Days of which a commit after a version adds or removes a file."""
    day = "observed_on" if "mart" in table else "snapshot_date"
    path, newest = lake / table.replace(".", "/"), version(lake, table)
    said = [a for v in range(since + 1, newest + 1) for a in storage.actions(path, v)]
    parts = [a.get("add") or a.get("remove") for a in said]
    return {part["partitionValues"][day] for part in parts if part}


def features(lake: Path, day: str) -> dict[str, Any]:
    """The row of the first product and a day."""
    found = DeltaTable(str(lake / MART.replace(".", "/"))).to_pyarrow_table().to_pylist()
    [row] = [r for r in found if (r["product_id"], str(r["observed_on"])) == ("PRD-000001", day)]
    return row


def version(lake: Path, table: str) -> int:
    return int(DeltaTable(str(lake / table.replace(".", "/"))).version())


@pytest.fixture(scope="module")
def first(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Counts of 40 days with a gap on the tenth, a sale on the first and on the last.

    So much of one product; another is counted and sold by lot, and was not ranged for four days.
    """
    folder = tmp_path_factory.mktemp("late")
    landed = [day for day in DAYS if day != MISSING]
    counts, sales = by_lot(landed)
    for day in landed:
        lines = [count(day, 4), *([counts[day]] if day in counts else [])]
        land(folder / "landing", f"inventory_snapshots/{day}.csv", *lines)
    sales = [sale(1, DAYS[0]), sale(2, DAYS[-1]), *sales]
    land(folder / "landing", "transactions/2026-06-09.csv", *sales)
    land(
        folder / "landing",
        "products/2026-06-01.csv",
        "PRD-000002,,,,,,5.00,3.00,,true,,2026-05-01 12:00:00,upsert",
        "PRD-000002,,,,,,5.00,3.00,,false,,2026-05-20 12:00:00,upsert",
        "PRD-000002,,,,,,7.50,3.00,,true,,2026-05-24 12:00:00,upsert",
    )
    assert build(folder / "landing", folder / "lake", CHAIN).exit_status == 0
    return folder


@pytest.fixture
def house(first: Path, tmp_path: Path) -> Path:
    """The same for one test: files keep their times, so they count as known."""
    return Path(shutil.copytree(first, tmp_path, dirs_exist_ok=True))


def test_forty_days_are_what_duckdb_makes_of_the_files(first: Path) -> None:
    """Windows of 28 days that are full and move on, with days uncounted, sold out and not ranged."""
    landed = files(first / "landing", "transactions", "products", "inventory", kind="csv")
    counted = assert_stock(first / "lake", landed)
    assert {row[-1] for row in counted} == {
        *("out_of_stock", "critical", "low", "no_movement", "overstocked", "healthy")
    }
    observed = assert_features(first / "lake", landed)
    assert len(observed) == 2 * len(DAYS)
    assert {row[3] for row in observed} == {"sold", "true_zero", "out_of_stock", "not_ranged", None}


def test_a_late_count_and_a_late_sale_change_the_days_they_reach(build: Build, house: Path) -> None:
    lake, fact, mart = house / "lake", FACT, MART
    before = version(lake, fact), version(lake, mart)
    land(house / "landing", "inventory_snapshots/2026-05-10.csv", count("2026-05-10", 4))
    result = build(house / "landing", lake, CHAIN)
    assert {o.table: o.mode for o in result.outcomes if o.table in (fact, mart)} == {
        fact: "part", mart: "part"
    }  # fmt: skip
    # The day itself, and those whose 28 days hold it; features count the days covered among 91.
    reached = {f"2026-05-{d}" for d in range(10, 32)} | {f"2026-06-0{d}" for d in range(1, 8)}
    for days in (days_changed, days_rewritten):
        assert days(lake, fact, before[0]) == reached
        assert days(lake, mart, before[1]) == reached | {"2026-06-08", "2026-06-09"}
    before = version(lake, fact), version(lake, mart)
    row = features(lake, "2026-06-04")
    land(house / "landing", "transactions/2026-06-10.csv", sale(3, "2026-06-04", 2))
    build(house / "landing", lake, CHAIN)
    for days in (days_changed, days_rewritten):
        assert days(lake, fact, before[0]) == {f"2026-06-0{d}" for d in range(4, 10)}
        assert days(lake, mart, before[1]) == {f"2026-06-0{d}" for d in range(4, 10)}
    # What the day itself saw is another; what lies before it is the same.
    now = features(lake, "2026-06-04")
    assert {name for name in row if row[name] != now[name]} == {
        "units", "demand_status", "estimated_demand"
    } < OBSERVED  # fmt: skip
    # A master that arrives with its end: no later day is ranged, even where no window reaches.
    land(
        house / "landing",
        "products/2026-06-10.csv",
        "PRD-000001,,,,,,5.00,3.00,,true,,2026-05-01 08:00:00,upsert",
        "PRD-000001,,,,,,,,,,,2026-05-05 12:00:00,delete",
    )
    build(house / "landing", lake, CHAIN)
    ranged = f"SELECT max(snapshot_date)::VARCHAR FROM {fact} WHERE is_ranged AND product_id = 'PRD-000001'"
    assert ask(lake, ranged) == [("2026-05-04",)]
    whole = house / "whole"
    build(house / "landing", whole, CHAIN)
    tables = ("silver.stg_inventory_snapshots", "silver.int_daily_sales", fact, mart)
    assert differing(lake, whole, tables) == {}


def test_the_next_day_adds_its_own_and_an_earlier_as_of_takes_it_away(
    build: Build, house: Path
) -> None:
    lake, mart = house / "lake", MART
    before = version(lake, mart)
    old = rows(lake, mart)
    land(house / "landing", "inventory_snapshots/2026-06-10.csv", count("2026-06-10", 4))
    land(house / "landing", "transactions/2026-06-10.csv", sale(3, "2026-06-10", 2))
    build(house / "landing", lake, CHAIN)
    assert days_changed(lake, mart, before) == {"2026-06-10"}
    assert days_rewritten(lake, mart, before) == {"2026-06-10"}
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
