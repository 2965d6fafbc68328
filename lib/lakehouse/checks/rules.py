"""Rules by what they say: kind, columns and reference are read from a rule's SQL.

So a rule is declared once, as text, and needs no second word for the split, the verdicts, the Great
Expectations suite, the contract and the docs. Reading needs no session.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from lakehouse.conf import lookup
from lakehouse.declare import Expectation, Severity
from lakehouse.errors import LakehouseError, did_you_mean, first_line
from lakehouse.schema import quoted

if TYPE_CHECKING:
    from lakehouse.catalogue import Table

# What a rule over one row can be; all else is told from the whole table.
ROW_KINDS = (
    *("not null", "accepted values", "pattern", "range"),
    *("dates in order", "arithmetic", "condition", "type"),
)
UNIQUE, REFERENCE, COLUMNS = "unique", "reference", "columns"
_SETTING = re.compile(r"\{([a-z][\w.]*)\}")
_DATES = ("DATE", "TIMESTAMP", "TIMESTAMP_NTZ")
_COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.Between)


@dataclass(frozen=True)
class Reference:
    """``column`` is among the values of ``key`` in ``table``, unless ``unless`` holds."""

    column: str
    table: str
    key: str
    unless: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule of a table; its SQL holds ``{settings}`` and is true or null where all is well."""

    name: str
    kind: str
    severity: Severity
    sql: str
    columns: tuple[str, ...] = ()

    @property
    def is_row_rule(self) -> bool:
        """Whether one row tells if it is broken."""
        return self.kind in ROW_KINDS

    @cached_property
    def tree(self) -> exp.Expression:
        """The SQL as a tree; a setting is a text literal in it."""
        return parsed(self.sql)

    @cached_property
    def reference(self) -> Reference | None:
        """What a rule of the kind reference refers to."""
        among = self.tree.find(exp.In)
        if self.kind != REFERENCE or among is None:
            return None
        query = among.args["query"].unnest()
        unless = self.tree.left.sql("spark") if isinstance(self.tree, exp.Or) else ""
        key, table = query.selects[0].name, query.find(exp.Table).name
        return Reference(among.this.name, table, key, unless)


def rules_of(table: "Table") -> tuple[Rule, ...]:
    """Every rule of a table: columns, NOT NULL and the key by its schema, then what it expects."""
    return (*implied(table), *declared(table))


def implied(table: "Table") -> Iterator[Rule]:
    """The rules that need no words: columns exist, required ones are present, the key is unique."""
    names = tuple(column.name for column in table.columns)
    yield Rule("every column exists", COLUMNS, "stop", "true", names)
    unfit: Severity = "quarantine" if table.is_staging else "stop"
    for column in table.columns:
        if column.required:
            sql = f"{column.name} IS NOT NULL"
            yield Rule(f"{column.name} is present", "not null", unfit, sql, (column.name,))
    if key := table.declaration.key:
        sql = f"count(*) = count(DISTINCT {', '.join(key)})"
        yield Rule("the key is unique", UNIQUE, "stop", sql, key)


def declared(table: "Table") -> tuple[Rule, ...]:
    """What a table expects, by kind."""
    types = {column.name: column.type for column in table.columns}
    return tuple(_rule(expectation, types) for expectation in table.declaration.expects)


def row_rules(table: "Table", *severities: Severity) -> list[Expectation]:
    """The declared rules over one row, of these severities; of all where none is given."""
    mine = {rule.name for rule in declared(table) if rule.is_row_rule}
    wanted = severities or ("quarantine", "warn", "stop")
    return [e for e in table.declaration.expects if e.name in mine and e.severity in wanted]


def _rule(expectation: Expectation, types: dict[str, str]) -> Rule:
    tree = parsed(expectation.sql)
    own = [c.name for c in tree.find_all(exp.Column) if not c.find_ancestor(exp.Select)]
    kind, columns = _kind(tree, types), tuple(dict.fromkeys(own))
    return Rule(expectation.name, kind, expectation.severity, expectation.sql, columns)


