"""One build a lake, also between processes."""

import subprocess
import sys
from pathlib import Path

HOLD = (
    "import sys; from pathlib import Path; from lakehouse.lock import lake_lock\n"
    "with lake_lock(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def holder(lake: Path, stdin: int) -> "subprocess.Popen[str]":
    """A process that holds the lock until its input ends."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lake)], stdin=stdin, stdout=pipe, stderr=pipe, text=True
    )


def test_a_second_build_waits_and_says_for_whom_even_if_the_first_is_killed(
    tmp_path: Path,
) -> None:
    first = holder(tmp_path, subprocess.PIPE)
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = holder(tmp_path, subprocess.DEVNULL)
        assert second.stderr is not None
        assert f"Waiting for process {first.pid} on " in second.stderr.readline()
        assert second.poll() is None
    finally:
        first.kill()
        first.communicate()
    assert second.communicate()[0] == "held\n"
    assert second.returncode == 0
