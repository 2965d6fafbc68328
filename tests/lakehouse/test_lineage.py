"""OpenLineage events: what is sent, where to, and what happens where nobody takes them."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from toy.house import House

from lakehouse import LakehouseError, storage
from lakehouse.build import Outcome
from lakehouse.lineage import Events

BUILT = Outcome("gold.fact_sale", "built", rows=5, files=2, bytes=900, version=4)
FAILED = Outcome("gold.fact_sale", "failed", "the disk is full")


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server that takes events, and those it took."""
    taken: list[dict[str, Any]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append({"path": self.path, **json.loads(body)})
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    served = HTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}", taken
    served.shutdown()


def one_table(house: House, target: str, outcome: Outcome) -> Events:
    """Events of a build of one table."""
    frame = house.frame(openlineage=target)
    events, table = Events(frame), frame.catalogue.tables["fact_sale"]
    events.started(table, {"stg_sales": 7})
    events.ended(table, outcome, {"stg_sales": 7})
    events.closed([outcome])
    return events


def test_a_build_of_a_table_is_four_events_in_a_file(tmp_path: Path) -> None:
    one_table(House(tmp_path), str(tmp_path / "events.jsonl"), BUILT)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(e["eventType"], e["job"]["name"]) for e in events] == [
        ("START", "build"),
        ("START", "gold.fact_sale"),
        ("COMPLETE", "gold.fact_sale"),
        ("COMPLETE", "build"),
    ]
    assert {e["run"]["runId"] for e in events[1:3]} != {e["run"]["runId"] for e in events[::3]}
    done = events[2]
    assert done["run"]["facets"]["parent"]["run"]["runId"] == events[0]["run"]["runId"]
    (read,) = done["inputs"]
    assert read["name"] == str(tmp_path / "lake" / "silver" / "stg_sales")
    assert read["facets"]["version"]["datasetVersion"] == "7"
    (wrote,) = done["outputs"]
    assert (wrote["namespace"], wrote["name"]) == ("file", str(tmp_path / "lake/gold/fact_sale"))
    assert wrote["facets"]["version"]["datasetVersion"] == "4"
    assert wrote["facets"]["schema"]["fields"][0]["name"] == "sale_id"
    numbers = wrote["outputFacets"]["outputStatistics"]
    assert [numbers[name] for name in ("rowCount", "fileCount", "size")] == [5, 2, 900]


@pytest.mark.parametrize(
    ("lake", "namespace", "name"),
    [
        ("/lake", "file", "/lake/gold/fact_sale"),
        ("lake", "file", f"{Path.cwd()}/lake/gold/fact_sale"),
        ("s3a://bucket/some/lake", "s3://bucket", "some/lake/gold/fact_sale"),
        ("gs://bucket/lake", "gs://bucket", "lake/gold/fact_sale"),
        ("abfss://box@account.dfs.core.windows.net/lake", "abfss://box@account.dfs.core.windows.net",
         "lake/gold/fact_sale"),
        ("catalog:retail", "retail", "gold.fact_sale"),
    ],
)  # fmt: skip
def test_a_table_is_named_as_the_standard_has_it_for_where_it_lies(
    tmp_path: Path, lake: str, namespace: str, name: str
) -> None:
    target = tmp_path / "events.jsonl"
    frame = replace(House(tmp_path).frame(openlineage=str(target)), lake=storage.place(lake))
    Events(frame).started(frame.catalogue.tables["fact_sale"], {})
    event = json.loads(target.read_text().splitlines()[-1])
    (wrote,) = event["outputs"]
    assert (wrote["namespace"], wrote["name"]) == (namespace, name)
    assert event["producer"].startswith("urn:")


def test_a_failure_says_why_to_a_server(
    tmp_path: Path, server: tuple[str, list[dict[str, Any]]]
) -> None:
    address, taken = server
    assert one_table(House(tmp_path), address, FAILED).trouble == ""
    assert {event["path"] for event in taken} == {"/api/v1/lineage"}
    assert [e["eventType"] for e in taken] == ["START", "START", "FAIL", "FAIL"]
    said = [e["run"]["facets"]["errorMessage"]["message"] for e in taken[2:]]
    assert said == ["the disk is full", "not built: gold.fact_sale"]


def test_an_interrupted_build_has_failed(tmp_path: Path) -> None:
    frame = House(tmp_path).frame(openlineage=str(tmp_path / "events"))
    events = Events(frame)
    events.started(frame.catalogue.tables["raw_sales"], {})
    events.closed([], interrupted=True)
    last = json.loads((tmp_path / "events").read_text().splitlines()[-1])
    assert (last["eventType"], last["job"]["name"]) == ("FAIL", "build")


def test_a_server_that_takes_nothing_is_told_once_and_stops_no_build(tmp_path: Path) -> None:
    events = one_table(House(tmp_path), "http://127.0.0.1:9", BUILT)
    events.ended(events.frame.catalogue.tables["fact_sale"], BUILT, {})
    trouble = events.trouble
    assert trouble.startswith("OpenLineage events went nowhere from build on: http://127.0.0.1:9")
    assert "\n" not in trouble


@pytest.mark.parametrize("target", ["ftp://here/events", "nowhere/at/all/events.jsonl"])
def test_a_target_that_can_be_none_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(LakehouseError, match=f"openlineage in conf is {target}; expected an http"):
        Events(House(tmp_path).frame(openlineage=target))


def test_nothing_is_sent_by_default(tmp_path: Path) -> None:
    frame = House(tmp_path).frame()
    Events(frame).started(frame.catalogue.tables["raw_sales"], {})
    assert list(tmp_path.iterdir()) == []
