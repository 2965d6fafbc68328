"""The retail catalogue: names carry their meaning, everything is described, no JVM is needed."""

import subprocess
import sys

import pytest
from places import ROOT

from lakehouse.catalogue import Table, load
from retail.contracts import CONTRACTS

CATALOGUE = load("retail")
LANDED = {column.name for contract in CONTRACTS.values() for column in contract.columns}
ENDINGS = {
    "_id": {"STRING"},
    "_key": {"BIGINT", "INT"},
    "_on": {"DATE"},
    "_at": {"TIMESTAMP"},
    "_units": {"BIGINT"},
    "_amount": {"DECIMAL(18,2)", "DECIMAL(28,2)"},
    "_pct": {"DECIMAL(18,2)", "DOUBLE"},
}
TABLES = pytest.mark.parametrize("table", CATALOGUE.tables.values(), ids=lambda t: t.name)


@TABLES
def test_a_name_s_ending_tells_its_type(table: Table) -> None:
    for column in table.columns:
        if column.name in LANDED:
            continue
        for ending, types in ENDINGS.items():
            if column.name.endswith(ending):
                assert column.type in types, column.name
        assert (column.type == "BOOLEAN") == column.name.startswith("is_"), column.name
        assert column.type != "DATE" or column.name.endswith("_on"), column.name


@TABLES
def test_everything_is_described(table: Table) -> None:
    assert table.grain.startswith("One row per")
    assert [column.name for column in table.columns if not column.comment] == []


@TABLES
def test_references_name_columns_there_are(table: Table) -> None:
    for target in table.declaration.references.values():
        other, column = target.split(".")
        assert column in [c.name for c in CATALOGUE.tables[other].columns]


def test_the_graph_is_the_one_the_design_draws() -> None:
    graph = {name: sorted(CATALOGUE.tables[name].inputs) for name in CATALOGUE.order}
    assert {k: v for k, v in graph.items() if not k.startswith("raw_")} == {
        "stg_customers": ["raw_customers"],
        "stg_products": ["raw_products"],
        "stg_stores": ["raw_stores"],
        "stg_transactions": ["raw_transactions", "stg_stores"],
        "int_daily_sales": ["stg_transactions"],
        "dim_customer": ["stg_customers", "stg_transactions"],
        "dim_date": ["stg_transactions"],
        "dim_product": ["stg_products"],
        "dim_store": ["stg_stores", "stg_transactions"],
        "fact_sales": ["dim_product", "stg_transactions"],
    }


def test_declaring_starts_no_jvm() -> None:
    code = (
        "from lakehouse.catalogue import load; load('retail');"
        "from pyspark import SparkContext; assert SparkContext._gateway is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "lib")


def test_only_the_session_touches_what_shared_compute_forbids() -> None:
    for module in (ROOT / "lib").rglob("*.py"):
        if module.name not in ("session.py", "setup.py"):
            text = module.read_text()
            assert not [w for w in ("_jvm", "sparkContext", ".rdd") if w in text], module
