"""History through real builds: any order of any events ends where one sorted load does."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracles import history as oracle
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse import build, maintain, merging, write
from lakehouse.log import Log

CASES, LANDINGS = 600, 3
SAID = ("price", "cost", "label", "note")
OFFER = ("shop_id", "item_id", *SAID, "valid_from", "valid_to", "is_current")


class Landed(NamedTuple):
    """An event of one key, in which landings it comes, and whether it stays when corrected."""

    event: oracle.Event
    landings: frozenset[int]
    stays: bool


def events() -> st.SearchStrategy[oracle.Event]:
    values = {
        "price": st.sampled_from([1, 2, None]),
        "cost": st.sampled_from([5, 6, None]),
        "label": st.sampled_from(["a", "b", None]),
        "note": st.sampled_from(["x", "y", None]),
    }
    return st.builds(
        oracle.Event,
        st.sampled_from([datetime(1850, 1, 1), *(datetime(2026, 6, day) for day in range(1, 7))]),
        st.integers(0, 2),
        st.sampled_from(["upsert", "upsert", "delete"]),
        st.fixed_dictionaries(values).map(lambda found: tuple((n, found[n]) for n in SAID)),
    )


def drawn_streams() -> list[list[Landed]]:
    """One stream of events a key, as hypothesis draws them: each is a case."""
    found: list[list[Landed]] = []
    landings = st.frozensets(st.integers(0, LANDINGS - 1), min_size=1, max_size=2)
    stream = st.lists(st.builds(Landed, events(), landings, st.booleans()), max_size=9)

    @settings(
        max_examples=CASES,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(stream)
    def draw(case: list[Landed]) -> None:
        found.append(case)

    draw()
    return found


def key(case: int) -> tuple[str, str]:
    return f"S{case % 7}", f"I{case // 7}"


def line(case: int, event: oracle.Event) -> str:
    said = ["" if value is None else str(value) for _, value in event.values]
    return ",".join([*key(case), *said, str(event.instant), str(event.event_no), event.operation])


def landed(stream: list[Landed], landing: int, corrected: bool) -> list[oracle.Event]:
    """The events of a key in one landing's file, which may be the corrected one."""
    return [e.event for e in stream if landing in e.landings and (e.stays or not corrected)]


def engine(house: House) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Versions by key, oldest first, as the lake has them."""
    rows = (
        DeltaTable(str(house.path("offer_history")))
        .to_pyarrow_table(columns=list(OFFER))
        .to_pylist()
    )
    found = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["valid_from"]):
        times = {name: row[name].replace(tzinfo=None) for name in ("valid_from", "valid_to")}
        found[(row.pop("shop_id"), row.pop("item_id"))].append(row | times)
    return found


def expected(stream: list[oracle.Event]) -> list[dict[str, Any]]:
    found = oracle.versions(stream, tracked=["price", "cost"], last_known=["cost", "note"])
    return [
        dict(v.values)
        | {
            "valid_from": v.valid_from,
            "valid_to": v.valid_to,
            "is_current": v.valid_to == oracle.OPEN_END,
        }
        for v in found
    ]


def sound(rows: list[dict[str, Any]]) -> bool:
    """Half-open, never empty or overlapping, at most one open, and touching neighbours differ."""
    return all(row["valid_from"] < row["valid_to"] for row in rows) and all(
        a["valid_to"] <= b["valid_from"]
        and not a["is_current"]
        and (a["valid_to"] < b["valid_from"] or (a["price"], a["cost"]) != (b["price"], b["cost"]))
        for a, b in pairwise(rows)
    )


def test_random_streams_in_random_landings(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second landing goes through Spark's MERGE, the third through the one without Spark."""
    house, streams = House(tmp_path / "parts", package="shops"), drawn_streams()
    assert len(streams) >= 500
    for stage in range(LANDINGS):
        # With the last landing comes a correction of the first: some of its records are taken back.
        wrong = {0} if stage == LANDINGS - 1 else set()
        for landing in {stage, *wrong}:
            lines = [
                line(case, event)
                for case, stream in enumerate(streams)
                for event in landed(stream, landing, landing in wrong)
            ]
            house.land(f"offers/{landing}.csv", *lines)
        with monkeypatch.context() as patch:
            if stage == 1:
                patch.setattr(merging, "opened", by_spark)
            house.built()
        metrics = Log(house.path("offer_history")).last_metrics()
        assert (metrics.get("numTargetRowsDeleted", 0) > 0) == (stage == 1)
        there = [
            [e for part in range(stage + 1) for e in landed(stream, part, part in wrong)]
            for stream in streams
        ]
        found = engine(house)
        for case, log in enumerate(there):
            assert found.get(key(case), []) == expected(log), log
            assert sound(found.get(key(case), [])), log
        tied = sum(len(log) - sum(e in oracle.untied(log) for e in log) for log in there)
        status = [row[0] for row in house.rows("quarantine", "status")]
        assert status.count("quarantined") == tied > 0
    assert set(status) == {"quarantined", "released", "withdrawn"}

    once = House(tmp_path / "once", package="shops")
    in_order = [(e.instant, e.event_no, case, e) for case, log in enumerate(there) for e in log]
    once.land("offers/all.csv", *[line(case, e) for *_, case, e in sorted(in_order, key=repr)])
    once.built()
    columns = ("offer_key", *OFFER)
    assert house.rows("offer_history", *columns) == once.rows("offer_history", *columns)


