"""The sample built here, to compare with what is built elsewhere."""

from pathlib import Path

import pytest
from elsewhere.submitted import SOURCE, submit


@pytest.fixture(scope="session")
def local_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake of the sample, built on this machine."""
    lake = tmp_path_factory.mktemp("local") / "lake"
    done = submit("jobs/build.py", *SOURCE, "--lake", str(lake))
    assert done.returncode == 0, done.stdout + done.stderr
    return lake
