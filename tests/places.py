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

_MISSING = "the real files are not here (RETAIL_DATA); .ci/run requires them"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason=_MISSING)
needs_adventureworks = pytest.mark.skipif(not ADVENTUREWORKS.is_dir(), reason=_MISSING)
