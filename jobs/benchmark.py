"""Time the commands that matter, or closes at several scales, and write docs/benchmarks.md."""

import argparse
import sys
import tempfile
from pathlib import Path

from retail import measure, measure_scale, project

ROOT = Path(__file__).parents[1]


@project.job
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", default="local", help="conf/ENV.yaml (default: local)")
    parser.add_argument("--tests", action="store_true", help="time make test and test-fast too")
    parser.add_argument("--history", action="store_true", help="measure histories and rules too")
    parser.add_argument("--scale", nargs="+", help="measure closes at these scales, alone")
    parser.add_argument("--days", type=int, default=3, help="days that --scale closes (default: 3)")
    text = "with --scale: 40 million rows of past days too, by the backfill and by DuckDB"
    parser.add_argument("--backfill", action="store_true", help=text)
    parser.add_argument("--work", type=Path, help="folder that keeps what --scale found")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        if options.scale:
            return measure_scale.sweep(
                work, options.scale, options.days, options.backfill, options.page
            )
        bench = measure.Bench(ROOT / "jobs", Path(folder), options.env)
        return bench.run(options.tests, options.history, options.page)


if __name__ == "__main__":
    sys.exit(main())
