"""What a rule is, told from its SQL, and declarations that cannot be meant."""

import pytest
from pyspark.sql import DataFrame

from lakehouse import LakehouseError, catalogue, days, expect, table
from lakehouse.catalogue import Catalogue, Table
from lakehouse.checks.rules import Reference, declared, looks_at, render, rules_of
from lakehouse.declare import Expectation

PLACE = "checks/test_rules.py"


def made(name: str, *expects: Expectation) -> Table:
    """A staging table of its own, and of some rules."""

    def function() -> DataFrame: ...  # type: ignore[empty-body]

    function.__name__, function.__doc__ = name, "One row per day and item."
    declare = table(
        key=("item_id", "sold_on"),
        scope=days("sold_on"),
        schema="item_id STRING NOT NULL, sold_on DATE, paid_on DATE, units INT, price DOUBLE",
        expects=expects,
    )
    found = catalogue.describe(declare(function), "silver")
    assert isinstance(found, Table)
    return found


@pytest.mark.parametrize(
    ("sql", "kind", "columns"),
    [
        ("item_id IS NOT NULL", "not null", ["item_id"]),
        ("count(*) = count(DISTINCT item_id, sold_on)", "unique", ["item_id", "sold_on"]),
        ("units BETWEEN 1 AND {quantity.max}", "range", ["units"]),
        ("abs(units) <= 1000", "range", ["units"]),
        ("item_id IN ('a', 'b')", "accepted values", ["item_id"]),
        ("item_id RLIKE '^[A-Z]{2}$'", "pattern", ["item_id"]),
        ("item_id IN (SELECT item_id FROM stg_items)", "reference", ["item_id"]),
        ("max(sold_on) >= DATE {as_of} - INTERVAL 3 DAYS", "freshness", ["sold_on"]),
        ("count(*) BETWEEN 1 AND 10", "row count", []),
        ("sum(units) >= 0", "sum", ["units"]),
        ("price = units * 2", "arithmetic", ["price", "units"]),
        ("paid_on >= sold_on", "dates in order", ["paid_on", "sold_on"]),
        ("trim(item_id) <> '' OR units > 1", "condition", ["units", "item_id"]),
        ("min(price) > 0", "aggregate", ["price"]),
    ],
)
def test_the_kind_of_a_rule_is_told_by_its_sql(sql: str, kind: str, columns: list[str]) -> None:
    (rule,) = declared(made("stg_sales", expect.warn(sql, "n")))
    assert (rule.kind, list(rule.columns)) == (kind, columns)


def test_columns_keys_and_not_null_need_no_words() -> None:
    told = [(rule.name, rule.kind, rule.severity) for rule in rules_of(made("stg_sales"))]
    assert told == [
        ("every column exists", "columns", "stop"),
        ("item_id is present", "not null", "quarantine"),
        ("the key is unique", "unique", "stop"),
    ]


def test_a_reference_names_its_table_and_what_is_excepted() -> None:
    sql = "units = 0 OR item_id IN (SELECT item_id FROM stg_items)"
    sales = made("stg_sales", expect.warn(sql, "n"))
    (rule,) = declared(sales)
    assert rule.reference == Reference("item_id", "stg_items", "item_id", "units = 0")
    assert looks_at(sales) == ["stg_items"]


def test_a_table_is_built_after_those_it_looks_at() -> None:
    sales = made("stg_a", expect.warn("item_id IN (SELECT item_id FROM stg_items)", "n"))
    assert Catalogue([sales, made("stg_items")]).order == ["stg_items", "stg_a"]


def test_braces_of_a_pattern_are_no_setting() -> None:
    rule = expect.warn("item_id RLIKE '^[A-Z]{2}$' AND units < {quantity.max}", "n")
    conf = {"quantity": {"max": 9}}
    assert render(rule, conf) == "item_id RLIKE '^[A-Z]{2}$' AND units < 9"


@pytest.mark.parametrize(
    ("expects", "said"),
    [
        ([expect.warn("units >", "n")], "expects 'n', but 'units >' is no SQL"),
        (
            [expect.warn("unit > 1", "n")],
            "of the column unit, which it has not; did you mean units",
        ),
        ([expect.quarantine("sum(units) > 1", "n")], "only rules over one row of a stg_ table can"),
        ([expect.warn("units > 1", "n"), expect.stop("units > 2", "n")], "'n' twice"),
        (
            [expect.warn("item_id IN (SELECT item_id FROM stg_item)", "n")],
            "by stg_item, which no file declares; did you mean stg_items",
        ),
        (
            [expect.warn("item_id IN (SELECT item FROM stg_items)", "n")],
            "by stg_items.item: no column; did you mean item_id",
        ),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(expects: list[Expectation], said: str) -> None:
    with pytest.raises(LakehouseError) as refused:
        Catalogue([made("stg_sales", *expects), made("stg_items")])
    assert PLACE in str(refused.value)
    assert said in str(refused.value)


def test_only_staging_can_quarantine() -> None:
    with pytest.raises(LakehouseError, match="only rules over one row of a stg_ table can"):
        Catalogue([made("int_sales", expect.quarantine("units > 1", "n"))])
