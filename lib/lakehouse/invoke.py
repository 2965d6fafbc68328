"""Calling a table's function: over its inputs, with its settings, and with nothing else."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pyspark.sql import DataFrame

from lakehouse.catalogue import Table
from lakehouse.conf import lookup


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
