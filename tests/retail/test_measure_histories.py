"""The benchmarks of histories, small: what they measure is made right, and the page tells it."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from rows import CONF

from lakehouse.build import Outcome
from retail import measure_history, measure_recut
from retail.measure import Bench


def test_a_batch_ends_in_the_rows_of_the_two_step_merge(
    spark: SparkSession, tmp_path: Path
) -> None:
    """The measurement itself refuses where it does not."""
    found = measure_history.measure(spark, CONF, tmp_path, (200, 300, 20))
    assert (found.keys, found.versions, found.events) == (200, 300, 20)
    assert 1 <= found.files_rewritten <= found.files


def test_a_late_cost_restates_every_line_of_its_product(spark: SparkSession) -> None:
    steps = measure_recut.recut(lines=3_000, products=100, days=3)
    of_first = spark.range(3_000).where("pmod(xxhash64(id, 2), 100) = 0").count()
    assert of_first > 0
    assert {name: step.status for name, step in steps.items()} == dict.fromkeys(
        (measure_recut.HISTORY, *measure_recut.FOLLOWING), "built"
    )
    assert steps["restatements"].rows == of_first


def test_the_page_sets_what_is_measured_beside_its_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = measure_history.Measured(35_000, 52_500, 1_750, 6.0, 4.0, 8, 2)
    names = (measure_recut.HISTORY, *measure_recut.FOLLOWING)
    steps = {name: Outcome(name, "built", rows=1_000, seconds=50.0) for name in names}
    for name in ("start", "sibling"):
        monkeypatch.setattr(measure_history, name, lambda *_: None)
    monkeypatch.setattr(measure_history, "measure", lambda *_: measured)
    monkeypatch.setattr(measure_recut, "recut", lambda: steps)
    bench = Bench(tmp_path, tmp_path, "local")
    bench.history()
    _, table, late = bench.said
    assert "| 35,000 | 52,500 | 1,750 | 6.0 s | 4.0 s | 1.50 | 2 of 8 |" in table
    assert "fact_sales 50.0 s (1,000 rows), " in late
    assert late.endswith("fact_sales and restatements together 100.0 s (target: 120 s).")
