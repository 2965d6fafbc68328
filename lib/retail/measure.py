"""Time whole commands as a person runs them, and say where a build's seconds went."""

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

_MARKS = ("<!-- measured -->", "<!-- end -->")


@dataclass(frozen=True)
class Timing:
    """One command: wall seconds, and the most memory its processes held together, in GB."""

    name: str
    target: str
    seconds: float
    memory: float
    status: int


def timed(name: str, target: str, command: Sequence[str], log: Path) -> Timing:
    """Run a command to its end, its output to ``log``."""
    peak = [0.0]
    started = time.monotonic()
    with log.open("a") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        watcher = threading.Thread(target=_watch, args=(process, peak), daemon=True)
        watcher.start()
        status = process.wait()
    return Timing(name, target, time.monotonic() - started, peak[0], status)


def _watch(process: "subprocess.Popen[bytes]", peak: list[float]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_resident(pid) for pid in _family(process.pid)))
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
    lines = ["| command | target | measured | memory |", "| --- | ---: | ---: | ---: |"]
    for timing in timings:
        measured = f"{timing.seconds:.1f} s" if timing.status == 0 else f"exit {timing.status}"
        lines.append(f"| {timing.name} | {timing.target} | {measured} | {timing.memory:.1f} GB |")
    return "\n".join(lines)


def write_between_marks(page: Path, text: str) -> None:
    """Replace what stands between the page's marks; what people wrote around it stays."""
    before, _, rest = page.read_text().partition(_MARKS[0])
    after = rest.partition(_MARKS[1])[2]
    page.write_text(f"{before}{_MARKS[0]}\n{text}\n{_MARKS[1]}{after}")


def python(*arguments: str | Path) -> list[str]:
    """A command of this project, run by this Python."""
    return [sys.executable, *map(str, arguments)]
