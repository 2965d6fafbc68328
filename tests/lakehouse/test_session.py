"""What shared and serverless compute forbids stays in the one module that may touch it."""

import io
import tokenize
from pathlib import Path

from places import ROOT

FORBIDDEN = {"_jvm", "_jsc", "_gateway", "_jsparkSession", "_jdf", "rdd", "parallelize",
             "sparkContext", "SparkContext", "SQLContext"}  # fmt: skip
ALLOWED = {Path("lib/lakehouse/session.py")}


def words(path: Path) -> set[str]:
    """The names in a module; what its texts and comments say is no use of anything."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def test_only_the_session_module_goes_below_sql_and_dataframes() -> None:
    used = {
        path.relative_to(ROOT): found
        for folder in ("lib", "jobs")
        for path in (ROOT / folder).rglob("*.py")
        if (found := words(path) & FORBIDDEN)
    }
    assert set(used) == ALLOWED, used
