"""Calling a table's function: over its inputs, with its settings, and with nothing else."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from lakehouse.catalogue import Table
from lakehouse.changes import Affected, read_input, restrict
from lakehouse.conf import lookup
from lakehouse.frame import Frame, Verdict


def invoke(
    table: Table, inputs: Mapping[str, DataFrame], conf: Mapping[str, Any], as_of: str | None
) -> DataFrame:
    """What the table's function makes of its inputs; ``as_of`` goes to those that take it."""
    arguments: dict[str, Any] = dict(inputs)
    arguments |= {name: lookup(conf, path) for name, path in table.settings.items()}
    if table.takes_as_of:
        arguments["as_of"] = date.fromisoformat(str(as_of))
    result: DataFrame = table.declaration.function(**arguments)
    return result


def call(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    part: Affected,
    given: Mapping[str, DataFrame] | None = None,
) -> DataFrame:
    """The table's function over its pinned inputs, restricted to the affected part; those that are
    ``given`` are taken as they are.
    """
    table, tables = verdict.table, frame.catalogue.tables
    inputs: dict[str, DataFrame] = dict(given or {})
    for name, spread in table.inputs.items():
        if name in inputs:
            continue
        everything = read_input(spark, tables[name], spread, verdict.pins[name])
        inputs[name] = restrict(table, tables[name], spread, everything, part)
    return invoke(table, inputs, frame.conf, verdict.record.as_of)
