"""The DAG run for real, by Airflow in its own environment: make test-airflow."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from elsewhere.submitted import SOURCE
from end_to_end.lakes import TABLES, differing
from places import ROOT

from lakehouse.log import Log

AIRFLOW = ROOT / ".venv-airflow" / "bin" / "airflow"
# The run whose data interval starts on the sample's last day.
MOMENT = "2011-03-29T07:00:00+00:00"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Airflow's own folder and database."""
    folder = tmp_path_factory.mktemp("airflow")
    done = airflow(folder, "db", "migrate")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook's address, and what it has been told."""
    heard: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", heard
    server.shutdown()


def airflow(
    home: Path, *words: str, hook: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One command of Airflow's, with the connections that the DAG needs."""
    spark = {"conn_type": "spark", "host": "local[2]", "extra": {"deploy-mode": "client"}}
    variables = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "conf" / "airflow"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(spark),
        "RETAIL_RETRIES": "0",
    }
    if hook:
        variables["AIRFLOW_CONN_RETAIL_WEBHOOK"] = json.dumps({"conn_type": "http", "extra": hook})
    inherited = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(AIRFLOW), *words],
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def run(home: Path, hook: dict[str, str], **conf: str) -> subprocess.CompletedProcess[str]:
    words = ["dags", "test", "ecommerce_data_pipeline", MOMENT, "--conf", json.dumps(conf)]
    return airflow(home, *words, hook=hook)


def test_a_run_over_the_sample_ends_in_the_tables_of_a_plain_build(
    home: Path, told: tuple[str, list[dict[str, Any]]], local_lake: Path, tmp_path: Path
) -> None:
    url, heard = told
    lake, published = tmp_path / "lake", tmp_path / "published"
    places = {"source": SOURCE[1], "landing": SOURCE[3], "lake": str(lake)}
    done = run(home, {"url": url, "form": "slack"}, **places, published=str(published))
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    assert differing(lake, local_lake, TABLES) == {}
    record = Log(lake / "silver" / "int_customer_metrics").record()
    assert record is not None
    assert record.as_of == "2011-03-28"
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {page.stem for page in (published / "2011-03-28").glob("*.html")} == notebooks
    assert [event["text"] for event in heard] == [
        ":large_green_circle: ecommerce_data_pipeline finished for 2011-03-28"
    ]


@pytest.mark.parametrize("form", ["slack", "pagerduty"])
def test_a_task_that_fails_reaches_the_webhook_with_what_its_job_said(
    home: Path, told: tuple[str, list[dict[str, Any]]], form: str
) -> None:
    url, heard = told
    done = run(home, {"url": url, "form": form, "routing_key": "a-key"}, env="moon")
    assert done.returncode == 1
    subject = "ecommerce_data_pipeline: ingestion.masters failed for 2011-03-28"
    mine = [json.dumps(event) for event in heard if subject in json.dumps(event)]
    assert len(mine) == 1
    assert "There is no environment moon" in mine[0]
    assert ("a-key" in mine[0]) == (form == "pagerduty")
    # What waited for it did not run, and so is not told of.
    assert not [event for event in heard if "staging" in json.dumps(event)]


def test_days_are_built_again_by_the_words_of_the_page(home: Path) -> None:
    page = (ROOT / "docs/places.md").read_text()
    (words,) = re.findall(r"^airflow (backfill create .*)$", page, re.M)
    known = airflow(home, "dags", "reserialize")
    assert known.returncode == 0, known.stdout + known.stderr
    done = airflow(home, *words.split(), "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    days = re.findall(r"^\| (\S+) 06:00:00\+00:00 ", done.stdout, re.M)
    assert days == [f"2026-06-0{day}" for day in range(1, 8)]
    for asked in ("max_active_runs = 1", "reprocess_behavior = ReprocessBehavior.COMPLETED"):
        assert f"- {asked}\n" in done.stdout
