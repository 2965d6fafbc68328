"""Rejected records go through again: what passes reaches its table once, the rest keeps its history."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse.balance.report import balance
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.replay import outcome, rejected_records, replay
from lakehouse.run import Result, run

RULE = "amount is not negative"
HISTORY = ("source_file", "row_no", "rules", "first_seen_at", "status")


@pytest.fixture(scope="module")
def first(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Two records that a rule rejects, one without a day, and a good one."""
    house = House(tmp_path_factory.mktemp("first"))
    lines = ["1,A,2026-06-01,5,", "2,A,2026-06-01,-5,", "", "3,A,31 June,3,", "4,A,2026-06-02,-9,"]
    house.land("sales/2026-06-01.csv", *lines)
    house.built("raw_sales", "stg_sales")
    return house


@pytest.fixture
def house(first: House, tmp_path: Path) -> House:
    return first.copy(tmp_path)


def again(
    house: House, rule: str | None = None, table: str | None = None, **conf: Any
) -> list[Any]:
    """Replay; returns what became of the records."""
    frame = house.frame(**conf)
    records = rejected_records(frame, rule, table, None)

    def build(frame: Frame, selection: list[str]) -> Result:
        return run(frame, selection)

    assert replay(frame, records, build).exit_status == 0
    return outcome(house.lake, records)


def test_what_is_quarantined_says_where_it_stands_and_why(house: House) -> None:
    columns = ("row_no", "rules", "reasons", "raw_record", "source_file", "status")
    assert house.rows("quarantine", *columns)[0] == (
        "2",
        f"['{RULE}']",
        f"['broken: {RULE} (amount = -5.00)']",
        '{"sale_id":"2","item_id":"A","sold_on":"2026-06-01","amount":"-5","updated_at":null,'
        '"_corrupt_record":null,"_source_file":"sales/2026-06-01.csv"}',
        "sales/2026-06-01.csv",
        "quarantined",
    )
    assert house.rows("quarantine", "row_no") == [("2",), ("3",), ("4",)]


def test_after_a_setting_changed_what_passes_is_released_once(house: House) -> None:
    before = house.rows("quarantine", *HISTORY)
    released = again(house, RULE, least_amount=-6)
    assert released == [("stg_sales", RULE, 2, 1, 1, 0)]
    assert house.rows("stg_sales", "sale_id", "amount") == [("1", "5.00"), ("2", "-5.00")]
    after = house.rows("quarantine", *HISTORY)
    assert [row[:4] for row in after] == [row[:4] for row in before]
    assert [row[4] for row in after if row[1] == "2"].count("released") == 1
    assert again(house, RULE, least_amount=-6) == [("stg_sales", RULE, 1, 0, 1, 0)]
    assert house.rows("quarantine", *HISTORY) == after
    assert house.rows("stg_sales", "sale_id", "amount") == [("1", "5.00"), ("2", "-5.00")]
    assert balance(house.frame()) == 0


def test_after_a_mapping_changed_records_are_known_by_their_place(house: House) -> None:
    house.columns["sales"] = {name: name for name in ("sale_id", "item_id", "sold_on")} | {
        "amount": "CASE WHEN sale_id = 2 THEN abs(amount) ELSE amount END",
        "updated_at": "updated_at",
    }
    before = house.rows("quarantine", *HISTORY)
    assert again(house, table="stg_sales") == [
        ("stg_sales", RULE, 2, 1, 1, 0),
        ("stg_sales", "sold_on is DATE", 1, 0, 1, 0),
        ("stg_sales", "sold_on is present", 1, 0, 1, 0),
    ]
    assert house.rows("stg_sales", "sale_id", "amount") == [("1", "5.00"), ("2", "5.00")]
    now = house.rows("quarantine", *HISTORY)
    open_ones = {row[1]: row[4] for row in now if row[4] != "withdrawn"}
    assert open_ones == {"2": "released", "3": "quarantined", "4": "quarantined"}
    assert {row[3] for row in now} == {row[3] for row in before}
    assert balance(house.frame()) == 0


def test_records_are_asked_for_by_rule_table_and_date(house: House) -> None:
    frame = house.frame()
    assert len(rejected_records(frame, None, None, None)) == 3
    assert len(rejected_records(frame, RULE, "silver.stg_sales", None)) == 2
    assert len(rejected_records(frame, None, "stg_prices", None)) == 0
    assert len(rejected_records(frame, None, None, datetime(2199, 1, 1, tzinfo=UTC))) == 0
    with pytest.raises(LakehouseError, match=f"by no record in quarantine; did you mean {RULE}"):
        rejected_records(frame, "amount is negative", None, None)
    with pytest.raises(LakehouseError, match="only staging tables judge them; did you mean stg_s"):
        rejected_records(frame, None, "stg_sale", None)
    house.lake.joinpath("ops/quarantine").rename(house.folder / "away")
    assert rejected_records(frame, None, None, None) == []
