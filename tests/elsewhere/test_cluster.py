"""A standalone cluster that loses a worker in the middle of a build."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from elsewhere.submitted import SMALL, SOURCE
from end_to_end.lakes import TABLES, differing
from places import ROOT

MOMENT = "silver/stg_transactions/_delta_log"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A master's address, and the folder of the cluster's logs and process ids."""
    folder = tmp_path / "cluster"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("SPARK_CLUSTER", str(folder))
    monkeypatch.setenv("SPARK_MASTER_PORT", str(port))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    script = str(ROOT / "spark-cluster.sh")
    try:
        started = subprocess.run(
            [script, "start", "2"], stdout=subprocess.PIPE, text=True, check=True, timeout=120
        )
        yield started.stdout.strip(), folder
    finally:
        subprocess.run([script, "stop"], check=True, timeout=60)


def test_a_build_that_loses_a_worker_ends_in_the_tables_of_a_local_one(
    cluster: tuple[str, Path], local_lake: Path, tmp_path: Path
) -> None:
    master, folder = cluster
    lake = tmp_path / "lake"
    words = ["--env", "cluster", "--master", master, *SMALL, "--executor-memory", "1g"]
    command = [str(ROOT / "spark-submit.sh"), *words, "jobs/build.py", *SOURCE, "--lake", str(lake)]
    said = (tmp_path / "said").open("w+")
    build = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        while not (lake / MOMENT).exists() and build.poll() is None:
            time.sleep(0.05)
        worker = int((folder / "worker1.pid").read_text())
        assert build.poll() is None, "the build ended before its worker could be killed"
        assert list((folder / "work1").glob("app-*/*/stderr")), "the worker had no executor"
        # A machine that is gone: the worker and its executor at once.
        for process in [worker, *children(worker)]:
            os.kill(process, signal.SIGKILL)
        status = build.wait(timeout=500)
    finally:
        build.kill()
    said.seek(0)
    assert status == 0, said.read()
    assert differing(lake, local_lake, TABLES) == {}
    # The build had executors on the worker when that was lost.
    assert "Telling app of lost executor" in (folder / "master.log").read_text()


def children(process: int) -> list[int]:
    """Processes that a process started."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def test_the_cluster_script_says_what_it_takes() -> None:
    done = subprocess.run(
        [str(ROOT / "spark-cluster.sh"), "start", "none"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "start none: expected a number of workers, as start 2.\n"
