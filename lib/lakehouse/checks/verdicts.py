"""Verdicts on every rule of a table, from what was committed, and their history.

``ops.quality_results`` keeps them: one row per run, table and rule. Rows are counted by DuckDB over
the table, and rejected records by what ``ops.quarantine`` holds of them; neither asks the code that
split them. A quarantine rule that a row of the table itself breaks is a hole in the split: it
stops.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.checks.asking import asking, count_broken
from lakehouse.checks.judgement import PASSED, Judgement, judgement
from lakehouse.checks.rules import Rule, rules_of
from lakehouse.checks.whole import judge_whole
from lakehouse.frame import Frame
from lakehouse.log import Log
from lakehouse.own import write_rows

NAME = "quality_results"
GRAIN = "One row per run of jobs/validate.py, table and rule."
DDL = """
    batch_id      STRING NOT NULL COMMENT 'The run; sorts by time',
    checked_at    TIMESTAMP NOT NULL COMMENT 'End of the run, UTC',
    table_name    STRING NOT NULL COMMENT 'layer.table',
    table_version BIGINT NOT NULL COMMENT 'Version of the table that was judged',
    rule          STRING NOT NULL COMMENT 'Name of the rule',
    kind          STRING NOT NULL COMMENT 'What it says: range, pattern, unique, reference, ...',
    severity      STRING NOT NULL COMMENT 'quarantine, warn or stop',
    checked_rows  BIGINT NOT NULL COMMENT 'Rows looked at: of a quarantine rule, those kept and those rejected',
    failed_rows   BIGINT NOT NULL COMMENT 'Rows that break it; of a rule over the whole table 1 if it is broken',
    verdict       STRING NOT NULL COMMENT 'passed, quarantined, warned or stopped',
    sample        STRING COMMENT 'Some values that break it',
    checked_by    STRING NOT NULL COMMENT 'lakehouse or great_expectations'
"""
LAKEHOUSE, GREAT_EXPECTATIONS = "lakehouse", "great_expectations"
# Casts that fail and lines that are broken: rejected, by rules that no table declares.
TIES = "no ties"
FITS = Rule("the record fits its contract", "type", "quarantine", "_faults = ''")


def verdicts(frame: Frame, table: Table) -> list[Judgement]:
    """One judgement a rule, over the table as it stands."""
    rules = rules_of(table)
    over_rows = [rule for rule in rules if rule.is_row_rule]
    rejected = _rejected(frame, table) if table.is_staging else []
    found = _counted(frame, table, over_rows)
    if table.is_staging:
        quarantine = [rule for rule in over_rows if rule.severity == "quarantine"]
        found = _with_rejected(table, found, [*quarantine, FITS], rejected)
    return [*found, *judge_whole(frame, table, rules)]


def _counted(frame: Frame, table: Table, rules: Sequence[Rule]) -> list[Judgement]:
    """Rules over one row, all counted in one scan."""
    version = Log(frame.path(table)).version
    with asking(t=frame.path(table)) as ask:
        checked, failed = count_broken(ask, rules, frame.conf)
    return [
        judgement(table, version, rule, checked, broken)
        for rule, broken in zip(rules, failed, strict=True)
    ]


def _with_rejected(
    table: Table, found: list[Judgement], rules: Sequence[Rule], rejected: list[list[str]]
) -> list[Judgement]:
    """The same, where quarantine rules count what they rejected; one that leaked stops."""
    known = {rule.name for rule in rules}
    broken: Counter[str] = Counter()
    for names in rejected:
        broken.update(set(names) & known)
        broken[FITS.name] += not known.issuperset(set(names) - {TIES})
    by_name = {one.rule: one for one in found}
    kept = next((one.checked for one in found), 0)
    version = found[0].version if found else -1
    for rule in rules:
        leaked = by_name[rule.name].failed if rule.name in by_name else 0
        made = judgement(table, version, rule, kept + len(rejected), broken[rule.name])
        if leaked:
            sample = f"{leaked:,} rows of the table itself break it: they were let through"
            made = replace(made, failed=leaked, severity="stop", verdict="stopped", sample=sample)
        by_name[rule.name] = made
    return list(by_name.values())


def _rejected(frame: Frame, table: Table) -> list[list[str]]:
    """The rules that each record in a table's quarantine breaks."""
    place = frame.lake / "ops" / "quarantine"
    if not storage.is_table(place):
        return []
    mine = {"table_name": table.name, "status": "quarantined"}
    return [list(rules) for rules in storage.rows(place, ["rules"], mine)["rules"].to_pylist()]


def append(frame: Frame, judged: Iterable[Judgement], checked_by: str = LAKEHOUSE) -> None:
    """Add verdicts to their history."""
    now = datetime.now(UTC)
    rows = []
    for one in judged:
        said = asdict(one)
        renamed = {"table_name": "table", "table_version": "version", "checked_rows": "checked",
                   "failed_rows": "failed"}  # fmt: skip
        said |= {new: said.pop(old) for new, old in renamed.items()}
        rows.append({**said, "batch_id": frame.batch, "checked_at": now, "checked_by": checked_by})
    write_rows(frame.lake / "ops" / NAME, DDL, GRAIN, rows, frame.record)


def differing(ours: Iterable[Judgement], theirs: Iterable[Judgement]) -> list[str]:
    """Sentences on rules of which two judges count other rows."""
    other = {(one.table, one.rule): one.failed for one in theirs}
    return [
        f"{one.table}: {one.rule}: we count {one.failed:,} rows, Great Expectations {failed:,}"
        for one in ours
        if (failed := other.get((one.table, one.rule), one.failed)) != one.failed
    ]


def is_broken(one: Judgement) -> bool:
    """Whether something follows from a verdict."""
    return one.verdict != PASSED
