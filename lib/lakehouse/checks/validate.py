"""Judging a lake: verdicts on every rule, told, kept, and if wanted Great Expectations' own."""

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from lakehouse import quality, storage
from lakehouse.catalogue import Table
from lakehouse.changes import read_input
from lakehouse.checks import verdicts
from lakehouse.checks.judgement import Judgement
from lakehouse.checks.rules import Rule, looks_at, rules_of
from lakehouse.checks.verdicts import FITS, GREAT_EXPECTATIONS
from lakehouse.checks.whole import of_absent
from lakehouse.errors import LakehouseError
from lakehouse.feed import Pinned
from lakehouse.frame import Frame
from lakehouse.invoke import invoke
from lakehouse.log import Log
from lakehouse.plan import frame_as_of

Say = Callable[[str], None]
# Where Great Expectations keeps suites, results and pages, below the lake.
FOLDER = "quality"


def validate(frame: Frame, selection: Iterable[str], say: Say) -> int:
    """Judge the selected tables, or all above bronze, and keep the verdicts.

    Returns 1 where a stop rule is broken, else 0. Raises LakehouseError for an unknown table.
    """
    judged = [one for table in chosen(frame, selection) for one in verdicts.verdicts(frame, table)]
    verdicts.append(frame, judged)
    return told(judged, say)


def told(judged: list[Judgement], say: Say) -> int:
    """Say what is broken and how much was looked at; 1 where something stops."""
    for one in filter(verdicts.is_broken, judged):
        say(f"{one.verdict:<12} {one.sentence}")
    tables = len({one.table for one in judged})
    broken = sum(verdicts.is_broken(one) for one in judged)
    say(f"{len(judged):,} rules of {tables} tables judged, {broken} broken.")
    return int(any(one.verdict == "stopped" for one in judged))


def chosen(frame: Frame, selection: Iterable[str]) -> list[Table]:
    """Tables of the lake that rules are judged of."""
    names = frame.catalogue.select(list(selection))
    tables = [frame.catalogue.tables[name] for name in names]
    found = [t for t in tables if t.layer != "bronze" and Log(frame.path(t)).exists]
    if not found:
        raise LakehouseError(
            f"{frame.lake} holds none of the tables to judge; build first (jobs/build.py)."
        )
    return found


def expected(
    frame: Frame, selection: Iterable[str], spark: SparkSession, say: Say, folder: Path | None
) -> int:
    """The same by Great Expectations, for staging tables and facts or those selected, with pages.

    Returns 1 where a stop rule is broken or the two judges count other rows. Raises LakehouseError
    where the packages are not here.
    """
    if find_spec("great_expectations") is None:
        raise LakehouseError(
            "Great Expectations is not installed; make quality sets it up (or pip install"
            " '.[quality]')."
        )
    from lakehouse.checks import data_docs

    wanted = list(selection)
    tables = [
        table
        for table in chosen(frame, wanted)
        if wanted or table.is_staging or table.name.startswith("fact_")
    ]
    place = folder or frame.lake / FOLDER
    if not isinstance(place, Path):
        raise LakehouseError(
            f"Data Docs are files, and the lake {frame.lake} is no folder; name one for them, as in"
            " --docs build/quality."
        )
    context = data_docs.context(place)
    ours, theirs = list[Judgement](), list[Judgement]()
    for table in tables:
        ours += verdicts.verdicts(frame, table)
        theirs += _by_great_expectations(frame, table, spark, context)
    verdicts.append(frame, theirs, GREAT_EXPECTATIONS)
    status = told(theirs, say)
    for sentence in (differ := verdicts.differing(ours, theirs)):
        say(f"disagree     {sentence}")
    say(f"Data Docs: {data_docs.build(context)}")
    return max(status, int(bool(differ)))


def _by_great_expectations(
    frame: Frame, table: Table, spark: SparkSession, context: object
) -> list[Judgement]:
    from lakehouse.checks import suite

    version = Log(frame.path(table)).version
    rules = [rule for rule in rules_of(table) if not of_absent(frame, rule)]
    conf = {**frame.conf, "as_of": frame_as_of(frame)}
    _show_known(frame, table, spark)

    def judge(name: str, mine: list[Rule], rows: DataFrame) -> list[Judgement]:
        rows = rows.persist()
        try:
            made = suite.suite(name, mine, conf)
            result = suite.validate(context, name, made, rows, frame.batch)
            return suite.judgements(table, version, mine, result, rows.count())
        finally:
            rows.unpersist()

    stored = storage.read(spark, frame.path(table))
    there = judge(table.full_name, rules, stored)
    if not table.is_staging:
        return there
    quarantine = [r for r in rules if r.is_row_rule and r.severity == "quarantine"]
    of_rows = [*quarantine, FITS]
    asked = sorted({column for rule in of_rows for column in rule.columns})
    rows = _landed(frame, table, spark).select(*asked, quality.FAULTS)
    landed = judge(f"{table.full_name}.landed", of_rows, rows)
    names = {one.rule for one in landed}
    leaked = [one for one in there if one.rule in names and one.failed]
    return [*landed, *(one for one in there if one.rule not in names), *leaked]


def _landed(frame: Frame, table: Table, spark: SparkSession) -> DataFrame:
    """What a staging table's function makes of all that landed, before the split."""
    inputs = {}
    for name, spread in table.inputs.items():
        upstream = frame.catalogue.tables[name]
        path = frame.path(upstream)
        inputs[name] = read_input(spark, upstream, spread, Pinned(path, Log(path).version, None))
    made = invoke(table, inputs, frame.conf, None)
    judged = quality.judged(made, table, frame.conf)
    return judged.select(*[column.name for column in table.columns], quality.FAULTS)


def _show_known(frame: Frame, table: Table, spark: SparkSession) -> None:
    """The tables that references look at, under the names by which a suite asks for them."""
    from lakehouse.checks.suite import known_view

    for name in looks_at(table):
        path = frame.path(frame.catalogue.tables[name])
        storage.read(spark, path).createOrReplaceTempView(known_view(name))
