"""One build from landing to gold: plan without a JVM, then build stale tables side by side."""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import SparkSession

from lakehouse import build_log
from lakehouse.build import Outcome, build_table
from lakehouse.catalogue import Table
from lakehouse.checks.rules import looks_at
from lakehouse.errors import LakehouseError, first_line
from lakehouse.failures import explain, is_stop
from lakehouse.frame import Frame, Verdict
from lakehouse.landing.judge import note_held
from lakehouse.landing.ledger import LandingFile, Ledger, Survey, survey
from lakehouse.landing.load import load_files
from lakehouse.lineage import Events
from lakehouse.lock import lake_lock
from lakehouse.log import Log
from lakehouse.plan import judge, refuse_what_cannot_be_built
from lakehouse.session import sibling, start

Report = Callable[[Outcome], None]


@dataclass
class Result:
    """What a build did: its outcomes in the order they ended, and the state of landing."""

    outcomes: list[Outcome] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    set_aside: list[LandingFile] = field(default_factory=list)
    known_set_aside: list[LandingFile] = field(default_factory=list)
    replays: list[LandingFile] = field(default_factory=list)
    trouble: str = ""
    seconds: float = 0.0

    @property
    def exit_status(self) -> int:
        """0 well; 1 finished, but a file was set aside or a table stopped or failed."""
        failed = any(o.status in ("stopped", "failed") for o in self.outcomes)
        return 1 if failed or self.set_aside else 0


def run(frame: Frame, selection: Iterable[str] = (), report: Report = lambda _: None) -> Result:
    """Bring the selected tables up to date.

    Raises LakehouseError, with nothing written, for what cannot be built at all.
    """
    started = time.monotonic()
    names = frame.catalogue.select(list(selection))
    with lake_lock(frame.lake):
        ledger = Ledger(frame.lake)
        ledger.check_source(frame.source)
        refuse_what_cannot_be_built(frame, names)
        events = Events(frame)
        if frame.adapt:
            frame.adapt(frame.landing)
        known = ledger.read()
        found = survey(frame.landing, frame.source, known, frame.batch, frame.snapshots)
        note_held(frame, found)
        loaded = {table.entity for table in frame.catalogue.tables.values()}
        absent = [entity for entity in found.absent if entity in loaded]
        result = Result(absent=absent, set_aside=found.newly_set_aside)
        ledger.write(found.files, frame.record)
        _Run(frame, names, found, report, result, events).go()
        new = {(file.entity, file.path) for file in found.newly_set_aside}
        for key, file in found.files.items():
            if file.is_set_aside and key not in new:
                result.known_set_aside.append(file)
            if file.status == "replay" and file.batch_id == frame.batch:
                result.replays.append(file)
        result.seconds = time.monotonic() - started
    return result


def dry_run(frame: Frame, selection: Iterable[str] = ()) -> list[Outcome]:
    """What a build would do, as the logs tell; nothing is written.

    Raises LakehouseError as ``run`` does.
    """
    names = frame.catalogue.select(list(selection))
    refuse_what_cannot_be_built(frame, names)
    with TemporaryDirectory() as folder:
        if frame.adapt:
            frame.adapt(Path(folder))
            frame = replace(frame, landing=Path(folder))
        return _stale(frame, names)


def _stale(frame: Frame, names: Iterable[str]) -> list[Outcome]:
    known = Ledger(frame.lake).read()
    found = survey(frame.landing, frame.source, known, frame.batch, frame.snapshots)
    stale: dict[str, str] = {}
    for name in names:
        table = frame.catalogue.tables[name]
        upstream = [n for n in table.inputs if n in stale]
        reason = f"{', '.join(upstream)} will change" if upstream else _reason(frame, table, found)
        if reason:
            stale[name] = reason
    return [Outcome(frame.catalogue.tables[n].full_name, "stale", r) for n, r in stale.items()]


def _reason(frame: Frame, table: Table, found: Survey) -> str:
    return judge(frame, table, found).reason


