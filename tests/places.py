"""Where tests find the project and, if they are here, the real files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.run import Result

Build = Callable[..., Result]

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "online_retail_sample"
ADVENTUREWORKS_SAMPLE = ROOT / "data" / "adventureworks_sample"
LATE_COSTS = ROOT / "data" / "late_costs_sample"
RETAIL_DATA = Path(os.environ.get("RETAIL_DATA", ROOT / "../shared/data"))
REAL = RETAIL_DATA / "online_retail_by_day"
ADVENTUREWORKS = RETAIL_DATA / "adventureworks"


def real(files: Path) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test that reads files which the repository does not hold; without them it is skipped."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        missing = pytest.mark.skipif(
            not files.is_dir(), reason=f"there is no {files} (RETAIL_DATA)"
        )
        return pytest.mark.real(missing(test))

    return mark
