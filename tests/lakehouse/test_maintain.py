"""Maintenance: compacts, keeps what a table still has to read, and changes no row."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from deltalake import DeltaTable
from places import called
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse import LakehouseError, maintain
from lakehouse.maintain import LEAST_HOURS
from retail import project


def test_files_are_put_together_and_nothing_is_stale_after_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    for day in (1, 2, 3):
        house.land(f"sales/2026-06-0{day}.csv", f"{day},A,2026-06-0{day},5,2026-06-0{day} 10:00:00")
        house.build("raw_sales")
    house.build()
    before = house.rows("fact_sale", "sale_id", "amount")
    done = {d.table: d for d in maintain.maintain(spark, house.frame())}
    assert (done["bronze.raw_sales"].compacted, done["bronze.raw_sales"].into) == (3, 1)
    assert len(DeltaTable(str(house.path("raw_sales"))).file_uris()) == 1
    assert {d.kept_for for d in done.values()} == {""}
    assert [(o.table, o.reason) for o in house.build().outcomes] == []
    assert house.rows("fact_sale", "sale_id", "amount") == before


def test_files_that_no_version_holds_are_removed_when_they_are_old_enough(
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = House(tmp_path)
    for day in (1, 2):
        house.land(f"sales/2026-06-0{day}.csv", f"{day},A,2026-06-0{day},5,2026-06-0{day} 10:00:00")
        house.build("raw_sales")
    before = house.rows("raw_sales", "sale_id", "amount")
    raw = house.path("raw_sales")
    orphans = {days: raw / f"{days}_days_old.parquet" for days in (20, 8, 0)}
    for days, orphan in orphans.items():
        shutil.copy(next(raw.glob("part-*.parquet")), orphan)
        since = time.time() - days * 24 * 3600
        os.utime(orphan, (since, since))
    monkeypatch.setattr(project, "frame", lambda options: house.frame())

    def done(*words: str) -> str:
        assert called(monkeypatch, "maintain", *words) == 0
        (said,) = re.findall(r"^bronze\.raw_sales +(.*)$", capsys.readouterr().out, re.MULTILINE)
        return " ".join(said.split())

    assert done("--hours", "400") == "2 files into 1 1 removed"
    assert [days for days, orphan in orphans.items() if orphan.exists()] == [8, 0]
    assert done() == "compact 1 removed"
    assert [days for days, orphan in orphans.items() if orphan.exists()] == [0]
    assert house.rows("raw_sales", "sale_id", "amount") == before


def test_what_a_table_still_has_to_read_is_kept(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of versions older than the horizon, which here is now."""
    house = House(tmp_path)
    house.land("sales/2026-06-01.csv", "1,A,2026-06-01,5,2026-06-01 10:00:00")
    house.build()
    house.land("sales/2026-06-02.csv", "2,A,2026-06-02,5,2026-06-02 10:00:00")
    house.build("raw_sales")
    monkeypatch.setattr(maintain, "LEAST_HOURS", 0)
    asked: list[str] = []
    monkeypatch.setattr(
        maintain, "_vacuum", lambda spark, path, hours: asked.append(path.name) or 0
    )
    done = {d.table: d for d in maintain.maintain(spark, house.frame(), 0)}
    assert done["bronze.raw_sales"].kept_for == "stg_sales has not read it since"
    assert "raw_sales" not in asked
    assert "landing_files" not in asked  # raw_prices was loaded by an older version of it
    assert "stg_sales" in asked


def test_less_than_a_week_and_no_lake_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="--hours 24 would remove files"):
        next(maintain.maintain(spark, House(tmp_path).frame(), 24))
    with pytest.raises(LakehouseError, match="There is no lake"):
        next(maintain.maintain(spark, House(tmp_path).frame(), LEAST_HOURS))
