"""Rows of any days of a table, made from history; the table is left as it is."""

import shutil
from collections.abc import Container
from datetime import date, timedelta
from pathlib import Path
from typing import cast

from pyspark.sql import SparkSession

from lakehouse import carrying, quality
from lakehouse.carrying import by_day, scope_of
from lakehouse.catalogue import Table
from lakehouse.changes import Affected
from lakehouse.declare import Days
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.failures import explain, is_stop
from lakehouse.feed import Pinned
from lakehouse.frame import Frame, Verdict
from lakehouse.log import Log, Record
from lakehouse.write import Target, made


def table_by_days(frame: Frame, name: str, first: date, last: date) -> Table:
    """The table whose days are asked for.

    Raises LakehouseError where there is none, its inputs begin later, or the days run backwards.
    """
    tables = frame.catalogue.tables
    made = [n for n, t in tables.items() if isinstance(t.declaration.scope, Days) and by_day(t)]
    if name not in made:
        hint = did_you_mean(name, made)
        raise LakehouseError(f"{name} is no table made by days from tables of days; {hint}.")
    if last < first:
        raise LakehouseError(f"The days run from {first} to {last}; give the earlier one first.")
    columns = by_day(tables[name]).items()
    logs = [(Log(frame.path(tables[one])), column) for one, column in columns]
    held = [day for log, column in logs for day in log.days(column)]
    if not held or first < min(held):
        begins = f"begins on {min(held)}" if held else "holds nothing"
        raise LakehouseError(
            f"{name} cannot be made from {first} on: what it is made of {begins} in {frame.lake};"
            " land what was before, or ask for later days."
        )
    return tables[name]


def backfill(
    spark: SparkSession, frame: Frame, table: Table, first: date, last: date, output: Path
) -> None:
    """Write the rows of the days from ``first`` to ``last`` as parquet, in folders of the table's
    partitions, whether or not the table keeps them: by its kernel where closes go by it.

    They are there all or not at all. Raises LakehouseError where there is something already, where
    a stop rule is broken, or as a close does.
    """
    if output.exists():
        raise LakehouseError(f"{output} exists already; name a folder that does not, or remove it.")
    beside = output.with_name(f".{output.name}.unfinished")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        _write(spark, frame, Target(table, beside), first, last)
    except Exception as error:
        shutil.rmtree(beside, ignore_errors=True)
        if is_stop(error):
            raise LakehouseError(explain(error, table)) from None
        raise
    beside.rename(output)


def _write(spark: SparkSession, frame: Frame, target: Target, first: date, last: date) -> None:
    table, tables = target.table, frame.catalogue.tables
    paths = {name: frame.path(tables[name]) for name in table.inputs}
    pins = {name: Pinned(path, Log(path).version, None) for name, path in paths.items()}
    days = frozenset(first + timedelta(n) for n in range((last - first).days + 1))
    if scope_of(table).kernel and carrying.is_by_kernel(frame, frame.path(table)):
        place = cast(Path, target.path)
        place.mkdir(parents=True)
        files = carrying.make_days(spark, frame, target, pins, carrying.Plan(days, frozenset()))
        _remove_others(place, {file.add["path"] for file in files if file.add})
        return
    verdict = Verdict(table, "backfill", Record(as_of=str(last)), pins=pins)
    rows = quality.stopped(made(spark, frame, verdict, Affected(days=days)), table, frame.conf)
    clustered = rows.hint("rebalance", *target.partitions)
    clustered.write.partitionBy(*target.partitions).parquet(str(target.path))


def _remove_others(folder: Path, files: Container[str]) -> None:
    """Remove what a task that was tried again left beside its files."""
    for file in folder.rglob("*.parquet"):
        if str(file.relative_to(folder)) not in files:
            file.unlink()
