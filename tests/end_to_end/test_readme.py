"""What the README shows works: its queries and its table."""

import importlib
import re
from pathlib import Path

import pytest
from end_to_end.lakes import CATALOGUE, ask
from places import ROOT, Build

from lakehouse.catalogue import Catalogue, Table, describe
from lakehouse.query import in_duckdb

README = (ROOT / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", README, re.DOTALL) + re.findall(
    r"query\.py \"(.*?)\"", README
)


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_answers(whole: Path, sql: str) -> None:
    columns, rows = in_duckdb(whole, CATALOGUE, sql)
    assert columns
    assert rows


def test_a_table_is_added_by_one_file(
    build: Build,
    landing: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "mart_category_sales.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("mart_category_sales")
    added = describe(module.mart_category_sales, "gold")
    assert isinstance(added, Table)
    catalogue = Catalogue([*CATALOGUE.tables.values(), added], CATALOGUE.views.values())
    result = build(landing, whole, catalogue=catalogue)
    assert [outcome.table for outcome in result.outcomes] == ["gold.mart_category_sales"]
    (law,) = added.declaration.conserves
    assert ask(whole, f"SELECT {law.own} FROM {added.full_name}") == ask(
        whole, f"SELECT {law.theirs} FROM {law.table}"
    )
