"""Time whole commands as a person runs them, and say where a build's seconds went."""

import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from deltalake import DeltaTable

from retail import project
from retail.measure_scale import write_between
from retail.meter import Timing, machine, timed

_MARKS = ("<!-- measured -->", "<!-- end -->")


@dataclass
class Bench:
    """A run of timed commands in the folder ``work``: the jobs in ``jobs``, by one environment."""

    jobs: Path
    work: Path
    env: str
    timings: list[Timing] = field(default_factory=list)
    lakes: dict[str, Path] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return self.work / "log"

    def job(self, name: str, *options: str | Path) -> list[str]:
        """The command of a job, run by this Python."""
        job = str(self.jobs / f"{name}.py")
        return [sys.executable, job, "--env", self.env, *map(str, options)]

    def time(self, name: str, target: str, command: list[str], lake: Path | None = None) -> None:
        """Time a command; of a ``lake`` that it builds, say too which table took how long."""
        taken = timed(name, target, command, self.log)
        self.timings.append(taken)
        # Told as it is known: the whole takes a quarter of an hour, and may be broken off.
        print(
            f"{name}: {taken.seconds:.1f} s, {taken.cpu:.0f} CPU-s, status {taken.status}",
            flush=True,
        )
        if lake:
            self.lakes[name] = lake

    def say(self, text: str) -> None:
        """Have the page say something, and print it as it is known."""
        print(text, flush=True)
        self.said.append(text)

    def skip(self, reason: str) -> None:
        """Leave something out, and say so."""
        print(f"Not measured: {reason}.")
        self.skipped.append(reason)

    def run(self, tests: bool, history: bool, page: Path) -> int:
        """Time all that is asked for, and write the page."""
        root = self.jobs.parent
        paths = {"source": root / "conf/sources/online_retail.yaml", "landing": None, "lake": None}
        real = project.frame(Namespace(**paths, env=self.env))
        self.house(date.fromisoformat(str(real.conf["generator"]["end_date"])))
        self.faults()
        if real.landing.is_dir():
            self.invoices(real.source.place)
        else:
            self.skip(f"Online Retail: there is no folder {real.landing} (set RETAIL_DATA)")
        if tests:
            for target, seconds in (("test-fast", "15 s"), ("test", "480 s")):
                self.time(f"make {target}", seconds, ["make", target])
        if history:
            self.history()
            self.rules()
        return self.end(page)

    def house(self, end: date) -> None:
        """Time the demo up to the day ``end``, a build of nothing new, and one of one more day."""
        landing, lake, more = (self.work / name for name in ("landing", "lake", "more"))
        here = ("--landing", landing, "--lake", lake)
        self.time("make demo", "80 s, 4 GB", self.job("demo", *here), lake)
        self.time("build, nothing changed", "5 s", self.job("build", *here))
        submit = [str(self.jobs.parent / "spark-submit.sh"), "jobs/build.py", *map(str, here)]
        self.time("the same by spark-submit.sh", "15 s", submit)
        tomorrow = str(end + timedelta(1))
        period = ("--days", "31", "--end-date", tomorrow)
        timed("generate", "", self.job("generate", *period, "--output", more), self.log)
        for file in more.glob(f"*/{tomorrow}.parquet"):
            shutil.copy(file, landing / file.parent.name)
        self.time("build, one more day", "45 s", self.job("build", *here))
        self.time("quality", "30 s", self.job("quality", *here))
        self.time("validate", "", self.job("validate", *here))
        self.time("validate --docs", "90 s", self.job("validate", *here, "--docs"))

    def faults(self) -> None:
        """Time the score of the default data with one record in a hundred spoilt."""
        landing, lake = (self.work / name for name in ("spoilt", "spoilt_lake"))
        here = ("--landing", landing, "--lake", lake)
        spoil = self.job("generate", "--output", landing, "--faults", "0.01")
        timed("generate", "", spoil, self.log)
        timed("build", "", self.job("build", *here), self.log)  # files are set aside: status 1
        labels = ("--labels", landing / "_labels")
        self.time("quality --labels", "30 s", self.job("quality", *here, *labels))

    def rules(self) -> None:
        """Say what rules over rows cost a build."""
        from retail import measure_rules

        self.say(measure_rules.report())

    def invoices(self, source: str) -> None:
        """Time the build of a real retailer's invoices."""
        lake = self.work / "real"
        build = self.job("build", "--source", source, "--lake", lake)
        self.time("Online Retail, 305 days", "90 s", build, lake)

    def history(self) -> None:
        """Time events on their way into a history, and late costs on theirs to sales."""
        from retail import measure_history, measure_recut

        self.say("Histories (targets: 5 s, and 60 s for 2,000,000 keys; 1.5 times MERGE):")
        self.say(measure_history.report(self.work / "history"))
        steps = measure_recut.recut()
        told = [f"{name} {step.seconds:.1f} s ({step.rows:,} rows)" for name, step in steps.items()]
        following = sum(steps[name].seconds for name in measure_recut.FOLLOWING)
        self.say(
            "Late costs of 350 of 35,000 products over 30 days of 10,000,000 lines:"
            f" {', '.join(told)}; {' and '.join(measure_recut.FOLLOWING)} together"
            f" {following:.1f} s (target: 120 s)."
        )

    def end(self, page: Path) -> int:
        """Print the timings and write them to the page, unless a command failed: then its log."""
        status = max(timing.status for timing in self.timings)
        if status:
            print(f"{table(self.timings)}\n\n{self.log.read_text()}")
            return status
        parts = [f"{datetime.now(UTC):%Y-%m-%d}, {machine()}.", table(self.timings)]
        parts += [f"Not measured: {reason}." for reason in self.skipped]
        for name, lake in self.lakes.items():
            parts += [f"{name}, by table:", by_table(lake)]
        parts += self.said
        write_between(page, _MARKS, "\n\n".join(parts))
        print(table(self.timings))
        return 0


def by_table(lake: Path) -> str:
    """Seconds a table of a lake's first build, as Markdown."""
    log = DeltaTable(str(lake / "ops" / "build_log")).to_pyarrow_table().to_pylist()
    first = min(row["batch_id"] for row in log)
    rows = [row for row in log if row["batch_id"] == first and row["status"] == "built"]
    lines = ["| table | seconds | rows written | files |", "| --- | ---: | ---: | ---: |"]
    for row in sorted(rows, key=lambda row: -row["seconds"]):
        numbers = f"{row['seconds']:.1f} | {row['row_count']:,} | {row['files']}"
        lines.append(f"| {row['table_name']} | {numbers} |")
    return "\n".join(lines)


def table(timings: Sequence[Timing]) -> str:
    """All timings as Markdown."""
    lines = ["| command | target | measured | CPU | memory |"]
    lines += ["| --- | ---: | ---: | ---: | ---: |"]
    for timing in timings:
        measured = f"{timing.seconds:.1f} s" if timing.status == 0 else f"exit {timing.status}"
        used = f"{timing.cpu:.0f} s | {timing.memory:.1f} GB"
        lines.append(f"| {timing.name} | {timing.target} | {measured} | {used} |")
    return "\n".join(lines)
