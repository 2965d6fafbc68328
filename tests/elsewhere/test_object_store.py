"""A lake in a store that speaks S3: moto's server, in memory, on loopback."""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from elsewhere.submitted import SMALL, SOURCE, submit
from end_to_end.lakes import TABLES, ask, differing

from lakehouse import storage
from lakehouse.log import Log
from lakehouse.storage import Uri

LAKE = Uri("s3a://lakes/retail")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The store's address, in the variables that all clients of S3 know."""
    # It logs each request: into a pipe that nobody reads it would stop once that is full.
    log = tmp_path / "store.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            stderr=said,
        )
    try:
        while not (found := re.search(r"http://127\S+", log.read_text())):
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        variables = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any",
                     "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": found[0],
                     "AWS_ALLOW_HTTP": "true"}  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        request = urllib.request.Request(f"{found[0]}/lakes", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        yield found[0]
    finally:
        server.kill()


def test_a_lake_in_s3_holds_the_tables_of_a_local_one(store: str, local_lake: Path) -> None:
    words = ["--env", "cluster", "--master", "local[2]", *SMALL, "jobs/build.py", *SOURCE]
    built = submit(*words, "--lake", str(LAKE))
    assert built.returncode == 0, built.stdout + built.stderr
    assert differing(LAKE, local_lake, TABLES) == {}
    tables = {f"{layer}.{name}" for layer, name, _ in storage.tables_in(LAKE)}
    assert set(TABLES) < tables
    count = "SELECT count(*), sum(net_amount) FROM gold.fact_sales"
    assert ask(LAKE, count) == ask(local_lake, count)
    version = Log(LAKE / "gold" / "fact_sales").version
    again = submit(*words, "--lake", str(LAKE))
    assert again.returncode == 0
    assert Log(LAKE / "gold" / "fact_sales").version == version
