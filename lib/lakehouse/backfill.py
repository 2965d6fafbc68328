"""Rows of any days of a table, made from history in plain Spark; the table is left as it is."""

from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from lakehouse.carrying import by_day
from lakehouse.catalogue import Table
from lakehouse.changes import Affected
from lakehouse.declare import Days
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.feed import Pinned
from lakehouse.frame import Frame, Verdict
from lakehouse.log import Log, Record
from lakehouse.write import made


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


def backfill(spark: SparkSession, frame: Frame, table: Table, first: date, last: date) -> DataFrame:
    """The rows of the days from ``first`` to ``last``, whether or not the table keeps them."""
    days = frozenset(first + timedelta(n) for n in range((last - first).days + 1))
    tables = frame.catalogue.tables
    paths = {name: frame.path(tables[name]) for name in table.inputs}
    pins = {name: Pinned(path, Log(path).version, None) for name, path in paths.items()}
    verdict = Verdict(table, "backfill", Record(as_of=str(last)), pins=pins)
    return made(spark, frame, verdict, Affected(days=days))


def save(rows: DataFrame, table: Table, output: Path) -> None:
    """Write rows as parquet, a folder a day.

    Raises LakehouseError where there is something already.
    """
    if output.exists():
        raise LakehouseError(f"{output} exists already; name a folder that does not, or remove it.")
    scope = table.declaration.scope
    assert isinstance(scope, Days)
    rows.hint("rebalance", scope.column).write.partitionBy(scope.column).parquet(str(output))
