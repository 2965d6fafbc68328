"""Time whole commands as a person runs them, and say where a build's seconds went."""

import os
import platform
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

_MARKS = ("<!-- measured -->", "<!-- end -->")


@dataclass(frozen=True)
class Timing:
    """One command: wall and processor seconds, and the most memory its processes held, in GB."""

    name: str
    target: str
    seconds: float
    cpu: float
    memory: float
    status: int


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
        self.timings.append(timed(name, target, command, self.log))
        if lake:
            self.lakes[name] = lake

    def skip(self, reason: str) -> None:
        """Leave something out, and say so."""
        print(f"Not measured: {reason}.")
        self.skipped.append(reason)

    def house(self, end: date) -> None:
        """Time the demo up to the day ``end``, a build of nothing new, and one of one more day."""
        landing, lake, more = (self.work / name for name in ("landing", "lake", "more"))
        here = ("--landing", landing, "--lake", lake)
        self.time("make demo", "80 s, 4 GB", self.job("demo", *here), lake)
        self.time("build, nothing changed", "5 s", self.job("build", *here))
        tomorrow = str(end + timedelta(1))
        period = ("--days", "31", "--end-date", tomorrow)
        timed("generate", "", self.job("generate", *period, "--output", more), self.log)
        for file in more.glob(f"*/{tomorrow}.parquet"):
            shutil.copy(file, landing / file.parent.name)
        self.time("build, one more day", "45 s", self.job("build", *here))

    def invoices(self, source: str) -> None:
        """Time the build of a real retailer's invoices."""
        lake = self.work / "real"
        build = self.job("build", "--source", source, "--lake", lake)
        self.time("Online Retail, 305 days", "90 s", build, lake)

    def history(self, conf: Mapping[str, Any]) -> None:
        """Time events on their way into a history, and late costs on theirs to sales."""
        from retail import measure_history, measure_recut

        self.said += ["Histories (targets: 5 s, and 60 s for 2,000,000 keys; 1.5 times MERGE):"]
        self.said += [measure_history.report(conf, self.work / "history")]
        steps = measure_recut.recut().items()
        told = [f"{name} {step.seconds:.1f} s ({step.rows:,} rows)" for name, step in steps]
        self.said += [
            "Late costs of 350 of 35,000 products over 30 days of 10,000,000 lines"
            f" (target: 120 s for sales and restatements): {', '.join(told)}."
        ]

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
        write_between_marks(page, "\n\n".join(parts))
        print(table(self.timings))
        return 0


def timed(name: str, target: str, command: Sequence[str], log: Path) -> Timing:
    """Run a command to its end, its output to ``log``."""
    peak = _Peak()
    started, waited = time.monotonic(), _waited()
    with log.open("a") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        status = process.wait()
    # A JVM that nobody waits for is seen by the watcher alone; the last moment is not.
    cpu = max(peak.cpu, _waited() - waited)
    return Timing(name, target, time.monotonic() - started, cpu, peak.memory, status)


def _waited() -> float:
    """Processor seconds of the children waited for so far, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass
class _Peak:
    """The most seen of a command's processes together: GB, and processor seconds."""

    memory: float = 0.0
    cpu: float = 0.0


def _watch(process: "subprocess.Popen[bytes]", peak: _Peak) -> None:
    while process.poll() is None:
        family = _family(process.pid)
        peak.memory = max(peak.memory, sum(_resident(pid) for pid in family))
        peak.cpu = max(peak.cpu, sum(_cpu(pid) for pid in family))
        time.sleep(0.2)


def _family(root: int) -> list[int]:
    """The process and all that descend from it (Linux)."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _resident(pid: int) -> float:
    """Resident memory in GB, 0 for a process that has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def _cpu(pid: int) -> float:
    """Processor seconds, user and system, of a process and its ended children; 0 once it ended."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
    except OSError:
        return 0.0
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """Cores, memory and versions, as a sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    said = (java.stderr.splitlines() or ["no Java"])[0]
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}, {said}"
    )


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


def write_between_marks(page: Path, text: str) -> None:
    """Replace what stands between the page's marks; what people wrote around it stays."""
    before, _, rest = page.read_text().partition(_MARKS[0])
    after = rest.partition(_MARKS[1])[2]
    page.write_text(f"{before}{_MARKS[0]}\n{text}\n{_MARKS[1]}{after}")
