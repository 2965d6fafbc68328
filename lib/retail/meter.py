"""What work costs: seconds, and memory, of all the processes that it takes (Linux)."""

import os
import platform
import resource
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Seconds between looks: one takes some milliseconds.
_PAUSE = 0.4


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
class Step:
    """A piece of work of this process and its children; numbers are there once it ended."""

    name: str
    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Measure the work of a with-block."""
    own, ended, seen = Step(name), threading.Event(), _Seen(os.getpid())
    seen.look()
    started, waited, used = time.monotonic(), _waited(), dict(seen.cpu)
    watcher = threading.Thread(target=seen.watch, args=(ended,), daemon=True)
    watcher.start()
    try:
        yield own
    finally:
        own.seconds = time.monotonic() - started
        ended.set()
        watcher.join()
        spent = {pid: seconds - used.get(pid, 0.0) for pid, seconds in seen.cpu.items()}
        own.cpu = max(sum(spent.values()), spent[seen.root] + _waited() - waited)
        own.memory = seen.memory


def timed(name: str, target: str, command: Sequence[str], log: Path) -> Timing:
    """Run a command to its end, its output to ``log``."""
    ended = threading.Event()
    started, waited = time.monotonic(), _waited()
    with log.open("a") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        seen = _Seen(process.pid)
        watcher = threading.Thread(target=seen.watch, args=(ended,), daemon=True)
        watcher.start()
        status = process.wait()
        ended.set()
        watcher.join()
    # A JVM that nobody waits for is seen by the watcher alone; the last moment is not.
    cpu = max(sum(seen.cpu.values()), _waited() - waited)
    return Timing(name, target, time.monotonic() - started, cpu, seen.memory, status)


def _waited() -> float:
    """Processor seconds of the children waited for so far, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Seen:
    """What was seen of a process and its descendants: the most memory they held together, in GB,
    and the processor seconds of each.

    Spark's workers are waited for by nobody: what they used is known as long as they live.
    """

    def __init__(self, root: int) -> None:
        self.root, self.memory, self.cpu = root, 0.0, dict[int, float]()

    def look(self) -> None:
        family = _family(self.root)
        self.memory = max(self.memory, sum(map(_resident, family)))
        for pid in family:
            self.cpu[pid] = max(self.cpu.get(pid, 0.0), _cpu(pid))

    def watch(self, ended: threading.Event) -> None:
        """Look from time to time, until the work has ended, and then once more."""
        while not ended.wait(_PAUSE):
            self.look()
        self.look()


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
    """Memory of a process in GB, of shared pages its part; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e9


def _cpu(pid: int) -> float:
    """Processor seconds, user and system, of a process alone; 0 once it ended."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
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
