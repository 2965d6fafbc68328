"""Where tests find the project and, if they are here, the real files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.run import Result

Build = Callable[..., Result]

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "online_retail_sample"
LATE_COSTS = ROOT / "data" / "late_costs_sample"
REAL = Path(os.environ.get("RETAIL_DATA", ROOT / "../shared/data")) / "online_retail_by_day"

needs_real_data = pytest.mark.skipif(
    not REAL.is_dir(), reason="the real files are not here (RETAIL_DATA); .ci/run requires them"
)
