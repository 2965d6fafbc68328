"""Bad files and thousands of bad records: the job dies of none, drops none, and counts them right."""

import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from corpus.files import HEAD, LOADED, SET_ASIDE
from corpus.recount import Verdict, csv_line, json_line, judged, of_csv, of_json, record
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse.balance.report import balance, opened

RECORDS = 1_500  # a file; two files a seed
Place = tuple[str, int]


def rejected(house: House) -> set[Place]:
    """File and place of the records in quarantine."""
    rows = DeltaTable(str(house.path("quarantine"))).to_pyarrow_table().to_pylist()
    return {(r["source_file"], r["row_no"]) for r in rows if r["status"] == "quarantined"}


def files(house: House) -> dict[str, dict[str, Any]]:
    """The ledger's rows by file name."""
    rows = DeltaTable(str(house.path("landing_files"))).to_pyarrow_table().to_pylist()
    return {row["path"].split("/")[1]: row for row in rows}


@pytest.fixture(scope="module")
def house(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Every bad file landed, and built at once; types that narrow are taken, as records tell more."""
    house = House(tmp_path_factory.mktemp("corpus"), drift={"narrowed": "accept"})
    (house.landing / "sales").mkdir(parents=True)
    for name, (content, *_) in (LOADED | SET_ASIDE).items():
        (house.landing / "sales" / name).write_bytes(content)
    result = house.build("raw_sales", "stg_sales")
    assert [outcome.reason for outcome in result.outcomes if outcome.status != "built"] == []
    return house


def test_there_are_more_than_forty_bad_files() -> None:
    assert len(LOADED | SET_ASIDE) == len(LOADED) + len(SET_ASIDE) > 40


def test_a_file_that_nobody_can_read_whole_is_set_aside(house: House) -> None:
    found = {n: row for n, row in files(house).items() if row["status"] == "set_aside"}
    assert set(found) == set(SET_ASIDE)
    for name, (_, why) in SET_ASIDE.items():
        assert any(part in found[name]["reason"] for part in why.split("|")), name


def test_of_every_other_file_each_record_is_good_or_rejected(house: House) -> None:
    loaded = {n: row for n, row in files(house).items() if row["status"] == "loaded"}
    for count in ("row_count", "landed_rows"):
        counted = {name: row[count] for name, row in loaded.items()}
        assert counted == {name: rows for name, (_, rows, _) in LOADED.items()}
    expected = {(f"sales/{name}", n) for name, (_, _, bad) in LOADED.items() for n in bad}
    assert rejected(house) == expected
    assert balance(house.frame()) == 0


# A smaller example tells no more, and each costs a build.
@pytest.mark.parametrize("seed", [7, 2_026])
def test_thousands_of_bad_records_are_counted_as_plain_python_counts_them(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    chance = random.Random(seed)
    lines = [csv_line(chance, record(chance)) for _ in range(RECORDS)]
    text = HEAD + "\n".join([*lines, ""]).encode("utf-8", "surrogateescape")
    objects = [json_line(chance, record(chance)) for _ in range(RECORDS)]
    lined = "\n".join([*objects, ""]).encode("utf-8", "surrogateescape")
    house = House(tmp_path_factory.mktemp("fuzz"))
    (house.landing / "sales").mkdir(parents=True)
    (house.landing / "sales" / "a.csv").write_bytes(text)
    (house.landing / "sales" / "b.json").write_bytes(lined)
    house.built("raw_sales", "stg_sales")

    undated = datetime(1900, 1, 1, tzinfo=UTC)
    verdicts = {
        "sales/a.csv": judged(of_csv(text), undated),
        "sales/b.json": judged(of_json(lined), undated),
    }
    for count in ("row_count", "landed_rows"):
        assert {f"sales/{n}": row[count] for n, row in files(house).items()} == {
            file: len(found) for file, found in verdicts.items()
        }
    bad = {(file, v.place) for file, found in verdicts.items() for v in found if not v.good}
    assert len(bad) >= 2_000
    assert rejected(house) == bad
    good = [verdict for found in verdicts.values() for verdict in found if verdict.good]
    assert_newest(house, good)
    assert_counted(house, Counter(quarantined=len(bad)) + recounted(good))


def assert_newest(house: House, good: list[Verdict]) -> None:
    """Of every sale one of its newest records is shown, and nothing else."""
    newest: dict[str, list[Any]] = {}
    for verdict in good:
        assert verdict.good is not None
        known = newest.setdefault(verdict.good[0], [verdict.good])
        if verdict.good[4] >= known[0][4]:
            newest[verdict.good[0]] = [verdict.good] + [k for k in known if k[4] == verdict.good[4]]
    rows = DeltaTable(str(house.path("stg_sales"))).to_pyarrow_table().to_pylist()
    assert {row["sale_id"] for row in rows} == set(newest)
    assert [row for row in rows if tuple(row.values()) not in newest[row["sale_id"]]] == []


def recounted(good: list[Verdict]) -> Counter[str]:
    """Good, repeated and superseded records."""
    every = Counter(verdict.good for verdict in good)
    sales = {content[0] for content in every if content}
    repeats = sum(every.values()) - len(every)
    return Counter(good=len(sales), repeated=repeats, superseded=len(every) - len(sales))


def assert_counted(house: House, expected: Counter[str]) -> None:
    connection, tables = opened(house.frame())
    (records,) = (one.records for one in tables)
    found = connection.execute(f"SELECT disposition, count(*) FROM {records} GROUP BY 1").fetchall()
    assert dict(found) == dict(expected)
    assert balance(house.frame()) == 0
