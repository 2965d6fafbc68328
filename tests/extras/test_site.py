"""The site of the documentation, made by MkDocs: every link leads somewhere, all assets are local.

Needs the extra [docs] and the script that make docs fetches: make test-docs.
"""

import sys
from pathlib import Path

import pytest
from places import ROOT

from lakehouse.catalogue import load
from lakehouse.site.build import MERMAID, html, stage
from lakehouse.site.links import count, dead


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    return html(
        stage(ROOT, load("retail"), "retail", folder, folder / "docs"), Path(sys.prefix, MERMAID)
    )


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    pages, links = count(site)
    assert pages > 50
    assert links > 50 * pages
    assert list(dead(site)) == []


def test_diagrams_are_drawn_by_a_script_of_the_site(site: Path) -> None:
    page = (site / "lineage.html").read_text()
    assert f'<script src="{MERMAID}"></script>' in page
    assert '<pre class="mermaid">' in page
    assert (site / MERMAID).stat().st_size > 1_000_000


def test_words_can_be_searched(site: Path) -> None:
    assert "days_of_supply" in (site / "search" / "search_index.json").read_text()
