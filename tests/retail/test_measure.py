"""What a benchmark measures of a command: seconds of all its processes, memory, status."""

import subprocess
import sys
from pathlib import Path

import pytest

from retail import meter
from retail.measure import Bench, table
from retail.meter import step, timed

# A child that nobody waits for works for half a second, as a JVM would, and is killed.
CODE = """
import os, subprocess, sys, time
busy = "import time\\nwhile time.process_time() < 0.5: pass\\nprint(flush=True)\\ntime.sleep(9)"
child = subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE)
child.stdout.readline()
time.sleep(0.5)
child.kill()
os._exit(0)
"""


def test_processor_time_of_a_child_that_nobody_waits_for_counts(tmp_path: Path) -> None:
    timing = timed("work", "1 s", [sys.executable, "-c", CODE], tmp_path / "log")
    assert timing.status == 0, (tmp_path / "log").read_text()
    assert 0.4 <= timing.cpu < 3  # the system counts in hundredths
    assert timing.seconds > 0.9
    assert 0 < timing.memory < 1


def test_processor_time_of_a_command_too_short_to_watch_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "_cpu", lambda pid: 0.0)
    code = "import time\nwhile time.process_time() < 0.15: pass"
    assert timed("short", "", [sys.executable, "-c", code], tmp_path / "log").cpu >= 0.1


def test_a_step_of_this_process_counts_its_children_too() -> None:
    code = "import time\nwhile time.process_time() < 0.3: pass"
    with step("work") as work:
        subprocess.run([sys.executable, "-c", code], check=True)
    assert 0.2 <= work.cpu < 3
    assert work.seconds > 0.3
    assert 0 < work.memory < 4


def test_a_worker_that_ends_unnoticed_has_worked() -> None:
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "ended, held = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    while time.process_time() < 0.5: pass\n"
        "    time.sleep(1)\n"
        "    os._exit(0)\n"
        "os.close(held)\nos.read(ended, 1)\ntime.sleep(0.1)\nprint(flush=True)\ntime.sleep(9)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        with step("work") as work:
            assert parent.stdout
            parent.stdout.readline()
        parent.kill()
    assert work.cpu >= 0.4


def test_a_command_that_fails_leaves_the_page_as_it_was(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- measured -->\nold\n<!-- end -->")
    bench = Bench(tmp_path, tmp_path, "local")
    bench.time("well", "1 s", [sys.executable, "-c", "pass"])
    assert bench.end(page) == 0
    assert "| well | 1 s |" in page.read_text()
    kept = page.read_text()
    bench.time("broken", "1 s", [sys.executable, "-c", "raise SystemExit(3)"])
    assert bench.end(page) == 3
    assert "| broken | 1 s | exit 3 |" in table(bench.timings)
    assert page.read_text() == kept
