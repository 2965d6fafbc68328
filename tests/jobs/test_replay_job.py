"""The replay as people call it: what was rejected since, and what became of it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from places import called
from pyspark.sql import SparkSession
from toy.house import House

from retail import project

RULE = "amount is not negative"


def test_what_was_rejected_since_goes_through_again(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = House(tmp_path)
    house.land("sales/2026-06-01.csv", "1,A,2026-06-01,5,", "2,A,2026-06-01,-9,")
    house.built("raw_sales", "stg_sales")
    between = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    house.land("sales/2026-06-02.csv", "3,A,2026-06-02,-5,")
    house.built("raw_sales", "stg_sales")
    monkeypatch.setattr(project, "frame", lambda options: house.frame(least_amount=-6))

    asked = ["--rule", RULE, "--table", "stg_sales", "--since"]
    assert called(monkeypatch, "replay", *asked, "2199-01-01") == 0
    assert capsys.readouterr().out == "No such record is in quarantine.\n"
    assert house.rows("stg_sales", "sale_id") == [("1",)]
    assert called(monkeypatch, "replay", *asked, between) == 0
    assert re.search(rf"stg_sales\W+{RULE}\W+1\W+1\W+0\W+0", capsys.readouterr().out)
    assert house.rows("stg_sales", "sale_id") == [("1",), ("3",)]
    assert house.rows("quarantine", "record_key", "status") == [
        ('{"sale_id":"2"}', "quarantined"),
        ('{"sale_id":"3"}', "released"),
    ]
