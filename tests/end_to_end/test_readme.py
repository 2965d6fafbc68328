"""What the README shows works: its queries and its table."""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from end_to_end.lakes import CATALOGUE, ask
from places import ROOT, Build
from pyspark.sql import SparkSession

from lakehouse import LakehouseError, lake
from lakehouse.catalogue import load as load_catalogue
from lakehouse.conf import load
from lakehouse.docs import KEPT, pages
from lakehouse.landing.source import load_source
from lakehouse.query import in_duckdb
from retail import gold
from retail.contracts import CONTRACTS
from retail.questions import QUESTIONS

README = (ROOT / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", README, re.DOTALL) + re.findall(
    r"query\.py \"(.*?)\"", README
)
# The first lines of what the demo is shown to print.
SAMPLES = re.findall(r"```text\n(.*\?.*)\n", README)


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_answers(whole: Path, sql: str) -> None:
    columns, rows = in_duckdb(whole, CATALOGUE, sql)
    assert columns
    assert rows


@pytest.mark.parametrize("question", SAMPLES)
def test_the_sample_of_the_demo_has_the_columns_of_its_question(question: str) -> None:
    _, _, sample = README.partition(question)
    header = next(line for line in sample.splitlines() if line.strip())
    assert header.split() == sqlglot.parse_one(QUESTIONS[question], read="duckdb").named_selects


def test_the_readme_counts_the_tables_and_links_every_page() -> None:
    assert f"each of the {len(CATALOGUE.tables)} tables" in README
    made = [table for table in CATALOGUE.tables.values() if table.layer != "ops"]
    assert f"{len(made)} tables from landing to gold" in (ROOT / "CHANGELOG.md").read_text()
    pages = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
    assert [page for page in pages if f"]({page}" not in README] == []


def test_every_image_is_shown_on_a_page() -> None:
    text = "".join(
        page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    )
    shown = {Path(target).name for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)}
    assert {image.name for image in (ROOT / "docs/images").glob("*.png")} - shown == set()


def test_the_list_of_tables_holds_every_one() -> None:
    """By name, or by a pattern such as raw_*; the engine's own tables too."""
    _, _, listed = README.partition("| table | one row per |")
    listed, _, _ = listed.partition("\n\n")
    patterns = re.findall(r"`(?:\w+\.)?([\w*]+)`", listed)
    names = [*CATALOGUE.tables, *CATALOGUE.views, *(kept.NAME for kept in KEPT)]
    assert [n for n in names if not any(fnmatch(n, pattern) for pattern in patterns)] == []


def test_lakes_and_landings_of_the_readme_are_ignored_and_cleaned() -> None:
    """What a reader of README makes below data/ is git's business never, and goes by make clean."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    (cleaned,) = re.findall(r"^clean:.*\n\trm -rf (.*)$", (ROOT / "Makefile").read_text(), re.M)
    made = [*re.findall(r"--lake (data/\S+)", README), "data/landing", "data/adventureworks_lake"]
    assert len(made) > 3
    committed = [f"data/{path.name}" for path in (ROOT / "data").glob("*_sample")]
    for patterns in (ignored, cleaned.split()):
        assert [p for p in made if not any(fnmatch(p, pattern) for pattern in patterns)] == []
        assert [p for p in committed if any(fnmatch(p, pattern) for pattern in patterns)] == []


def test_the_source_of_the_docs_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/sources.md").read_text(), re.DOTALL)
    (tmp_path / "my_shop.yaml").write_text(example)
    source = load_source(tmp_path / "my_shop.yaml", CONTRACTS)
    assert {"transactions", "inventory_snapshots", "page_views"} < set(source.mappings)
    assert set(source.settings) - {"landing"} < set(load("local"))


def test_a_table_is_added_as_contributing_says(
    spark: SparkSession,
    build: Build,
    landing: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The four steps: the file, its own test, the derived pages, the build and the question."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    code, own_test = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "mart_category_sales.py").write_text(code)
    monkeypatch.setattr(gold, "__path__", [*gold.__path__, str(tmp_path)])
    names: dict[str, Any] = {}
    exec(own_test, names)
    (behaviour,) = [name for name in names if name.startswith("test_")]
    names[behaviour](spark)
    catalogue = load_catalogue("retail")
    assert set(catalogue.tables) - set(CATALOGUE.tables) == {"mart_category_sales"}
    written = [path.name for path, text in pages(catalogue, ROOT).items()
               if "fact_sales --> mart_category_sales" in text]  # fmt: skip
    assert written == ["model.md", "README.md"]
    result = build(landing, whole, "mart_category_sales", catalogue=catalogue)
    assert [outcome.table for outcome in result.outcomes] == ["gold.mart_category_sales"]
    added = catalogue.tables["mart_category_sales"]
    (law,) = added.declaration.conserves
    assert ask(whole, f"SELECT {law.own} FROM {added.full_name}") == ask(
        whole, f"SELECT {law.theirs} FROM {law.table}"
    )
    (question,) = re.findall(r"query\.py \"(.*?)\"", page)
    assert len(in_duckdb(whole, catalogue, question)[1]) == 5


def test_reading_from_python_goes_as_the_page_says(
    spark: SparkSession, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Spark and without, the numbers are those that another engine and other words give."""
    monkeypatch.setenv("LAKEHOUSE_LAKE", str(whole))
    page = (ROOT / "docs/reading.md").read_text().replace("data/lake", str(whole))
    with_spark, without = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(with_spark, names)
    exec(without, names)
    by_channel = [tuple(row) for row in names["by_channel"].itertuples(index=False)]
    assert by_channel == ask(
        whole, "SELECT channel, sum(net_amount) FROM gold.fact_sales GROUP BY ALL ORDER BY ALL"
    )
    assert [(names["margin"]["net_amount"].sum(),)] == ask(
        whole, "SELECT sum(net_amount) FROM gold.fact_sales"
    )
    (classic,) = [sql for sql in QUERIES if "LIMIT 10" in sql]
    assert [tuple(row) for row in names["top"].itertuples(index=False)] == [
        (key, name, pytest.approx(float(revenue))) for key, name, revenue in ask(whole, classic)
    ]
    assert names["first"].count_rows() > 0
    with pytest.raises(
        LakehouseError, match=r"has no gold.fact_sale; did you mean gold.fact_sales"
    ):
        lake().table("gold.fact_sale")
    with pytest.raises(LakehouseError, match=r"The query failed: .*net_amonut"):
        lake().sql("SELECT net_amonut FROM gold.fact_sales")
