"""A build killed again and again and then left alone ends as one that was not disturbed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from end_to_end.lakes import CATALOGUE, TABLES, differing
from places import ROOT, SAMPLE, SMALL, Build

from lakehouse.conf import merge
from lakehouse.run import Result

SCOPE = "+fact_sales"
BUILT = CATALOGUE.ancestors("fact_sales") | {"fact_sales"}
MOMENTS = ("bronze/raw_stores", "silver/stg_transactions", "gold/fact_sales")


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """The project's conf, with a session for a handful of rows."""
    folder = Path(shutil.copytree(ROOT / "conf", tmp_path / "conf"))
    local = folder / "local.yaml"
    local.write_text(yaml.safe_dump(merge(yaml.safe_load(local.read_text()), SMALL)))
    return folder


def kill_when(lake: Path, conf: Path, moment: str) -> None:
    """Start a build and kill it, and all it started, as soon as the table's folder is there."""
    job = [sys.executable, str(ROOT / "jobs" / "build.py"), "--landing", str(SAMPLE)]
    source = ["--source", str(ROOT / "conf/sources/online_retail.yaml"), "--lake", str(lake)]
    environment = os.environ | {"LAKEHOUSE_CONF": str(conf)}
    process = subprocess.Popen([*job, *source, SCOPE], env=environment, start_new_session=True)
    try:
        while not (lake / moment).exists() and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "the build ended before it could be killed"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_build_killed_at_every_layer_is_made_good_by_the_next(
    build: Build, sample_lake: tuple[Path, Result], conf: Path, tmp_path: Path
) -> None:
    lake, (undisturbed, _) = tmp_path / "lake", sample_lake
    for moment in MOMENTS:
        kill_when(lake, conf, moment)
    assert build(SAMPLE, lake, SCOPE, source="online_retail").exit_status == 0
    built = [table for table in TABLES if table.split(".")[1] in BUILT]
    assert differing(lake, undisturbed, built) == {}
