"""Where tests find the project and, if they are here, the real files; builds and jobs of theirs."""

import importlib.util
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lakehouse.frame import Frame
from lakehouse.run import Result
from retail import project

Build = Callable[..., Result]

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "online_retail_sample"
ADVENTUREWORKS_SAMPLE = ROOT / "data" / "adventureworks_sample"
LATE_COSTS = ROOT / "data" / "late_costs_sample"
RETAIL_DATA = Path(os.environ.get("RETAIL_DATA", ROOT / "../shared/data"))
REAL = RETAIL_DATA / "online_retail_by_day"
ADVENTUREWORKS = RETAIL_DATA / "adventureworks"
# Of the days generated the day before the last ends a fiscal week: customers are looked at twice.
LAST_DAY = date(2026, 6, 28)

# A handful of rows: code made for them lives shorter than making it, and one task does. Plans are most
# of the work, which the first compiler alone does for three quarters of the time of both.
SMALL = {
    "spark": {
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
        "spark.sql.codegen.wholeStage": False,
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": False,
        "spark.sql.shuffle.partitions": 1,
        "spark.default.parallelism": 1,
        "spark.sql.leafNodeDefaultParallelism": 1,
        "spark.sql.files.minPartitionNum": 1,
        "spark.databricks.delta.snapshotPartitions": 1,
    }
}


def real(files: Path) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test that reads files which the repository does not hold; without them it is skipped."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        missing = pytest.mark.skipif(
            not files.is_dir(), reason=f"there is no {files} (RETAIL_DATA)"
        )
        return pytest.mark.real(missing(test))

    return mark


def frame(landing: Path, lake: Path, source: str = "home_improvement", **changes: Any) -> Frame:
    """What a build needs, as a job's options give it; ``changes`` replace fields of the frame."""
    options = SimpleNamespace(
        source=ROOT / "conf" / "sources" / f"{source}.yaml",
        landing=Path(landing),
        lake=Path(lake),
        env="local",
        as_of=changes.pop("as_of", None),
        full_refresh=changes.pop("full_refresh", False),
    )
    made = project.frame(options)  # type: ignore[arg-type]
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    return made


def called(monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> int:
    """Exit status of a job's main() in this process."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "jobs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
    return int(module.main())
