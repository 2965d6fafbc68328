"""Frames that tables make of change events, and of nothing at all."""

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def newest_state(
    events: DataFrame, *key: str, sequence: Iterable[str] = ("sequence",)
) -> DataFrame:
    """The state that the last event of each key left; grain: one row per key not deleted.

    ``events`` carries the columns of ``sequence``, which order a key's events, and ``operation``
    (upsert or delete) beside the state; the result carries them no more.
    """
    order = tuple(sequence)
    last = F.max_by(F.struct(*events.columns), F.struct(*order)).alias("_last")
    states = events.groupBy(*key).agg(last).select("_last.*")
    return states.where("operation <> 'delete'").drop("operation", *order)


def fixed_rows(beside: DataFrame, column: str, values: Iterable[str]) -> DataFrame:
    """One row per value, in the one ``column``, in the session of the frame ``beside``."""
    rows = F.explode(F.array(*[F.lit(value) for value in values])).alias(column)
    return beside.sparkSession.range(1).select(rows)
