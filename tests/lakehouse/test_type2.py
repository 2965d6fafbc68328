"""History of events in any order equals a plain walk through the sorted log."""

import random

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse import history, versions

ITEM = history("id", tracked=("price",), last_known=("name",))
EVENTS = [
    (key, hour, price, name, operation)
    for key in "abcdefgh"
    for hour, price, name, operation in random.Random(key).sample(
        [
            (1, 10, "n1", "upsert"),
            (2, 10, None, "upsert"),
            (3, None, "n3", "upsert"),
            (5, 12, None, "upsert"),
            (7, 12, "n7", "delete"),
            (8, 12, None, "upsert"),
            (9, 10, "n9", "upsert"),
        ],
        5,
    )
]


def walked(events: list[tuple]) -> list[tuple]:
    """(id, price, name, from, to) of every version, worked out event by event."""
    found = []
    for key in sorted({event[0] for event in events}):
        log = sorted(event[1:] for event in events if event[0] == key)
        names = [name for _, _, name, _ in log if name]
        cuts = [
            (hour, price, operation)
            for i, (hour, price, _, operation) in enumerate(log)
            if i == 0 or (price, operation) != (log[i - 1][1], log[i - 1][3])
        ]
        for i, (hour, price, operation) in enumerate(cuts):
            end = cuts[i + 1][0] if i + 1 < len(cuts) else 99
            if operation != "delete":
                found.append((key, price, names[-1] if names else None, hour if i else 0, end))
    return found


def test_any_order_gives_the_sorted_walk(spark: SparkSession) -> None:
    for seed in range(3):
        shuffled = random.Random(seed).sample(EVENTS, len(EVENTS))
        frame = spark.createDataFrame(
            shuffled, "id STRING, hour INT, price INT, name STRING, operation STRING"
        )
        events = frame.withColumn(
            "sequence", F.expr("TIMESTAMP'2026-06-01' + make_interval(0, 0, 0, 0, hour)")
        ).drop("hour")
        rows = versions(events.repartition(3), ITEM).selectExpr(
            "id", "price", "name",
            "if(valid_from < '2026-01-01', 0, hour(valid_from)) AS start",
            "if(is_current, 99, hour(valid_to)) AS end",
        )  # fmt: skip
        assert sorted(map(tuple, rows.collect()), key=repr) == sorted(walked(EVENTS), key=repr)
