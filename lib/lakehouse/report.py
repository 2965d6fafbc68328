"""What a person sees of a build: a line a table, a bar on a terminal, and a summary."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lakehouse import build_log
from lakehouse.build import Outcome
from lakehouse.frame import Frame
from lakehouse.query import show
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
        first = str(file.reason).split("\n")[0]
        console.print(f"set aside before, unchanged: {file.path} ({file.entity}): {first}")
    built = [outcome for outcome in result.outcomes if outcome.status == "built"]
    if not result.outcomes:
        console.print(f"Nothing changed: every table is up to date ({result.seconds:.1f} s).")
        return
    if result.trouble:
        console.print(f"warning: {result.trouble}")
    rows = sum(outcome.rows for outcome in built)
    console.print(f"{len(built)} tables built, {rows:,} rows written, {result.seconds:.1f} s.")


def last_run(lake: Path) -> int:
    """Show the newest build of a lake, as its log has it, a row a table; the exit status.

    Raises LakehouseError where no build is logged.
    """
    rows = build_log.last_run(lake)
    shown = [
        {
            "table": row["table_name"],
            "status": row["status"],
            "mode": row["mode"],
            "rows_in": row["rows_in"],
            "rows_out": row["row_count"],
            "quarantined": row["quarantined"],
            "files": row["files"],
            "bytes": row["bytes"],
            "seconds": round(row["seconds"], 1),
            "version": f"{row['version_before']} to {row['version']}" if row["started_at"] else "",
            "reason": row["reason"],
        }
        for row in rows
    ]
    first = min(row["started_at"] or row["ended_at"] for row in rows)
    took = (max(row["ended_at"] for row in rows) - first).total_seconds()
    title = f"Build {rows[0]['batch_id']} of {lake}: {len(rows)} tables in {took:.0f} s"
    show(list(shown[0]), [tuple(row.values()) for row in shown], title=title)
    return 0