class _Run:
    """The state of one run; tables whose inputs have ended are built side by side."""

    def __init__(
        self,
        frame: Frame,
        names: list[str],
        found: Survey,
        report: Report,
        result: Result,
        events: Events,
    ):
        self.frame, self.found, self.report, self.result = frame, found, report, result
        self.events = events
        self.waiting = list(names)
        self.spark: SparkSession | None = None
        self.loaded: dict[tuple[str, str], LandingFile] = {}
        self.broken: set[str] = set()
        self.local = threading.local()

    def go(self) -> None:
        running: dict[Future[Outcome], str] = {}
        workers = int(self.frame.conf.get("build", {}).get("parallel", 2))
        try:
            with ThreadPoolExecutor(workers) as pool:
                while self.waiting or running:
                    self._submit(pool, running, workers)
                    if not running:
                        continue
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        self._ended(running.pop(future), future)
        finally:
            if self.result.outcomes:
                ledger = Ledger(self.frame.lake)
                ledger.write(self.found.files | self.loaded, self.frame.record)
                build_log.append(self.frame, self.result.outcomes)
            self.events.closed(self.result.outcomes, interrupted=bool(self.waiting or running))
            self.result.trouble = self.events.trouble

    def _submit(
        self,
        pool: ThreadPoolExecutor,
        running: dict[Future[Outcome], str],
        workers: int,
    ) -> None:
        """Start every waiting table whose inputs are done; pass over what is up to date."""
        for name in list(self.waiting):
            table = self.frame.catalogue.tables[name]
            needs, first = set(table.inputs), {*table.inputs, *looks_at(table)}
            if len(running) >= workers or first & {*self.waiting, *running.values()}:
                continue
            self.waiting.remove(name)
            if needs & self.broken:
                self.broken.add(name)
                reason = f"{', '.join(sorted(needs & self.broken))} did not get built"
                self._add(Outcome(table.full_name, "skipped", reason))
                continue
            verdict = judge(self.frame, table, self.found)
            if verdict.reason:
                self._session()
                running[pool.submit(self._make, verdict)] = name

    def _make(self, verdict: Verdict) -> Outcome:
        """Build one table, or say why not; when, and from which versions to which."""
        table = verdict.table
        versions = {name: pin.version for name, pin in verdict.pins.items()}
        started, before = datetime.now(UTC), Log(self.frame.path(table)).version
        self.events.started(table, versions)
        try:
            outcome = self._built(verdict)
        except Exception as error:
            status = "stopped" if is_stop(error) else "failed"
            outcome = Outcome(table.full_name, status, explain(error, table))
        ended = datetime.now(UTC)
        outcome = replace(
            outcome,
            started_at=started,
            ended_at=ended,
            seconds=(ended - started).total_seconds(),
            inputs=[f"{self.frame.catalogue.tables[n].full_name}@{v}" for n, v in versions.items()],
            version_before=before,
            version=Log(self.frame.path(table)).version,
        )
        self.events.ended(table, outcome, versions)
        return outcome

    def _built(self, verdict: Verdict) -> Outcome:
        """The table, built in the session of this worker thread, its own settings and views.

        A machine that is lost, or another's commit in between, may fail it: commits are atomic, so
        it is judged anew and tried again, as often as conf says.
        """
        if not hasattr(self.local, "spark"):
            self.local.spark = sibling(self._session(), self.frame.conf)
        for _ in range(int(self.frame.conf.get("build", {}).get("attempts", 1)) - 1):
            try:
                return self._try(verdict)
            except LakehouseError:
                raise
            except Exception as error:
                if is_stop(error):
                    raise
                said = first_line(error)[:200]
                print(f"{verdict.table.full_name} is tried again: {said}", file=sys.stderr)
                verdict = judge(self.frame, verdict.table, self.found)
        return self._try(verdict)

    def _try(self, verdict: Verdict) -> Outcome:
        if verdict.table.entity is None:
            return build_table(self.local.spark, self.frame, verdict)
        return load_files(self.local.spark, self.frame, verdict, self.found, self.loaded)

    def _session(self) -> SparkSession:
        if self.spark is None:
            self.spark = start(dict(self.frame.conf))
        return self.spark

    def _ended(self, name: str, future: Future[Outcome]) -> None:
        outcome = future.result()
        if outcome.status != "built":
            self.broken.add(name)
        self._add(outcome)

    def _add(self, outcome: Outcome) -> None:
        self.result.outcomes.append(outcome)
        self.report(outcome)
