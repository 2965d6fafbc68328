"""Where a lake lies: one setting, and what is asked of tables in folders without Spark."""

import argparse
import shutil
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from places import ROOT

from lakehouse import LakehouseError, storage
from lakehouse.lock import lake_lock
from lakehouse.log import Log, Record, create
from lakehouse.named import Name
from lakehouse.own import write_rows
from lakehouse.query import connect
from lakehouse.schema import parse
from lakehouse.storage import Uri
from retail import project

DDL = "sale_id STRING NOT NULL COMMENT 'Sale', sold_on DATE COMMENT 'Day'"


@pytest.mark.parametrize(
    ("setting", "place", "sql"),
    [
        ("/lakes/one", Path("/lakes/one/gold/fact"), "delta.`/lakes/one/gold/fact`"),
        ("s3a://b/one", Uri("s3a://b/one/gold/fact"), "delta.`s3a://b/one/gold/fact`"),
        ("catalog:main", Name(("main", "gold", "fact")), "`main`.`gold`.`fact`"),
    ],
)
def test_one_setting_says_where_tables_lie(setting: str, place: storage.Place, sql: str) -> None:
    assert project.place(setting) / "gold" / "fact" == place
    assert storage.sql(place) == sql
    given = project.parser("").parse_args(["--lake", setting]).lake
    assert project.place(given) / "gold" / "fact" == place


def test_a_relative_folder_of_conf_starts_at_the_project_and_a_person_s_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert project.place(Path("lake")) == tmp_path / "lake"
    assert project.place("data/lake") == ROOT / "data" / "lake"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("ftp://b/lake", r"in no store that is known here; expected a folder, .* s3a://"),
        ("catalog:", "names no catalogue; expected catalog:NAME"),
        ("catalog:a.b", "names no catalogue"),
        ("data/a lake*", r"a lake\* holds \*, which Spark reads as a pattern"),
        (Path("lakes/[1]"), r"holds \[ \], which Spark reads as a pattern"),
    ],
)
def test_a_lake_that_can_lie_nowhere_is_refused(setting: str | Path, said: str) -> None:
    with pytest.raises(LakehouseError, match=said):
        project.place(setting)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ("local", "environment local is not set up for s3a://b/lake; use --env cluster"),
        ("cluster", "writes landing files beside the lake"),  # the source has an adapter
    ],
)
def test_a_store_that_cannot_serve_is_refused(env: str, said: str, tmp_path: Path) -> None:
    source = ROOT / "conf" / "sources" / "adventureworks.yaml"
    lake = Uri("s3a://b/lake")
    options = argparse.Namespace(source=source, landing=tmp_path, lake=lake, env=env)
    with pytest.raises(LakehouseError, match=said):
        project.frame(options)


def test_duckdb_refuses_named_tables_and_says_who_reads_them() -> None:
    with pytest.raises(LakehouseError, match="ask Spark with --engine spark"):
        connect(Name(("main",)), None)  # type: ignore[arg-type]


def test_a_place_is_in_its_lake_alone() -> None:
    for lake in (Path("/a"), Uri("s3a://b/a"), Name(("a",))):
        assert storage.holds(lake, lake / "gold" / "t")
        for other in (Path("/x"), Uri("s3a://b/x"), Name(("x",))):
            assert not storage.holds(lake, other / "gold" / "t")


def test_only_folders_are_locked(tmp_path: Path) -> None:
    with lake_lock(tmp_path):
        assert (tmp_path / ".lock").exists()
    with lake_lock(Name(("main",))), lake_lock(Name(("main",))):
        pass


def test_a_store_goes_by_its_usual_name_outside_spark() -> None:
    assert storage.address(Uri("s3a://b/lake")) == "s3://b/lake"
    assert storage.address(Uri("abfss://c@a.dfs.core.windows.net/lake")).startswith("abfss://c@a")


def test_a_folder_s_tables_are_counted_and_measured_without_spark(tmp_path: Path) -> None:
    place = tmp_path / "gold" / "sales"
    create(place, parse(DDL), "Sales.")
    assert storage.added(place, 0, {}) == storage.Added(0, 0, 0)
    rows = [{"sale_id": one} for one in "aab"]
    write_rows(place, DDL, "Sales.", rows, Record(batch="one"))
    size = sum(file.stat().st_size for file in place.glob("*.parquet"))
    assert Log(place).last_added() == storage.Added(3, 1, size)
    assert storage.counted(place, "sale_id") == {"a": 2, "b": 1}
    assert storage.counted(place, "sale_id", {"sale_id": "a"}) == {"a": 2}
    assert list(storage.tables_in(tmp_path)) == [("gold", "sales", place)]
    storage.write_arrow(
        place,
        pa.table({"sale_id": ["c"], "sold_on": pa.nulls(1, pa.date32())}),
        "overwrite",
        Record().json(),
    )
    assert storage.counted(place, "sale_id") == {"c": 1}


def test_rows_are_counted_by_statistics(tmp_path: Path) -> None:
    days = pa.array([date(2026, 6, 1), date(2026, 6, 1), date(2026, 6, 2)])
    write_deltalake(str(tmp_path), pa.table({"day": days, "n": [1, 2, 3]}), partition_by="day")
    assert storage.row_count(tmp_path) == 3
    assert storage.row_count(tmp_path, "day", ["2026-06-01", "2026-06-07"]) == 2


def test_readers_of_a_version_share_it_and_a_table_made_again_is_another(tmp_path: Path) -> None:
    place = tmp_path / "table"
    write_deltalake(place, pa.table({"n": [1]}))
    first = storage.delta(place)
    assert storage.delta(place) is first is storage.delta(place, 0)
    assert storage.fresh(place) is not first
    write_deltalake(place, pa.table({"n": [2]}), mode="append")
    assert (storage.delta(place).version(), first.version()) == (1, 0)
    assert storage.delta(place, 0) is first
    shutil.rmtree(place)
    assert not storage.is_table(place)
    write_deltalake(place, pa.table({"n": [3]}))
    assert storage.delta(place).to_pyarrow_table()["n"].to_pylist() == [3]