@pytest.fixture(scope="module")
def first(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Forty items of one shop with a version each, in files of ten; one of them with two."""
    house = House(tmp_path_factory.mktemp("offers"), package="shops")
    house.land("offers/1.csv", *[offer(f"I{n:02}", 10, "2026-06-01") for n in range(40)])
    house.land("offers/2.csv", offer("I07", 12, "2026-06-03"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "ROWS_A_FILE", 10)
        house.built()
    return house


@pytest.fixture
def house(first: House, tmp_path: Path) -> House:
    return first.copy(tmp_path)


def offer(item: str, price: int, day: str, operation: str = "upsert", shop: str = "S") -> str:
    return f"{shop},{item},{price},5,label,note,{day} 00:00:00,0,{operation}"


def prices(house: House, item: str) -> list[tuple[str, ...]]:
    """Price and days of an item's versions."""
    rows = house.rows("offer_history", "item_id", "price", "valid_from", "valid_to")
    return [(row[1], row[2][:10], row[3][:10]) for row in rows if row[0] == item]


def files(house: House, table: str) -> set[str]:
    return set(DeltaTable(str(house.path(table))).file_uris())


TWO = [("10", "1900-01-01", "2026-06-03"), ("12", "2026-06-03", "9999-12-31")]


def test_a_late_tie_withdraws_its_version_until_a_file_is_corrected(house: House) -> None:
    assert prices(house, "I07") == TWO
    house.land("offers/3.csv", offer("I07", 13, "2026-06-03"), offer("I07", 12, "2026-06-03"))
    house.built()
    assert prices(house, "I07") == [("10", "1900-01-01", "9999-12-31")]
    found = house.rows("quarantine", "source_file", "rules", "status", "reasons")
    assert [row[0] for row in found] == ["offers/2.csv", "offers/3.csv", "offers/3.csv"]
    assert {row[1:] for row in found} == {
        (
            "['no ties']",
            "quarantined",
            "['tie: records that differ at shop_id = S, item_id = I07,"
            " changed_at = 2026-06-03 00:00:00, event_no = 0;"
            " correct one of them (offers/2.csv, offers/3.csv)']",
        )
    }
    house.land("offers/3.csv", offer("I07", 13, "2026-06-05"))
    house.built()
    status = house.rows("quarantine", "source_file", "status")
    assert status == [("offers/2.csv", "released"), *[("offers/3.csv", "withdrawn")] * 2]
    assert [row[0] for row in prices(house, "I07")] == ["10", "12", "13"]


ROWS = ("rows_inserted", "rows_updated", "rows_deleted")


def by_spark(*_: object) -> None:
    """No table, as where it is not in a folder."""


@pytest.fixture(params=["without Spark", "by Spark"])
def merged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The MERGE of a lake in a folder, and that of others."""
    if request.param == "by Spark":
        monkeypatch.setattr(merging, "opened", by_spark)


@pytest.mark.usefixtures("merged")
def test_repeats_move_no_file(house: House) -> None:
    before = {table: files(house, table) for table in ("stg_offers", "offer_history")}
    house.land("offers/4.csv", offer("I07", 12, "2026-06-03"), offer("I08", 10, "2026-06-01"))
    assert set(house.built()) == {"raw_offers", "stg_offers"}
    assert {table: files(house, table) for table in before} == before


@pytest.mark.usefixtures("merged")
def test_an_event_that_changes_nothing_moves_no_file(house: House) -> None:
    before = files(house, "offer_history")
    house.land("offers/4.csv", offer("I07", 12, "2026-06-09"))
    assert set(house.built()) == {"raw_offers", "stg_offers", "offer_history"}
    assert files(house, "offer_history") == before
    assert house.built() == {}


@pytest.mark.parametrize(
    ("names", "is_by_spark"),
    [
        ([f"num_target_{n}" for n in (*ROWS, "files_removed")], False),
        (
            [
                f"numTarget{n}"
                for n in ("RowsInserted", "RowsUpdated", "RowsDeleted", "FilesRemoved")
            ],
            True,
        ),
    ],
    ids=["without Spark", "by Spark"],
)
def test_one_merge_rewrites_the_files_of_the_affected_keys_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, names: list[str], is_by_spark: bool
) -> None:
    if is_by_spark:
        monkeypatch.setattr(merging, "opened", by_spark)
    before, log = files(house, "offer_history"), Log(house.path("offer_history"))
    assert len(before) >= 4
    house.land("offers/4.csv", offer("I07", 11, "2026-06-02"))
    house.built()
    after = Log(house.path("offer_history"))
    assert (after.version, after.commits()[0]["operation"]) == (log.version + 1, "MERGE")
    metrics = after.last_metrics()
    assert [metrics[name] for name in names] == [1, 1, 0, 1]
    assert len(before - files(house, "offer_history")) == 1
    assert [row[0] for row in prices(house, "I07")] == ["10", "11", "12"]


@pytest.mark.usefixtures("merged")
def test_versions_that_are_closed_lie_apart_and_are_not_rewritten(
    house: House, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most batches close open versions: those of long ago stay where they are, also by maintenance
    until files are many.
    """
    held = {
        file: set(pq.read_table(file)["is_current"].to_pylist())
        for file in files(house, "offer_history")
    }
    assert sorted(map(str, held.values())) == ["{False}", *["{True}"] * (len(held) - 1)]
    assert len(held) > 2
    house.land("offers/4.csv", offer("I08", 11, "2026-06-05"), offer("I07", 13, "2026-06-05"))
    house.built()
    assert [row[0] for row in prices(house, "I07")] == ["10", "12", "13"]
    closed = {file for file, current in held.items() if current == {False}}
    assert closed < files(house, "offer_history")
    maintained = list(maintain.maintain(spark, house.frame()))
    assert closed < files(house, "offer_history")
    before = len(files(house, "offer_history"))
    monkeypatch.setattr(maintain, "FEW_FILES", 1)
    (done,) = (m for m in maintain.maintain(spark, house.frame()) if "offer_history" in m.table)
    assert (done.compacted, len(files(house, "offer_history"))) == (before, 1)
    assert [row[0] for row in prices(house, "I07")] == ["10", "12", "13"]
    assert len(maintained) > 3


def test_a_crash_between_events_and_history_is_made_good(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.land(
        "offers/4.csv", offer("I07", 11, "2026-06-02"), offer("I09", 9, "2026-06-02", "delete")
    )
    store = build.store

    def crash(rows: Any, target: Any, *rest: Any) -> None:
        if target.table.name == "offer_history":
            raise OSError("the disk is full")
        store(rows, target, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(build, "store", crash)
        assert [o.status for o in house.build().outcomes] == ["built", "built", "failed"]
    assert prices(house, "I07") == TWO
    assert house.built() == {"offer_history": "part"}
    assert [row[0] for row in prices(house, "I07")] == ["10", "11", "12"]
    assert prices(house, "I09") == [("10", "1900-01-01", "2026-06-02")]


def test_records_without_a_key_or_a_moment_are_quarantined(house: House) -> None:
    bad = [
        "S,,1,5,l,n,2026-06-02 00:00:00,0,upsert",
        "S,I01,1,5,l,n,,0,upsert",
        "S,I01,1,5,l,n,soon,0,upsert",
    ]
    house.land("offers/4.csv", *bad)
    house.built("bronze", "stg_offers")
    assert house.rows("quarantine", "rules") == [
        ("['changed_at is TIMESTAMP', 'changed_at is present']",),
        ("['changed_at is present']",),
        ("['item_id is present']",),
    ]
