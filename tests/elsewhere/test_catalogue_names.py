"""A lake whose tables go by name: in Spark's own catalogue, as in Unity Catalog."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from end_to_end.lakes import CATALOGUE, TABLES, differing
from places import ROOT, SAMPLE
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse import storage
from lakehouse.conf import load, merge
from lakehouse.log import Log
from lakehouse.maintain import maintain
from lakehouse.named import Name
from lakehouse.query import in_spark
from lakehouse.run import dry_run, run
from lakehouse.session import start
from retail import project

LAKE = Name(("spark_catalog",))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    """A session whose catalogue keeps its tables in a folder of its own."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    conf = {"spark": {"spark.sql.warehouse.dir": str(warehouse)}}
    return start(merge(load("local"), conf))


@pytest.fixture(autouse=True)
def empty(session: SparkSession) -> Iterator[None]:
    """Each test has the catalogue to itself."""
    yield
    for (schema,) in session.sql("SHOW SCHEMAS").collect():
        if schema != "default":
            session.sql(f"DROP SCHEMA `{schema}` CASCADE")


@dataclass
class NamedHouse(House):
    """A toy lake by names."""

    @property
    def lake(self) -> Name:  # type: ignore[override]
        return LAKE


def test_the_sample_by_names_holds_the_tables_of_a_local_one(local_lake: Path) -> None:
    options = Namespace(
        source=ROOT / "conf/sources/online_retail.yaml",
        landing=SAMPLE,
        lake=storage.remote("catalog:spark_catalog"),
        env="local",
    )
    frame = project.frame(options)
    assert run(frame).exit_status == 0
    assert differing(LAKE, local_lake, TABLES) == {}
    assert dry_run(frame) == []
    named = {f"{layer}.{name}" for layer, name, _ in storage.tables_in(LAKE)}
    assert set(TABLES) < named
    _, answer = in_spark(
        frame.conf, LAKE, CATALOGUE, "SELECT count(*) FROM gold.dim_product_current"
    )
    assert answer[0][0] > 0
    assert {f"{layer}.{name}" for layer, name, _ in storage.tables_in(LAKE)} == named


def test_later_and_corrected_files_end_where_folders_end(
    session: SparkSession, tmp_path: Path
) -> None:
    named, folder = NamedHouse(tmp_path / "a"), House(tmp_path / "b")
    days = {
        "prices/2026-06-01.csv": ["A,10,a,2026-06-01 00:00:00", "B,20,b,2026-06-01 00:00:00"],
        "sales/2026-06-01.csv": ["1,A,2026-06-01,5,2026-06-01 10:00:00"],
        "sales/2026-06-02.csv": [
            "2,B,2026-06-02,7,2026-06-02 10:00:00",
            "3,A,2026-06-02,-1,2026-06-02 11:00:00",
        ],
    }
    for house in (named, folder):
        for path, lines in days.items():
            house.land(path, *lines)
            assert house.build().exit_status == 0
        house.land("sales/2026-06-01.csv", "1,A,2026-06-01,9,2026-06-01 11:00:00")
        assert house.build().exit_status == 0
        assert house.build().outcomes == []
    tables = [t.full_name for t in folder.frame().catalogue.tables.values()]
    assert differing(named.lake, folder.lake, tables) == {}
    assert quarantined(named) == quarantined(folder) != []
    done = list(maintain(session, named.frame()))
    assert "gold.fact_sale" in {one.table for one in done}
    assert named.build().outcomes == []
    before = Log(LAKE / "gold" / "fact_sale").version
    assert named.build(full_refresh=True).exit_status == 0
    assert Log(LAKE / "gold" / "fact_sale").version > before
    assert differing(named.lake, folder.lake, tables) == {}


def quarantined(house: House) -> list[dict[str, Any]]:
    """What a house rejected, free of when and in which build."""
    kept = storage.delta(house.lake / "ops" / "quarantine").to_pyarrow_table()
    return kept.select(["record_id", "rules", "raw_record", "status"]).to_pylist()
