"""A build killed at any moment and run again ends as one that was not disturbed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from end_to_end.lakes import TABLES, differing
from places import ROOT

from lakehouse.run import Result

SAMPLE = ROOT / "data" / "online_retail_sample"


@pytest.fixture(scope="module")
def undisturbed(build: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("undisturbed")
    build(SAMPLE, lake, source="online_retail")
    return lake


@pytest.mark.parametrize(
    "moment", ["bronze/raw_stores", "silver/stg_transactions", "gold/dim_date"]
)
def test_a_killed_build_is_made_good_by_the_next(
    build: Callable[..., Result], undisturbed: Path, tmp_path: Path, moment: str
) -> None:
    lake = tmp_path / "lake"
    job = [sys.executable, str(ROOT / "jobs" / "build.py"), "--landing", str(SAMPLE)]
    source = ["--source", str(ROOT / "conf/sources/online_retail.yaml"), "--lake", str(lake)]
    process = subprocess.Popen([*job, *source], start_new_session=True)
    try:
        while not (lake / moment).exists() and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "the build ended before it could be killed"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert build(SAMPLE, lake, source="online_retail").exit_status == 0
    assert differing(lake, undisturbed, TABLES) == {}
