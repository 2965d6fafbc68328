"""Newest states of events, and rows of nothing."""

from pyspark.sql import SparkSession
from rows import frame

from lakehouse import fixed_rows, newest_state

EVENTS = "shop STRING, item STRING, price INT, sequence TIMESTAMP, no INT, operation STRING"


def test_the_last_event_of_each_key_is_its_state_unless_it_deletes(spark: SparkSession) -> None:
    events = frame(
        spark,
        EVENTS,
        "shop item price sequence no operation",
        ("S1", "A", 2, "2026-02-01 00:00:00", 2, "upsert"),
        ("S1", "A", 6, "2026-02-01 00:00:00", 1, "upsert"),
        ("S1", "A", 1, "2026-01-01 00:00:00", 3, "upsert"),
        ("S2", "A", 3, "2026-01-01 00:00:00", 1, "upsert"),
        ("S1", "B", 4, "2026-01-01 00:00:00", 1, "upsert"),
        ("S1", "B", None, "2026-02-01 00:00:00", 1, "delete"),
        ("S1", "C", None, "2026-01-01 00:00:00", 1, "delete"),
        ("S1", "C", 5, "2026-02-01 00:00:00", 1, "upsert"),
    )
    newest = newest_state(events, "shop", "item", sequence=("sequence", "no")).union(
        fixed_rows(events, "shop", ["one", "two"]).selectExpr("shop", "'-'", "0")
    )
    assert newest.columns == ["shop", "item", "price"]
    assert sorted(map(tuple, newest.collect())) == [
        ("S1", "A", 2),
        ("S1", "C", 5),
        ("S2", "A", 3),
        ("one", "-", 0),
        ("two", "-", 0),
    ]
