"""What a person sees of a build: a line a table, a bar on a terminal, and a summary."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lakehouse.build import Outcome
from lakehouse.frame import Frame
from lakehouse.run import Report, Result, run

console = Console(highlight=False, soft_wrap=True)


def reported(frame: Frame, selection: Iterable[str] = ()) -> Result:
    """A build that a person watches: a line a table as it ends, then the summary."""
    with _reporting(len(frame.catalogue.order)) as report:
        result = run(frame, selection, report)
    summary(result)
    return result


@contextmanager
def _reporting(tables: int) -> Iterator[Report]:
    """A callback that prints each outcome as it ends, above a bar where there is a terminal."""
    columns = (TextColumn("building"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=tables)

        def report(outcome: Outcome) -> None:
            bar.advance(task)
            console.print(line(outcome))

        yield report


def line(outcome: Outcome) -> str:
    """One table's line: what was written, how long it took, and why it was built."""
    name = f"{outcome.table:<32}"
    if outcome.status != "built":
        return f"{name} {outcome.status}: {outcome.reason}"
    wrote = f"{outcome.rows:>10,} rows {outcome.files:>4} files {outcome.seconds:>6.1f} s"
    notes = [outcome.reason]
    if outcome.quarantined:
        notes.append(f"{outcome.quarantined:,} in quarantine")
    if outcome.repeated:
        notes.append(f"{outcome.repeated:,} repeated or superseded")
    return f"{name} {wrote}  {outcome.mode:<5}  {'; '.join(notes)}"


def summary(result: Result) -> None:
    """The end of a build: what is absent, set aside, repeated, or worth a look."""
    for outcome in result.outcomes:
        for warning in outcome.warnings:
            console.print(f"warning: {warning}")
    if result.absent:
        console.print(f"absent (their tables are empty): {', '.join(result.absent)}")
    for file in result.replays:
        console.print(f"replay: {file.path} has the {file.reason}; it adds nothing")
    for file in result.set_aside:
        console.print(f"set aside: {file.path} ({file.entity}): {file.reason}")
    for file in result.known_set_aside:
        console.print(f"set aside before, unchanged: {file.path} ({file.entity}): {file.reason}")
    built = [outcome for outcome in result.outcomes if outcome.status == "built"]
    if not result.outcomes:
        console.print(f"Nothing changed: every table is up to date ({result.seconds:.1f} s).")
        return
    rows = sum(outcome.rows for outcome in built)
    console.print(f"{len(built)} tables built, {rows:,} rows written, {result.seconds:.1f} s.")
