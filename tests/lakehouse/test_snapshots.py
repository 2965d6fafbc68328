"""Full snapshots as events, against a walk through them; history shows their states in order."""

import random
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import history, snapshot_events, versions

ITEM = history("id", tracked=("price",), first_version="event")
START = datetime(2026, 6, 1)
DDL = (
    "id STRING, price INT, updated_at TIMESTAMP, _operation STRING, _source_file STRING,"
    " _faults STRING, _record STRING, _batch_id STRING"
)
Row = tuple[str, int, datetime | None, str | None, str, str, str, str]
State = tuple[int, datetime | None]


def drawn() -> dict[datetime, dict[str, State]]:
    """Snapshots of 60 keys on 8 of 12 days: vanishing, returning, changing, timed well and badly."""
    draw = random.Random(7)
    days = [START + timedelta(n) for n in sorted(draw.sample(range(12), 8))]
    snapshots: dict[datetime, dict[str, State]] = {day: {} for day in days}
    for key in (f"k{n}" for n in range(60)):
        state: State = (draw.randint(1, 3), START - timedelta(30))
        for day in days:
            if draw.random() < 0.35:
                hours = draw.choice([None, -700, -30, -3, 0, 15, 23, 24, 900])
                moment = None if hours is None else day + timedelta(hours=hours)
                state = (draw.randint(1, 3), moment)
            if draw.random() < 0.75:
                snapshots[day][key] = state
    return snapshots


def records(snapshots: dict[datetime, dict[str, State]]) -> list[Row]:
    """Two files a snapshot, and every record twice."""
    return [
        (key, price, moment, None, f"items/{day:%Y-%m-%d}-{part}.csv", "", "{}", "b")
        for day, held in snapshots.items()
        for n, (key, (price, moment)) in enumerate(sorted(held.items()))
        for part in (n % 2, 1)
    ]


def derived(spark: SparkSession, rows: list[Row]) -> DataFrame:
    events = snapshot_events(spark.createDataFrame(rows, DDL), "id")
    named = events.withColumns(
        {"sequence": F.col("updated_at"), "operation": F.coalesce("_operation", F.lit("upsert"))}
    )
    return named.select("id", "price", "sequence", "operation").distinct()


def walked(snapshots: dict[datetime, dict[str, State]]) -> set[tuple[object, ...]]:
    """The events, key by key and snapshot by snapshot."""
    found: set[tuple[object, ...]] = set()
    for key in {key for held in snapshots.values() for key in held}:
        before: State | None = None
        for last, (day, held) in zip([None, *snapshots], snapshots.items(), strict=False):
            now = held.get(key)
            if now is None and before is not None:
                found.add((key, None, day, "delete"))
            if now is not None and now != before:
                bounds = [t for t in (last, before[1] if before else None) if t]
                moment = now[1]
                fits = moment and all(moment > t for t in bounds) and moment < day + timedelta(1)
                found.add((key, now[0], moment if fits else day, "upsert"))
            before = now
    return found


def collapsed(states: list[int | None]) -> list[int | None]:
    """Without repeats in a row, from the first that is something."""
    return [now for now, last in zip(states, [None, *states], strict=False) if now != last]


def in_order(kept: list[Any]) -> list[int | None]:
    """The prices of one key's versions, and None where it is gone."""
    states: list[int | None] = []
    for version, later in zip(kept, [*kept[1:], None], strict=True):
        gone = version["valid_to"] != (later["valid_from"] if later else datetime(9999, 12, 31))
        states += [version["price"], None] if gone else [version["price"]]
    return states


def test_events_and_history_are_those_of_a_walk_through_the_snapshots(spark: SparkSession) -> None:
    snapshots = drawn()
    rows = random.Random(1).sample(records(snapshots), len(records(snapshots)))
    events = derived(spark, rows).persist()
    assert {tuple(row) for row in events.collect()} == walked(snapshots)
    found: dict[str, list[Any]] = {}
    for version in versions(events, ITEM).orderBy("valid_from").collect():
        found.setdefault(version["id"], []).append(version)
    events.unpersist()
    for key, kept in found.items():
        states = [held[key][0] if key in held else None for held in snapshots.values()]
        assert in_order(kept) == collapsed(states), key


def test_a_composite_key_and_records_without_one(spark: SparkSession) -> None:
    rows = [
        ("a", 1, None, None, "i/2026-06-01.csv", "", "{}", "b"),
        ("b", 1, None, None, "i/2026-06-01.csv", "", "{}", "b"),
        (None, 1, None, None, "i/2026-06-01.csv", "", "{}", "b"),
        ("a", 1, None, None, "i/2026-06-02.csv", "", "{}", "b"),
    ]
    frame = spark.createDataFrame(rows, DDL).withColumn("place", F.lit(1))
    events = snapshot_events(frame, "id", "place").where("_operation = 'delete'")
    assert [(r["id"], r["place"], r["_source_file"], r["_record"]) for r in events.collect()] == [
        ("b", 1, "i/2026-06-02.csv", None)
    ]