@cache
def parsed(sql: str) -> exp.Expression:
    """A rule's SQL as a tree, its settings as text literals.

    Raises LakehouseError where it is no SQL.
    """
    try:
        return sqlglot.parse_one(_SETTING.sub(r"'{\1}'", sql), read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise LakehouseError(f"'{sql}' is no SQL ({first_line(error)})") from None


def _kind(tree: exp.Expression, types: dict[str, str]) -> str:
    if tree.find(exp.Select):
        return REFERENCE
    if tree.find(exp.AggFunc):
        return _aggregate_kind(tree)
    columns = {c.name for c in tree.find_all(exp.Column)}
    if isinstance(tree, exp.Not) and isinstance(tree.this, exp.Is) and len(columns) == 1:
        return "not null"
    if isinstance(tree, exp.RegexpLike):
        return "pattern"
    if isinstance(tree, exp.In) and isinstance(tree.this, exp.Column):
        return "accepted values"
    if isinstance(tree, _COMPARED):
        if len(columns) == 1:
            return "range"
        dates = all(types.get(name) in _DATES for name in columns)
        return "dates in order" if dates and not isinstance(tree, exp.EQ) else "arithmetic"
    return "condition"


def _aggregate_kind(tree: exp.Expression) -> str:
    counted = {type(count.this) for count in tree.find_all(exp.Count)}
    if isinstance(tree, exp.EQ) and counted == {exp.Star, exp.Distinct}:
        return UNIQUE
    if counted == {exp.Star}:
        return "row count"
    if tree.find(exp.Max):
        return "freshness"
    return "sum" if tree.find(exp.Sum) else "aggregate"


def render(rule: Expectation | Rule, conf: Mapping[str, Any]) -> str:
    """The rule's SQL with its ``{settings}`` as literals."""
    return filled(rule.sql, conf)


def filled(sql: str, conf: Mapping[str, Any]) -> str:
    """SQL with its ``{settings}`` as literals."""
    return _SETTING.sub(lambda m: _literal(lookup(conf, m[1])), sql)


def settings_of(rules: Iterable[Expectation | Rule]) -> set[str]:
    """Dotted paths of the settings that the rules name."""
    return {path for rule in rules for path in settings_in(rule.sql)}


def settings_in(sql: str) -> set[str]:
    """Dotted paths of the settings that SQL names."""
    return set(_SETTING.findall(sql))


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str | date):
        return quoted(str(value))
    return json.dumps(value)


def check(table: "Table", tables: dict[str, "Table"]) -> None:
    """Refuse rules that cannot be meant.

    Raises LakehouseError, with file and line, for a rule that is no SQL, reads a column or a table
    that is not there, shares its name, or quarantines where nothing can.
    """
    place = f"{table.place}: {table.name}"
    known = [column.name for column in table.columns]
    seen: set[str] = set()
    for expectation in table.declaration.expects:
        said = f"{place} expects '{expectation.name}'"
        if expectation.name in seen:
            raise LakehouseError(f"{said} twice; give each rule a name of its own.")
        seen.add(expectation.name)
        try:
            rule = _rule(expectation, {column.name: column.type for column in table.columns})
        except LakehouseError as error:
            raise LakehouseError(f"{said}, but {error}; mend it.") from None
        for name in rule.columns:
            if name not in known:
                raise LakehouseError(
                    f"{said} of the column {name}, which it has not; {did_you_mean(name, known)}."
                )
        if rule.severity == "quarantine" and not (table.is_staging and rule.is_row_rule):
            raise LakehouseError(
                f"{said} or quarantine; only rules over one row of a stg_ table can: warn or stop."
            )
        _check_reference(said, rule, tables)


def _check_reference(said: str, rule: Rule, tables: dict[str, "Table"]) -> None:
    if not (reference := rule.reference):
        return
    if reference.table not in tables:
        hint = did_you_mean(reference.table, tables)
        raise LakehouseError(f"{said} by {reference.table}, which no file declares; {hint}.")
    known = [column.name for column in tables[reference.table].columns]
    if reference.key not in known:
        hint = did_you_mean(reference.key, known)
        raise LakehouseError(f"{said} by {reference.table}.{reference.key}: no column; {hint}.")


def looks_at(table: "Table") -> list[str]:
    """Tables that the rules of a table refer to; they are built before it."""
    found = [rule.reference.table for rule in declared(table) if rule.reference]
    return [name for name in dict.fromkeys(found) if name != table.name]
