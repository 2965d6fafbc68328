"""Each illness planted in a key of its own: found there, mended, and not there any more."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse.doctor.options import add_names
from lakehouse.doctor.subject import Subject, subject
from lakehouse.doctor.visit import visit
from lakehouse.log import Log, commit_properties

Row = dict[str, Any]
HISTORY = ("item_key", "item_id", "price", "label", "valid_from", "valid_to", "is_current")
FACT = ("sale_id", "item_id", "sold_on", "amount", "price")
FACTS = ("--fact", "fact_sale", "--fact-key", "item_id", "--fact-at", "sold_on")


def june(day: int) -> datetime:
    return datetime(2026, 6, day, tzinfo=UTC)


# What is done to the first version of an item, [1900, 3 June) at 10, and the second, open, at 11.
PLANTED: dict[str, tuple[int, Row]] = {
    "overlap": (0, {"valid_to": june(4)}),
    "flag on": (0, {"is_current": True}),
    "empty": (0, {"valid_to": datetime(1900, 1, 1, tzinfo=UTC)}),
    "equal": (0, {"price": 11}),
    "twice": (1, {}),
    "flag off": (1, {"is_current": False}),
    "null start": (1, {"valid_from": None}),
    "gap": (0, {"valid_to": june(2)}),
    "ended": (1, {"valid_to": june(30), "is_current": False}),
}
FOUND = {
    ("overlap", "overlap"),
    ("several_current", "flag on"),
    ("wrong_current", "flag on"),
    ("empty_interval", "empty"),
    ("equal_neighbours", "equal"),
    ("duplicate_version", "twice"),
    ("wrong_current", "flag off"),
    ("null_start", "null start"),
    ("no_open_version", "null start"),
    ("gap", "gap"),
    ("no_open_version", "ended"),
    ("fact_out_of_time", "gap"),
    ("fact_without_version", "ghost"),
}


@pytest.fixture(scope="module")
def healthy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> House:
    """An item for each illness and a sound one, all sold on two days."""
    house = House(tmp_path_factory.mktemp("healthy"))
    for day, price in ((1, 10), (3, 11)):
        lines = [f"{item},{price},{item},2026-06-0{day} 00:00:00" for item in (*PLANTED, "sound")]
        house.land(f"prices/2026-06-0{day}.csv", *lines)
    house.land("sales/2026-06-02.csv", "1,gap,2026-06-02,5,", "2,sound,2026-06-02,6,")
    house.land("sales/2026-06-04.csv", "3,sound,2026-06-04,7,")
    house.built()
    return house


@pytest.fixture
def house(healthy: House, tmp_path: Path) -> House:
    return healthy.copy(tmp_path)


def asked(house: House, *words: str) -> Subject:
    """The toy's history, named by nothing but its table, and what ``words`` add."""
    parser = ArgumentParser()
    add_names(parser)
    return subject(house.frame(), parser.parse_args(["gold.dim_item", *words]))


def rewrite(
    house: House, table: str, change: Callable[[list[Row]], list[Row]], recorded: bool
) -> None:
    """Change a table's rows past the builds; ``recorded`` as if a build had done so."""
    log = Log(house.path(table))
    rows = DeltaTable(str(log.path)).to_pyarrow_table()
    record = log.record()
    assert record is not None
    write_deltalake(
        str(log.path),
        pa.Table.from_pylist(change(rows.to_pylist()), schema=rows.schema),
        mode="overwrite",
        commit_properties=commit_properties(record) if recorded else None,
    )


def planted(rows: list[Row]) -> list[Row]:
    """The history with each illness in its item."""
    found = []
    for row in rows:
        which, change = PLANTED.get(row["item_id"], (0, {}))
        is_meant = (row["price"] == 11) == (which == 1)
        found += [row | change] if is_meant else [row]
        found += [row] if is_meant and row["item_id"] == "twice" else []
    return found


def forged(rows: list[Row]) -> list[Row]:
    """The history with a wrong price, and a first version gone: no illness, but wrong."""
    cheap = [r | {"price": 9} if (r["item_id"], r["price"]) == ("sound", 10) else r for r in rows]
    return [row for row in cheap if (row["item_id"], row["price"]) != ("flag off", 10)]


def haunted(rows: list[Row]) -> list[Row]:
    """The facts with the third sale's item unknown to anybody."""
    return [row | {"item_id": "ghost"} if row["sale_id"] == "3" else row for row in rows]


def test_a_healthy_table_has_no_findings(
    healthy: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert visit(healthy.frame(), asked(healthy, *FACTS), strict=True, into=healthy.lake) == 0
    assert "gold.dim_item is healthy." in capsys.readouterr().out
    assert not (healthy.lake / "ops" / "doctor_findings").exists()


def moved(printed: str) -> None:
    """What a repair of the planted and forged says that it changes."""
    said = " ".join(printed.split())
    for part in (
        '{"item_id":"flag off"} 1 0 1 ',
        '{"item_id":"overlap"} 0 0 1 ',
        '{"item_id":"sound"} 0 0 1 ',
        '{"item_id":"twice"} 0 1 0 ',
        " in all 1 1 9 ",
        '{"sold_on":"2026-06-04"} 0 0 1 ',
    ):
        assert part in said


def test_each_illness_is_found_in_its_key_shown_and_repaired(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with them what looks well, but was written past the builds: the record vouches for all."""
    before = house.rows("dim_item", *HISTORY), house.rows("fact_sale", *FACT)
    rewrite(house, "dim_item", planted, recorded=True)
    rewrite(house, "dim_item", forged, recorded=False)
    rewrite(house, "fact_sale", haunted, recorded=True)
    versions = [Log(house.path(name)).version for name in ("dim_item", "fact_sale")]

    frame = house.frame()
    how = {"repair": True, "strict": True, "into": house.lake}
    assert visit(frame, asked(house, *FACTS), dry_run=True, **how) == 1
    found = house.rows("doctor_findings", "run_id", "table_name", "illness", "record_key")
    assert {row[:2] for row in found} == {(frame.batch, "gold.dim_item")}
    assert {(row[2], next(iter(json.loads(row[3]).values()))) for row in found} == FOUND
    moved(capsys.readouterr().out)
    assert [Log(house.path(name)).version for name in ("dim_item", "fact_sale")] == versions

    assert visit(house.frame(), asked(house, *FACTS), **how) == 0
    said = capsys.readouterr().out
    moved(said)
    assert "gold.dim_item is repaired." in said
    assert "gold.fact_sale is repaired." in said
    now = [Log(house.path(name)).version for name in ("dim_item", "fact_sale")]
    assert now == [version + 1 for version in versions]
    assert (house.rows("dim_item", *HISTORY), house.rows("fact_sale", *FACT)) == before
    assert house.built() == {}


def test_rows_without_a_key_mean_the_whole_history_again(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key that lost its first version does not show it."""
    before = house.rows("dim_item", *HISTORY)

    def lost(rows: list[Row]) -> list[Row]:
        return [
            row | {"item_id": None} if (row["item_id"], row["price"]) == ("sound", 10) else row
            for row in rows
        ]

    rewrite(house, "dim_item", lost, recorded=True)
    assert visit(house.frame(), asked(house), repair=True) == 0
    assert '{"item_id":null} 1 null_key' in " ".join(capsys.readouterr().out.split())
    assert house.rows("dim_item", *HISTORY) == before
    assert "dim_item" not in house.built()
