"""Over random type-2 tables, most of them ill, Spark counts what a plain walk counts."""

import json
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.type2 import FOREVER, Fact, Version, facts_wrong, illnesses
from pyspark.sql import DataFrame, SparkSession

from lakehouse.doctor.examine import ILLNESSES, NOTES, ill_keys, long, wrong_facts
from lakehouse.doctor.subject import Facts, Names, Place

NAMES = Names(
    ("key", "part of"), "from", "to", "flag", ("price", "label"), "sk", date(9999, 12, 31)
)
Row = tuple[Any, ...]
FACTS = Facts(Place(Path(), "facts", {}, None), ("sk",), "at", ("sk",))
DAYS = [datetime(2026, 1, 1) + timedelta(day) for day in range(6)]


def attributes(random: Random) -> tuple[Any, ...]:
    return random.choice([1, 1, 2, None]), random.choice(["x", "x", None])


def history(random: Random) -> list[Row]:
    """Start, end, flag and attributes: a chain of days, whole or not, some random rows, or both."""
    cuts = sorted(random.sample(DAYS, random.randint(2, 5)))
    chain = [
        (start, end, end is None, attributes(random)) for start, end in pairwise([*cuts, None])
    ]
    rows = [
        (
            random.choice([*DAYS, *DAYS, None]),
            random.choice([*DAYS, None, None]),
            random.choice([True, False, False, None]),
            attributes(random),
        )
        for _ in range(random.randint(0, 4))
    ]
    return random.choice([chain, chain[:1] + chain[2:], chain + chain[-1:], rows, chain + rows[:1]])


def tables(random: Random) -> tuple[list[Version], list[Fact]]:
    """Many keys, a few of them null, and facts that mostly point at one of the versions."""
    versions: list[Version] = []
    for number in range(400):
        key = (f"k{number}" if number % 40 else None, number % 7)
        for row in history(random):
            member = random.choice([0, -1]) if random.random() < 0.02 else None
            versions.append(Version(key, *row, len(versions) + 1 if member is None else member))
    pointers = [*range(-2, len(versions) + 3), None]
    return versions, [Fact(random.choice(pointers), random.choice([*DAYS, None])) for _ in pointers]


def frame(spark: SparkSession, versions: list[Version]) -> DataFrame:
    """Open ends by turns as null and as 9999-12-31, both of which mean open."""
    text = "key STRING, `part of` INT, `from` TIMESTAMP, `to` TIMESTAMP, flag BOOLEAN, price INT, label STRING, sk BIGINT"
    opened = [None, datetime(9999, 12, 31), FOREVER]
    return spark.createDataFrame(
        [
            (*v.key, v.start, v.end or opened[v.surrogate % 3], v.is_current, *v.attributes, v.surrogate)
            for v in versions
        ],
        text,
    )  # fmt: skip


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_counts_equal_those_of_a_plain_walk(spark: SparkSession, seed: int) -> None:
    versions, facts = tables(Random(seed))
    table = frame(spark, versions).repartition(3)
    pointing = spark.createDataFrame(facts, "sk BIGINT, at TIMESTAMP")
    found = long(ill_keys(table, NAMES), wrong_facts(pointing, FACTS, table, NAMES)).collect()
    assert len(found) == len({(row.illness, row.record_key) for row in found})
    by_key: Counter[tuple[str, object]] = Counter()
    for row in found:
        key = json.loads(row.record_key)
        by_key[row.illness, key["sk"] if "sk" in key else tuple(key.values())] = row.findings
    assert by_key == illnesses(versions) + facts_wrong(facts, versions)
    assert {illness for illness, _ in by_key} == {*ILLNESSES, *NOTES}
