"""Rules over a whole table: columns, key, references, row counts, sums, freshness.

They are asked of DuckDB over the committed table: a tenth of a second where Spark needs a job. A
reference is judged by age: an id that nobody knows may belong to a master that is late, so it
warns, and stops once it has been in use for longer than ``references.stop_after_days``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.checks.asking import Ask, asking, in_duckdb
from lakehouse.checks.judgement import Judgement, judgement
from lakehouse.checks.rules import COLUMNS, UNIQUE, Reference, Rule, render
from lakehouse.codes import words
from lakehouse.conf import lookup
from lakehouse.frame import Frame
from lakehouse.log import Log
from lakehouse.plan import frame_as_of, last_landed

PATIENCE = "references.stop_after_days"
# The business day as rules name it, and so many ids or keys a sample shows.
AS_OF, SHOWN = "as_of", 3


def judge_whole(frame: Frame, table: Table, rules: Iterable[Rule]) -> list[Judgement]:
    """Judgements on those of ``rules`` that look at the whole table, as it stands.

    A reference to an entity of which nothing is known, as it is absent, is not judged.
    """
    mine = [rule for rule in rules if not rule.is_row_rule and not of_absent(frame, rule)]
    if not mine:
        return []
    log = Log(frame.path(table))
    named = {rule.reference.table for rule in mine if rule.reference}
    known = {name: frame.path(frame.catalogue.tables[name]) for name in named}
    conf = _with_as_of(frame, mine)
    with asking(t=frame.path(table), **known) as ask:
        checked = ask("SELECT count(*) FROM t")[0][0]
        found = []
        for rule in mine:
            if rule.reference:
                found.append(_referring(ask, frame, table, rule, rule.reference, checked))
            else:
                failed, sample = _judged(ask, log, rule, conf)
                found.append(judgement(table, log.version, rule, checked, failed, sample))
    return found


def of_absent(frame: Frame, rule: Rule) -> bool:
    """Whether a rule refers to an entity of which nothing is known."""
    of = rule.reference
    return of is not None and not Log(frame.path(frame.catalogue.tables[of.table])).file_count


def _with_as_of(frame: Frame, rules: Iterable[Rule]) -> Mapping[str, Any]:
    if any(f"{{{AS_OF}}}" in rule.sql for rule in rules):
        return {**frame.conf, AS_OF: frame_as_of(frame)}
    return frame.conf


def _judged(ask: Ask, log: Log, rule: Rule, conf: Mapping[str, Any]) -> tuple[int, str]:
    """How many rows break a rule, or 1 where it is the table, and some of what breaks it."""
    if rule.kind == COLUMNS:
        missing = [name for name in rule.columns if name not in log.column_names]
        return len(missing), ", ".join(missing)
    if rule.kind == UNIQUE:
        return _repeated(ask, rule.columns)
    return _aggregate(ask, render(rule, conf))


def _repeated(ask: Ask, key: tuple[str, ...]) -> tuple[int, str]:
    """How many rows are too many for their key, and one of the keys."""
    columns = ", ".join(key)
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in key)
    ((failed, sample),) = ask(
        f"SELECT CAST(sum(n - 1) AS BIGINT), min(concat_ws(', ', {texts}))"
        f" FROM (SELECT {columns}, count(*) AS n FROM t GROUP BY {columns} HAVING count(*) > 1)"
    )
    return (failed, sample) if failed else (0, "")


def _aggregate(ask: Ask, sql: str) -> tuple[int, str]:
    """1 where the whole table breaks a rule, and the values that say so."""
    tree = sqlglot.parse_one(sql, read="spark")
    values = list(dict.fromkeys(node.sql("duckdb") for node in tree.find_all(exp.AggFunc)))
    asked = ", ".join([f"coalesce({tree.sql('duckdb')}, true)", *values])
    ((holds, *found),) = ask(f"SELECT {asked} FROM t")
    shown = ", ".join(f"{name} = {value}" for name, value in zip(values, found, strict=True))
    return (0, "") if holds else (1, shown.lower())


def _referring(
    ask: Ask, frame: Frame, table: Table, rule: Rule, reference: Reference, checked: int
) -> Judgement:
    """Rows with an id that nobody knows, the ids that have been in use for longest first.

    Of ids that many rows share the distinct ones are asked first: mostly all of them are known.
    """
    if _are_known(ask, frame, table, reference):
        return judgement(table, Log(frame.path(table)).version, rule, checked, 0, "")
    column, day = reference.column, table.declaration.scope.partition
    unless = in_duckdb(reference.unless or "false")
    unknown = ask(
        f"SELECT {column}, count(*), {f'min({day})' if day else 'NULL'} AS since"
        f" FROM t LEFT JOIN (SELECT DISTINCT {reference.key} AS known FROM {reference.table}) AS k"
        f" ON t.{column} = k.known"
        f" WHERE {column} IS NOT NULL AND k.known IS NULL AND NOT coalesce({unless}, false)"
        f" GROUP BY {column} ORDER BY since, {column}"
    )
    shown = [f"{name} since {since}" if since else str(name) for name, _, since in unknown[:SHOWN]]
    shown += [f"{len(unknown) - SHOWN:,} more ids"] if len(unknown) > SHOWN else []
    failed, version = sum(count for _, count, _ in unknown), Log(frame.path(table)).version
    judged = judgement(table, version, rule, checked, failed, ", ".join(shown))
    patience = lookup(frame.conf, PATIENCE)
    if not unknown or patience is None or unknown[0][2] is None:
        return judged
    # Ids age by the day as given, by the newest in a landed file's name, or in the table.
    today = frame.as_of or last_landed(frame.lake) or ask(f"SELECT max({day}) FROM t")[0][0]
    if (today - unknown[0][2]).days > int(patience):
        return replace(judged, severity="stop", verdict="stopped")
    return judged


def _are_known(ask: Ask, frame: Frame, table: Table, reference: Reference) -> bool:
    """Whether all ids are known, as the dictionaries of a table's files tell."""
    files = storage.files(frame.path(table))
    texts = words([Path(file) for file in files], reference.column) if files else None
    if texts is None:
        return False
    known = {key for (key,) in ask(f"SELECT DISTINCT {reference.key} FROM {reference.table}")}
    return known.issuperset(texts.to_pylist())
