"""What a write is held to once it is made: warn rules over its rows, and the table as a whole."""

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.checks.asking import asking, count_broken
from lakehouse.checks.rules import REFERENCE, declared, row_rules
from lakehouse.checks.whole import judge_whole
from lakehouse.errors import StopRuleError
from lakehouse.feed import Pinned
from lakehouse.frame import Frame
from lakehouse.log import Log
from lakehouse.storage import Place


def judge_written(frame: Frame, table: Table, before: int) -> tuple[str, ...]:
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
    return (*(one.sentence for one in judged), *_row_warnings(frame, table, path, before))


def _row_warnings(frame: Frame, table: Table, path: Place, before: int) -> list[str]:
    """Warn rules counted over the rows that were written."""
    if not (rules := row_rules(table, "warn")):
        return []
    with asking(t=Pinned(path, Log(path).version, max(before, 0))) as ask:
        _, counts = count_broken(ask, rules, frame.conf)
    return [
        f"{count:,} rows of {table.full_name}: {rule.name}"
        for rule, count in zip(rules, counts, strict=True)
        if count
    ]
