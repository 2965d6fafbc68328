"""The site before MkDocs: what its pages say, from declarations and from what a lake holds."""

import base64
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake
from places import ROOT

from lakehouse import LakehouseError, build_log, catalogue
from lakehouse.log import Record
from lakehouse.own import write_rows
from lakehouse.site import notebook
from lakehouse.site.build import html, stage
from lakehouse.site.figures import figures
from lakehouse.site.links import count, dead
from lakehouse.site.pages import NO_LAKE, pages
from lakehouse.site.terms import terms

TOY, RETAIL = catalogue.load("toy"), catalogue.load("retail")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The retail project's pages, made without a lake."""
    folder = tmp_path_factory.mktemp("site")
    return stage(ROOT, RETAIL, "retail", folder / "no_lake", folder / "docs").parent / "pages"


def words(lines: str) -> str:
    return " ".join(lines.split())


def test_every_table_and_view_has_a_page_with_all_that_is_declared_of_it(site: Path) -> None:
    for table in RETAIL.tables.values():
        page = (site / "tables" / table.layer / f"{table.name}.md").read_text()
        assert words(table.comment) in words(page)
        assert all(f"| {column.name} | {column.type} |" in page for column in table.columns)
        assert all(rule.name in page for rule in table.declaration.expects)
        assert all(f"{upstream} --> {table.name}" in page for upstream in table.inputs)
    for view in RETAIL.views.values():
        assert "```sql" in (site / "tables" / view.layer / f"{view.name}.md").read_text()


def test_a_page_names_all_readers_of_its_table_and_no_others(site: Path) -> None:
    read = [(RETAIL.tables[name].full_name, table.full_name)
            for table in RETAIL.tables.values() for name in table.inputs]  # fmt: skip
    read += [(name, view.full_name) for view in RETAIL.views.values() for name in view.inputs]
    shown = [
        (f"{page.parent.name}.{page.stem}", reader)
        for page in (site / "tables").glob("*/*.md")
        for reader in re.findall(r"^- read by \[([^\]]+)\]", page.read_text(), re.M)
    ]
    assert sorted(shown) == sorted(read)


def test_the_model_draws_what_refers_to_what(site: Path) -> None:
    page = (site / "model.md").read_text()
    assert "```mermaid\nerDiagram\n" in page
    for table in RETAIL.tables.values():
        for column, target in table.declaration.references.items():
            assert f"  {target.split('.')[0]} ||--o{{ {table.name} : {column}\n" in page


def test_links_between_pages_lead_somewhere_and_all_pages_are_in_the_navigation(site: Path) -> None:
    for page in site.rglob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"
    shown = str(yaml.safe_load((site.parent / "mkdocs.yml").read_text())["nav"])
    pages = [str(page.relative_to(site)) for page in site.rglob("*.md")]
    assert [page for page in pages if f"'{page}'" not in shown] == []


def test_lineage_leads_to_the_tables_drawn(site: Path) -> None:
    lines = (site / "lineage.md").read_text()
    assert '  click fact_sales "tables/gold/fact_sales.html" "gold.fact_sales"' in lines
    assert lines.count("  click ") == len(RETAIL.tables) + len(RETAIL.views)
    own = (site / "tables/gold/fact_sales.md").read_text()
    assert 'click dim_product "../../tables/gold/dim_product.html"' in own
    assert "  fact_sales:::here" in own
    assert "  dim_product --> fact_sales" in own
    assert "  fact_sales --> mart_channel_performance" in own
    assert "read by [gold.mart_channel_performance](../gold/mart_channel_performance.md)" in own


def test_terms_show_their_meaning_and_example() -> None:
    page = "\n".join(terms("retail"))
    assert "### days_of_supply\n\nDays that the available units last" in page
    assert "```pycon\n>>> rows = spark.sql(" in page
    assert "_ships" not in page


