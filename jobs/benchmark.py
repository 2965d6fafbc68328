"""Time the commands that matter, on this machine, and write docs/benchmarks.md."""

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path

from retail import measure, project

ROOT = Path(__file__).parents[1]


@project.job
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", default="local", help="conf/ENV.yaml (default: local)")
    parser.add_argument("--tests", action="store_true", help="time make test and test-fast too")
    parser.add_argument("--history", action="store_true", help="measure histories too")
    options = parser.parse_args()
    paths = {"source": ROOT / "conf/sources/online_retail.yaml", "landing": None, "lake": None}
    real = project.frame(argparse.Namespace(**paths, env=options.env))
    with tempfile.TemporaryDirectory() as folder:
        bench = measure.Bench(ROOT / "jobs", Path(folder), options.env)
        bench.house(date.fromisoformat(str(real.conf["generator"]["end_date"])))
        if real.landing.is_dir():
            bench.invoices(real.source.place)
        else:
            bench.skip(f"Online Retail: there is no folder {real.landing} (set RETAIL_DATA)")
        if options.tests:
            for target, seconds in (("test-fast", "15 s"), ("test", "480 s")):
                bench.time(f"make {target}", seconds, ["make", target])
        if options.history:
            bench.history(real.conf)
        return bench.end(ROOT / "docs" / "benchmarks.md")


if __name__ == "__main__":
    sys.exit(main())
