"""One build a lake: on a local path two JVMs could overwrite each other's commit."""

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lakehouse.storage import Place


@contextmanager
def lake_lock(lake: Place) -> Iterator[None]:
    """Hold the lake's lock; wait for whoever holds it, and say for whom.

    Object stores and catalogues have no lock: there the scheduler starts one build at a time.
    A lake that is new and still empty at the end, as after a refusal, is taken away again.
    """
    if not isinstance(lake, Path):
        yield
        return
    is_new = not lake.exists()
    lake.mkdir(parents=True, exist_ok=True)
    lock, note = FileLock(lake / ".lock"), lake / ".lock-holder"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = note.read_text() if note.exists() else "another build"
        print(f"Waiting for {holder}, which is building {lake}.", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        note.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()
        if is_new and [file.name for file in lake.iterdir()] == [".lock"]:
            shutil.rmtree(lake)
