"""Files that are full snapshots: in any order, too small, corrected, without a date."""

from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse import LakehouseError
from lakehouse.balance.report import balance
from lakehouse.run import Result

VERSION = ("item_id", "price", "valid_from", "valid_to")
EVENT = ("item_id", "price", "sequence", "operation")


@pytest.fixture
def house(spark: SparkSession, tmp_path: Path) -> House:
    return House(tmp_path)


def snapshot(house: House, day: int, items: str) -> None:
    """Items with their prices as A1 B2; their own times are unknown."""
    house.land(f"prices/2026-06-0{day}.csv", *[f"{i[0]},{i[1:]},on sale," for i in items.split()])


def build(house: House, table: str = "stg_prices", limit: float = 0.5) -> Result:
    return house.build(f"+{table}", snapshots={"prices": True, "most_deleted": limit})


def versions(house: House) -> list[tuple[str, ...]]:
    """Versions with the day of the month at which they begin and end; the years of both ends."""
    instants = {"1900-01-01": "ever", "9999-12-31": "open"}
    rows = house.rows("dim_item", *VERSION)
    return [(i, p, *(instants.get(d[:10], d[8:10]) for d in days)) for i, p, *days in rows]


def days(house: House) -> list[str]:
    """Days of the snapshots in bronze."""
    return sorted({path[-6:-4] for (path,) in house.rows("raw_prices", "_source_file")})


def whole(house: House, folder: Path, *names: str) -> House:
    """Another house, to which the files move and which is built at once from them."""
    once = House(folder)
    once.folder.mkdir()
    house.landing.rename(once.landing)
    build(once, *names)
    return once


def test_any_order_of_arrival_gives_what_one_load_gives(house: House, tmp_path: Path) -> None:
    snapshot(house, 1, "A1 B1 C1")
    snapshot(house, 4, "A1 B2 C1 D5")
    build(house, "dim_item")
    snapshot(house, 2, "A1 B2")  # late: C had vanished, and B changed earlier than known
    late = {o.table: (o.mode, o.reason) for o in build(house, "dim_item").outcomes}
    assert late["silver.stg_prices"] == (
        "whole",
        "raw_prices changed, and what it lacks shows in all snapshots alone",
    )
    assert late["gold.dim_item"][0] == "part"
    assert versions(house) == [
        ("A", "1.00", "ever", "open"),
        ("B", "1.00", "ever", "02"),
        ("B", "2.00", "02", "open"),
        ("C", "1.00", "ever", "02"),
        ("C", "1.00", "04", "open"),
        ("D", "5.00", "ever", "open"),
    ]
    before = DeltaTable(str(house.path("dim_item"))).file_uris()
    snapshot(house, 3, "A1 B2")  # the same content as of the day before: no replay, and no version
    result = build(house, "dim_item")
    assert (result.replays, days(house)) == ([], ["01", "02", "03", "04"])
    assert DeltaTable(str(house.path("dim_item"))).file_uris() == before
    once = whole(house, tmp_path / "once", "dim_item")
    assert versions(house) == versions(once)
    assert house.rows("stg_prices", *EVENT) == once.rows("stg_prices", *EVENT)
    deleted = [row for row in once.rows("stg_prices", *EVENT) if row[3] == "delete"]
    assert deleted == [("C", "None", "2026-06-02 00:00:00+00:00", "delete")]
    assert balance(house.frame(snapshots={"prices": True, "most_deleted": 0.5})) == 0


def test_a_snapshot_is_believed_by_its_neighbours_and_the_limit(
    house: House, tmp_path: Path
) -> None:
    def built(limit: float = 0.5) -> tuple[list[str], list[str]]:
        """Files newly set aside, and the days in bronze."""
        result = build(house, limit=limit)
        aside = sorted(file.path[7:-4] for file in result.set_aside)
        assert result.exit_status == (1 if aside else 0)
        return aside, days(house)

    snapshot(house, 1, "A1 B1 C1 D1")
    snapshot(house, 3, "A1")
    assert built() == (["2026-06-03"], ["01"])
    again = build(house)
    assert (again.exit_status, again.outcomes) == (0, [])
    (small,) = again.known_set_aside
    assert "lacks 3 of the 4 keys of the one of 2026-06-01" in str(small.reason)
    # A late one between the two, of which the small one lacks only half.
    snapshot(house, 2, "A1 B1")
    assert built() == ([], ["01", "02", "03"])
    # A correction that is cut short leaves what it would replace; what vanished still counts.
    before = house.rows("stg_prices", *EVENT)
    first = house.landing / "prices" / "2026-06-01.csv"
    first.rename(tmp_path / first.name)
    snapshot(house, 2, "A1")
    assert built() == (["2026-06-02"], ["01", "02", "03"])
    assert house.rows("stg_prices", *EVENT) == before
    (tmp_path / first.name).rename(first)
    # A correction that shows that its successor was cut short: the records of that one leave.
    snapshot(house, 2, "A1 B1 C1 D1 E1 F1")
    snapshot(house, 4, "")
    house.land("prices/all.csv", "A,1,,")
    assert built() == (["2026-06-03", "2026-06-04", "all"], ["01", "02"])
    # Another limit, and back.
    assert built(limit=0.9) == ([], ["01", "02", "03"])
    reasons = sorted(str(file.reason)[:24] for file in build(house, limit=0.9).known_set_aside)
    assert reasons == ["a full snapshot takes it", "the snapshot holds no ke"]
    assert built() == (["2026-06-03"], ["01", "02"])
    rows = house.rows("stg_prices", *EVENT)
    assert whole(house, tmp_path / "once").rows("stg_prices", *EVENT) == rows


def test_a_snapshot_without_a_date_judges_nobody(house: House) -> None:
    house.land("prices/all.csv", *[f"{item},1,on sale," for item in "ABCDEF"])
    house.built("bronze", "stg_prices")  # as a file of changes, before they are snapshots
    house.land("prices/every.csv", *[f"{item},1,on sale," for item in "GHIJKL"])
    snapshot(house, 1, "A1 B1")
    result = build(house)
    assert sorted(file.path for file in result.set_aside) == ["prices/all.csv", "prices/every.csv"]
    assert days(house) == ["01"]


def test_an_entity_that_no_table_takes_as_snapshots_is_refused(house: House) -> None:
    house.landing.mkdir()
    with pytest.raises(
        LakehouseError, match=r"sets snapshots\.price, but .*mean snapshots\.prices"
    ):
        house.build(snapshots={"prices": False, "price": True})
    assert not house.lake.exists()
