"""The retail catalogue: names carry their meaning, everything is described, no JVM is needed."""

import subprocess
import sys

import pytest
from places import ROOT

from lakehouse.catalogue import Table, load
from lakehouse.docs import pages
from retail import project
from retail.contracts import CONTRACTS

CATALOGUE = load("retail")
LANDED = {column.name for contract in CONTRACTS.values() for column in contract.columns}
ENDINGS = {
    "_id": {"STRING"},
    "_key": {"BIGINT", "INT"},
    "_on": {"DATE"},
    "_at": {"TIMESTAMP"},
    "_units": {"BIGINT", "DECIMAL(28,4)"},
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
        assert column.type != "DATE" or column.name.endswith(("_on", "_order_date")), column.name


@TABLES
def test_everything_is_described(table: Table) -> None:
    assert table.grain.startswith("One row per")
    assert [column.name for column in table.columns if not column.comment] == []


def test_every_column_of_a_view_is_described() -> None:
    described = CATALOGUE.view_columns
    assert set(described) == {view.full_name for view in CATALOGUE.views.values()}
    assert [(v, c) for v, columns in described.items() for c in columns if not columns[c]] == []
    assert described["gold.training_set"]["fiscal_week"] == "Fiscal week, 1 to 53"


def test_what_is_derived_is_committed() -> None:
    """A change of the graph is seen in review; accept it by running jobs/describe.py."""
    derived = pages(CATALOGUE, ROOT) | project.contracts(ROOT).pages()
    stale = {p.name for p, text in derived.items() if p.read_text() != text}
    assert stale == set(), "run jobs/describe.py and commit what it writes"


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


def test_tables_and_terms_ask_for_no_session() -> None:
    for layer in ("bronze", "silver", "gold", "terms"):
        for module in (ROOT / "lib" / "retail" / layer).glob("*.py"):
            assert "sparkSession" not in module.read_text(), module