def test_figures_are_those_of_the_lake_and_its_last_run(tmp_path: Path) -> None:
    write_deltalake(
        str(tmp_path / "gold" / "mart_trend"),
        pa.table({"sold_on": ["2026-06-01", "2026-06-02"], "amount": [1, 2]}),
        partition_by=["sold_on"],
    )
    DeltaTable(str(tmp_path / "gold" / "mart_trend")).optimize.compact()
    row = {"batch_id": "1", "table_name": "gold.mart_trend", "status": "built", "mode": "part",
           "reason": "new day", "row_count": 1, "seconds": 0.5}  # fmt: skip
    write_rows(tmp_path / "ops/build_log", build_log.DDL, "g", [row], Record(batch="1"))
    found = figures(tmp_path, TOY)
    one = found["gold.mart_trend"]
    assert (one.rows, one.files, one.newest_day) == (2, 2, "2026-06-02")
    assert "rows last moved 20" in one.freshness
    assert one.last_run == "built, part: 1 rows written in 0.5 s; new day"
    assert found["ops.build_log"].last_run == "up to date, nothing to do"
    made = pages(TOY, found)
    page, written = made["tables/gold/mart_trend.md"], f"{one.written_at:%Y-%m-%d %H:%M}"
    assert "- **Rows**: 2 in 2 files, 0.0 MB, version 0\n" in page
    assert f"- **Freshness**: rows last moved {written} UTC; newest day 2026-06-02\n" in page
    assert "- **Last run**: built, part: 1 rows written in 0.5 s; new day\n" in page
    listed = (
        f"| [mart_trend](gold/mart_trend.md) | {TOY.tables['mart_trend'].grain} | 2 | {written} |"
    )
    assert listed in made["tables/index.md"]
    assert NO_LAKE in made["tables/gold/fact_sale.md"]


def test_a_notebook_is_a_page_with_its_tables_and_charts(tmp_path: Path) -> None:
    chart = base64.b64encode(b"a chart").decode()
    cells = [
        {"cell_type": "markdown", "source": ["# Sales\n", "\n", "By day."]},
        {"cell_type": "code", "source": ["rows"], "outputs": [
            {"data": {"text/html": ["<style>x</style><table>\n\n<tr></tr></table>"]}},
            {"data": {"image/png": chart, "text/plain": ["<Figure>"]}},
            {"name": "stdout", "text": ["said\n"]},
        ]},
    ]  # fmt: skip
    (tmp_path / "1_sales.ipynb").write_text(json.dumps({"cells": cells}))
    page = notebook.page(tmp_path / "1_sales.ipynb", tmp_path / "images")
    assert page.split("\n\n") == [
        "# Sales",
        "By day.",
        "```python\nrows\n```",
        "<table><tr></tr></table>",
        "![](images/1_sales_1_1.png)",
        "```text\nsaid\n```\n",
    ]
    assert (tmp_path / "images" / "1_sales_1_1.png").read_bytes() == b"a chart"


def test_dead_links_and_foreign_assets_are_found(tmp_path: Path) -> None:
    diagram = "<pre class=mermaid><code>flowchart\n  click t &quot;gone.html&quot; &quot;t&quot;</code></pre>"
    (tmp_path / "index.html").write_text(
        f"""<a href="b.html#here">b</a> <a href="b.html#there">b</a> <a href="c.html">c</a>
        <a href="https://example.org">e</a> <script src="https://example.org/x.js"></script>
        <img src="data:image/png;base64,x"> <img src="no.png"> {diagram}"""
    )
    (tmp_path / "b.html").write_text('<h1 id="here">b</h1><a href="/">home</a>')
    assert [sentence.split(" to ")[-1].split(",")[0] for sentence in dead(tmp_path)] == [
        "b.html#there",
        "c.html",
        "index.html loads https://example.org/x.js from elsewhere; expected a local file.",
        "no.png",
        "gone.html",
    ]
    assert count(tmp_path) == (2, 9)


def test_without_the_script_for_diagrams_the_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=r"no .*mermaid.min.js, .*run make docs"):
        html(tmp_path / "mkdocs.yml", tmp_path / "mermaid.min.js")
