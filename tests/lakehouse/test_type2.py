"""Versions, by hand: what cuts one, what closes it, and what it shows."""

from typing import Any

import pytest
from oracles.histories_by_hand import HISTORIES, LAST_KNOWN, SAID, TRACKED, moment
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import by_version, history, valid_at, versions
from lakehouse.changes import _look_up

EVENT = "id STRING, at TIMESTAMP, no INT, operation STRING, price INT, cost INT, label STRING, note STRING"


def made(events: DataFrame, **how: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Versions by id, in order, with their interval in front."""
    item = history("id", tracked=TRACKED, last_known=LAST_KNOWN, sequence=("at", "no"), **how)
    times = [F.date_format(name, "yyyy-MM-dd").alias(name) for name in ("valid_from", "valid_to")]
    rows = versions(events, item).select("id", *times, *SAID).collect()
    found: dict[str, list[tuple[Any, ...]]] = {}
    for name, *version in sorted(rows, key=lambda row: row.valid_from):
        found.setdefault(name, []).append(tuple(version))
    return found


@pytest.fixture(scope="module")
def events(spark: SparkSession) -> DataFrame:
    rows = [
        (name, moment(day), *rest)
        for name, (said, _) in HISTORIES.items()
        for day, *rest in reversed(said)
    ]
    return spark.createDataFrame(rows, EVENT).repartition(3)


def test_histories_by_hand(events: DataFrame) -> None:
    wanted = {
        name: [(str(moment(a).date()), str(moment(b).date()), *rest) for a, b, *rest in rows]
        for name, (_, rows) in HISTORIES.items()
        if rows
    }
    assert made(events) == wanted


def test_the_first_version_may_start_with_its_event(events: DataFrame) -> None:
    first = {rows[0][0] for rows in made(events, first_version="event").values()}
    assert first == {"2026-06-01", "2026-06-02"}


def test_start_and_open_end_are_chosen(events: DataFrame) -> None:
    found = made(events, first_version="1800-01-01", open_end="2999-12-31").values()
    assert {rows[0][0] for rows in found} == {
        "1800-01-01",
        "2026-06-02",
    }  # the latter after a delete
    assert max(row[1] for rows in found for row in rows) == "2999-12-31"


def test_versions_of_a_key_of_two_columns_reach_their_rows_alone(spark: SparkSession) -> None:
    shops = spark.createDataFrame(
        [("S", "A", 1, "2026-06-01", "2026-06-03"), ("S", "A", 2, "2026-06-03", "2026-06-09"), ("T", "A", 3, "2026-06-01", "2026-06-09")],
        "shop STRING, item STRING, price INT, valid_from STRING, valid_to STRING",
    )  # fmt: skip
    sales = spark.createDataFrame(
        [(1, "S", "A", "2026-06-02"), (2, "S", "A", "2026-06-03"), (3, "T", "A", "2026-06-03"), (4, "T", "B", "2026-06-03")],
        "id INT, shop STRING, item STRING, at STRING",
    )  # fmt: skip
    priced = valid_at(sales, shops, ("shop", "item"), F.col("at"))
    assert sorted(priced.select("id", "price").collect()) == [(1, 1), (2, 2), (3, 3), (4, None)]
    changed = shops.where("price = 2").withColumn("_net", F.lit(1))
    reached = _look_up(sales, by_version("shop", "item", at="at", uses=("price",)), changed)
    assert [row.id for row in reached.collect()] == [2]
