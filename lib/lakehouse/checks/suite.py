"""A table's rules as a Great Expectations suite, and the verdicts that Great Expectations gives.

Nothing is declared for it: a rule's kind chooses the expectation. Staging tables have two suites:
one for what landed, which meets quarantine rules with their faults, and one for the table, which
must meet them without. Needs the packages of the extra ``quality``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import sqlglot
from pyspark.sql import DataFrame
from sqlglot import exp

from lakehouse.catalogue import Table
from lakehouse.checks.judgement import Judgement, judgement
from lakehouse.checks.rules import COLUMNS, REFERENCE, UNIQUE, Reference, Rule, render

SEVERITY = {"stop": "critical", "quarantine": "warning", "warn": "info"}


def known_view(table: str) -> str:
    """The temporary view that holds what references to a table look for."""
    return f"_known_{table}"


def suite(name: str, rules: Iterable[Rule], conf: Mapping[str, Any]) -> Any:
    """The suite of some rules; one whose setting is null says nothing and is left out."""
    found = [(rule, expectation(rule, conf)) for rule in rules]
    return gx.ExpectationSuite(name=name, expectations=[made for _, made in found if made])


def expectation(rule: Rule, conf: Mapping[str, Any]) -> Any | None:
    """The expectation that a rule is, with its name and severity."""
    said: dict[str, Any] = {
        "meta": {"rule": rule.name, "kind": rule.kind},
        "severity": SEVERITY[rule.severity],
        "notes": rule.name,
    }
    if rule.kind == COLUMNS:
        return gxe.ExpectTableColumnsToMatchSet(
            column_set=list(rule.columns), exact_match=False, **said
        )
    if rule.kind == UNIQUE and len(rule.columns) == 1:
        return gxe.ExpectColumnValuesToBeUnique(column=rule.columns[0], **said)
    if rule.kind == UNIQUE:
        return gxe.ExpectCompoundColumnsToBeUnique(column_list=list(rule.columns), **said)
    if rule.kind == "not null":
        return gxe.ExpectColumnValuesToNotBeNull(column=rule.columns[0], **said)
    if rule.kind == "accepted values":
        values = [literal.this for literal in rule.tree.find_all(exp.Literal)]
        return gxe.ExpectColumnValuesToBeInSet(column=rule.columns[0], value_set=values, **said)
    if rule.kind == "pattern":
        pattern = sqlglot.parse_one(render(rule, conf), read="spark").expression
        if isinstance(pattern, exp.Null):
            return None
        return gxe.ExpectColumnValuesToMatchRegex(
            column=rule.columns[0], regex=pattern.this, **said
        )
    return gxe.UnexpectedRowsExpectation(
        unexpected_rows_query=_query(rule, conf), description=rule.name, **said
    )


def _query(rule: Rule, conf: Mapping[str, Any]) -> str:
    """SQL that gives the rows that break a rule; of a whole table, one row where it does."""
    if rule.kind == REFERENCE and rule.reference:
        return _strangers(rule.reference)
    sql = render(rule, conf).replace("{", "{{").replace("}", "}}")
    if rule.is_row_rule:
        return f"SELECT * FROM {{batch}} WHERE NOT coalesce({sql}, true)"
    return f"SELECT * FROM (SELECT {sql} AS holds FROM {{batch}}) WHERE NOT coalesce(holds, true)"


def _strangers(reference: Reference) -> str:
    unless = reference.unless or "false"
    return (
        f"SELECT t.* FROM {{batch}} t LEFT ANTI JOIN {known_view(reference.table)} k"
        f" ON t.{reference.column} = k.{reference.key}"
        f" WHERE t.{reference.column} IS NOT NULL AND NOT coalesce({unless}, false)"
    )


def validate(context: Any, name: str, made: Any, rows: DataFrame, run: str) -> Any:
    """What Great Expectations finds in ``rows`` by a suite; it keeps the result in its history."""
    source = context.data_sources.add_or_update_spark(name="lake")
    asset = source.add_dataframe_asset(name=name)
    batch = asset.add_batch_definition_whole_dataframe("all rows")
    kept = context.suites.add_or_update(made)
    definition = context.validation_definitions.add_or_update(
        gx.ValidationDefinition(name=name, data=batch, suite=kept)
    )
    return definition.run(
        batch_parameters={"dataframe": rows},
        result_format="SUMMARY",
        run_id=gx.RunIdentifier(run_name=run),
    )


def judgements(
    table: Table, version: int, rules: Iterable[Rule], result: Any, checked: int
) -> list[Judgement]:
    """Great Expectations' verdicts in our words.

    Raises RuntimeError where an expectation could not be evaluated.
    """
    by_name = {rule.name: rule for rule in rules}
    found = []
    for one in result.results:
        rule = by_name[one.expectation_config.meta["rule"]]
        if one.exception_info and _raised(one.exception_info):
            raise RuntimeError(f"{table.full_name}: {rule.name}: {one.exception_info}")
        found.append(judgement(table, version, rule, checked, _failed(one, rule)))
    return found


def _raised(info: Mapping[str, Any]) -> bool:
    parts = [info, *(part for part in info.values() if isinstance(part, Mapping))]
    return any(part.get("raised_exception") for part in parts)


def _failed(one: Any, rule: Rule) -> int:
    """How many rows fail an expectation; 1 where it is the table that does."""
    if one.success:
        return 0
    if "unexpected_count" in one.result:
        return int(one.result["unexpected_count"])
    counted = rule.is_row_rule or rule.kind == REFERENCE
    return int(one.result["observed_value"]) if counted else 1
