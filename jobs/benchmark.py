"""Time the commands that matter, on this machine, and write docs/benchmarks.md."""

import shutil
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from lakehouse.conf import load
from retail import project
from retail.measure import by_table, machine, python, table, timed, write_between_marks

ROOT = Path(__file__).parents[1]
JOBS = ROOT / "jobs"


def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("--tests", action="store_true", help="time make test and test-fast too")
    options = parser.parse_args()
    end = date.fromisoformat(str(load(options.env)["generator"]["end_date"])) + timedelta(1)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        log, here = work / "log", ("--landing", work / "landing", "--lake", work / "lake")
        build, real = python(JOBS / "build.py", *here), ROOT / "conf/sources/online_retail.yaml"
        timings = [timed("make demo", "60 s, 4 GB", python(JOBS / "demo.py", *here), log)]
        timings += [timed("build, nothing changed", "5 s", build, log)]
        more = python(
            JOBS / "generate.py", "--days", "31", "--end-date", end, "--output", work / "m"
        )
        timed("generate one more day", "", more, log)
        for file in (work / "m").glob(f"*/{end}.parquet"):
            shutil.copy(file, work / "landing" / file.parent.name)
        timings += [timed("build, one more day", "30 s", build, log)]
        retail = python(JOBS / "build.py", "--source", real, "--lake", work / "real")
        timings += [timed("Online Retail, 305 days", "90 s", retail, log)]
        if options.tests:
            timings += [timed("make test-fast", "15 s", ["make", "test-fast"], log)]
            timings += [timed("make test", "360 s", ["make", "test"], log)]
        parts = [f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.", table(timings)]
        parts += ["Where the demo's build spends its time:", by_table(work / "lake")]
        parts += ["Where the build of Online Retail spends its time:", by_table(work / "real")]
        write_between_marks(ROOT / "docs" / "benchmarks.md", "\n\n".join(parts))
        print(table(timings) if all(t.status == 0 for t in timings) else log.read_text())
        return max(timing.status for timing in timings)


if __name__ == "__main__":
    sys.exit(main())
