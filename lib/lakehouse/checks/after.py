"""What a write is held to once it is made: warn rules over its rows, and the table as a whole."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.checks.asking import asking_of_came, count_broken
from lakehouse.checks.rules import REFERENCE, declared, render, row_rules
from lakehouse.checks.whole import judge_whole
from lakehouse.declare import Expectation
from lakehouse.errors import LakehouseError, StopRuleError
from lakehouse.feed import CAME, Pinned, change_feed
from lakehouse.frame import Frame
from lakehouse.log import Log
from lakehouse.storage import Place


def judge_written(spark: SparkSession, frame: Frame, table: Table, before: int) -> tuple[str, ...]:
    """Warnings over what the commits after the version ``before`` made of a table.

    Raises StopRuleError, with the table put back to that version, where it breaks a stop rule. Of
    the rules over whole tables a build judges those that can stop it, jobs/validate.py all of them.
    """
    path = frame.path(table)
    log = Log(path)
    if not log.changed_since(max(before, 0)):
        return ()
    rules = [r for r in declared(table) if r.severity == "stop" or r.kind == REFERENCE]
    judged = [one for one in judge_whole(frame, table, rules) if one.failed]
    if stops := [one for one in judged if one.verdict == "stopped"]:
        storage.restore(path, max(before, 0))
        raise StopRuleError(
            f"{stops[0].sentence}: a stop rule is broken, and the table is what it was before;"
            " bring what is missing, or correct the input."
        )
    return (*(one.sentence for one in judged), *_row_warnings(spark, frame, table, path, before))


def _row_warnings(
    spark: SparkSession, frame: Frame, table: Table, path: Place, before: int
) -> list[str]:
    """Warn rules counted over the rows that were written."""
    if not (rules := row_rules(table, "warn")):
        return []
    pin = Pinned(path, Log(path).version, max(before, 0))
    counts = _in_files(pin, rules, frame.conf)
    if counts is None:
        written = change_feed(spark, pin).where(CAME)
        passes = [F.coalesce(F.expr(render(rule, frame.conf)), F.lit(True)) for rule in rules]
        found = written.agg(*[F.count_if(~well) for well in passes]).first()
        assert found is not None
        counts = list(found)
    return [
        f"{count:,} rows of {table.full_name}: {rule.name}"
        for rule, count in zip(rules, counts, strict=True)
        if count
    ]


def _in_files(
    pin: Pinned, rules: Sequence[Expectation], conf: Mapping[str, Any]
) -> list[int] | None:
    """The same by DuckDB over the files, which needs no job; None where it cannot tell."""
    with asking_of_came(pin) as ask:
        try:
            return count_broken(ask, rules, conf)[1] if ask else None
        except LakehouseError:  # a rule that only Spark understands
            return None
