"""Over random type-2 tables, most of them ill, Spark counts what a plain walk counts."""

import json
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.type2 import FOREVER, Fact, Version, facts_wrong, illnesses
from pyspark.sql import DataFrame, SparkSession

from lakehouse.doctor.examine import ill_keys, long, wrong_facts
from lakehouse.doctor.subject import Facts, Names, Place

NAMES = Names(
    ("key", "part of"), "from", "to", "flag", ("price", "label"), "sk", date(9999, 12, 31)
)
FACTS = Facts(Place(Path(), "facts", {}, None), ("sk",), "at", ("sk",))
days = st.integers(0, 5).map(lambda day: datetime(2026, 1, 1) + timedelta(day))
rows = st.tuples(
    st.one_of(days, days, days, days, st.none()),
    st.one_of(days, days, st.none()),
    st.sampled_from([True, False, False, None]),
    st.tuples(st.sampled_from([1, 1, 2, None]), st.sampled_from(["x", None])),
)
# A sound chain of days is rarely drawn by chance: half of the keys start as one.
chains = st.lists(days, min_size=2, max_size=5, unique=True).map(
    lambda cuts: [
        (start, end, end is None, (number, "x"))
        for number, (start, end) in enumerate(
            zip(sorted(cuts), [*sorted(cuts)[1:], None], strict=True)
        )
    ]
)
histories = st.one_of(st.lists(rows, max_size=5), chains, st.tuples(chains, st.lists(rows, max_size=1)).map(lambda both: both[0] + both[1]))  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Version], list[Fact]]:
    """Many keys, a few of them null, and facts that mostly point at one of the versions."""
    versions: list[Version] = []
    for number, history in enumerate(draw(st.lists(histories, min_size=250, max_size=250))):
        key = (f"k{number}" if number % 40 else None, number % 7)
        for row in history:
            surrogate = 0 if len(versions) % 50 == 49 else len(versions) + 1
            versions.append(Version(key, *row, surrogate))
    pointers = st.one_of(st.integers(-2, len(versions) + 3), st.none())
    facts = st.builds(Fact, pointers, st.one_of(days, days, days, st.none()))
    return versions, draw(st.lists(facts, min_size=300, max_size=300))


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


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_counts_equal_those_of_a_plain_walk(
    spark: SparkSession, drawn: tuple[list[Version], list[Fact]]
) -> None:
    versions, facts = drawn
    table = frame(spark, versions).repartition(3)
    pointing = spark.createDataFrame(facts, "sk BIGINT, at TIMESTAMP")
    found = long(ill_keys(table, NAMES), wrong_facts(pointing, FACTS, table, NAMES)).collect()
    assert len(found) == len({(row.illness, row.record_key) for row in found})
    by_key: Counter[tuple[str, object]] = Counter()
    for row in found:
        key = json.loads(row.record_key)
        by_key[row.illness, key["sk"] if "sk" in key else tuple(key.values())] = row.findings
    known = [version for version in versions if version.surrogate]
    assert by_key == illnesses(versions) + facts_wrong(facts, known)
