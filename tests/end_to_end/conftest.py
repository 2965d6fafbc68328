"""Three generated days of a few stores, and one lake built of them at once."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from places import SAMPLE, Build

from lakehouse.run import Result

STORES = ["STR-0001", "STR-0002", "STR-0003"]


@pytest.fixture(scope="session")
def landing(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landing files of three days, cut down to what happened in STORES."""
    folder = tmp_path_factory.mktemp("cut") / "landing"
    shutil.copytree(generated, folder)
    for file in (folder / "transactions").glob("*.parquet"):
        pq.write_table(pq.read_table(file, filters=[("store_id", "in", STORES)]), file)
    for file in (folder / "inventory_snapshots").glob("*.parquet"):
        pq.write_table(pq.read_table(file, filters=[("store_id", "in", STORES)]), file)
    for file in (folder / "page_views").glob("*.parquet"):
        pq.write_table(_visits(pq.read_table(file)), file)
    for file in (folder / "customers").glob("*.parquet"):
        pq.write_table(pq.read_table(file).slice(0, 400), file)
    return folder


@pytest.fixture(scope="session")
def days(landing: Path) -> list[str]:
    return sorted(file.stem for file in (landing / "transactions").glob("*"))


@pytest.fixture(scope="session")
def whole(build: Build, landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake built of all three days at once."""
    lake = tmp_path_factory.mktemp("whole")
    result = build(landing, lake)
    assert result.exit_status == 0
    return lake


@pytest.fixture(scope="session")
def sample_lake(build: Build, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The lake of Online Retail's sample, and what its one build said."""
    lake = tmp_path_factory.mktemp("sample")
    return lake, build(SAMPLE, lake, source="online_retail")


def _visits(events: pa.Table) -> pa.Table:
    """Every event of some visits: of one customer in sixteen, and of a few nobody knows."""
    last = pc.utf8_slice_codeunits(events["customer_id"], 11)
    known = pc.is_in(last, pa.array(["1", "2"]))
    tail = pc.utf8_slice_codeunits(events["session_id"], 18)
    return events.filter(pc.or_(pc.fill_null(known, False), pc.equal(tail, "01")))
