"""The sample built here, to compare with what is built elsewhere."""

from pathlib import Path

import pytest
from elsewhere.submitted import SOURCE, submit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole builds, some of them on a small machine beside others, take their time."""
    for item in items:
        if "elsewhere" in item.path.parts:
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def local_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of the sample, built on this machine."""
    lake = tmp_path_factory.mktemp("local") / "lake"
    done = submit("jobs/build.py", *SOURCE, "--lake", str(lake))
    assert done.returncode == 0, done.stdout + done.stderr
    return lake
