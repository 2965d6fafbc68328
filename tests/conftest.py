"""One Spark session for every test that needs one, and builds in a line."""

from pathlib import Path
from typing import Any

import pytest
from places import LAST_DAY, SMALL, Build, frame
from pyspark.sql import SparkSession
from xdist.scheduler import LoadScopeScheduling

from lakehouse.conf import load, merge
from lakehouse.run import Result, run
from lakehouse.session import start
from retail.generator import generate, request

# Files whose tests share a lake, and so a worker: it is built once. All others go by file.
TOGETHER = {
    "retailer": (
        "generated",
        "readme",
        "house",
        "laws",
        "late_costs",
        "generate",
        "raw_tables",
        "faults",
    ),
    "sample": ("online_retail", "killed"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the session, itself or through a fixture, is marked spark."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Share tests out among workers by what they build."""
    return ByLake(config, log)


class ByLake(LoadScopeScheduling):
    """Tests go by file, those of one lake as one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        subject = Path(file).stem.removeprefix("test_")
        return next((lake for lake, subjects in TOGETHER.items() if subject in subjects), file)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """The session; builds in this process use it too."""
    return start(merge(load("local"), SMALL))


@pytest.fixture(scope="session")
def build(spark: SparkSession) -> Build:
    """``build(landing, lake, *selection, source=..., as_of=..., full_refresh=...)``."""

    def build(landing: Path, lake: Path, *selection: str, **options: Any) -> Result:
        return run(frame(landing, lake, **options), selection)

    return build


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landing files of three days of the default retailer, up to LAST_DAY."""
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, request(load("local"), days=3, end_date=LAST_DAY))
    return folder
