"""The site: its pages put together in a folder, then made HTML by MkDocs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from lakehouse.catalogue import LAYERS, Catalogue
from lakehouse.conf import conf_folder
from lakehouse.errors import LakehouseError
from lakehouse.site import notebook
from lakehouse.site.figures import figures
from lakehouse.site.pages import names, pages, path_of
from lakehouse.site.terms import terms

# The script that draws the diagrams; make fetches it once.
MERMAID = "mermaid.min.js"
# Pages for readers of the repository, for which the site has better ones.
_INSTEAD = {"tables.md": "tables/index.md", "model.md": "model.md"}
# Pages beside docs/, by their names on the site.
_BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def stage(root: Path, catalogue: Catalogue, package: str, lake: Path, folder: Path) -> Path:
    """Write every page and the site's MkDocs file below ``folder``; returns the file."""
    shutil.rmtree(folder, ignore_errors=True)
    source = folder / "pages"
    known = figures(lake, catalogue)
    made = pages(catalogue, known) | {"terms.md": "\n".join(terms(package)) + "\n"}
    made |= dict(_written(root)) | {"wide.css": ".md-grid { max-width: 90rem; }\n"}
    for file in sorted((root / "notebooks").glob("*.ipynb")):
        images = source / "notebooks" / "images"
        made[f"notebooks/{file.stem}.md"] = notebook.page(file, images)
    for path, text in made.items():
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    for file in (root / "docs").rglob("*.png"):
        image = source / file.relative_to(root / "docs")
        image.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, image)
    config = folder / "mkdocs.yml"
    own = {
        "INHERIT": os.path.relpath(conf_folder() / "mkdocs.yml", folder),
        "docs_dir": "pages",
        "site_dir": "site",
        "nav": _navigation(catalogue, made),
    }
    config.write_text(yaml.safe_dump(own, sort_keys=False), encoding="utf-8")
    return config


def html(config: Path, mermaid: Path) -> Path:
    """The folder of the site made of what ``stage`` wrote.

    Raises LakehouseError where the script for the diagrams or MkDocs is missing, or MkDocs fails.
    """
    if not mermaid.is_file():
        raise LakehouseError(f"There is no {mermaid}, which draws the diagrams; run make docs.")
    shutil.copy(mermaid, config.parent / "pages" / MERMAID)
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-f", str(config)]
    # Its theme says on every start that a successor of MkDocs is to come.
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "true"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise LakehouseError(f"{said}\nMkDocs could not make the site, for the reason above.")
    return config.parent / "site"


def _written(root: Path) -> Iterator[tuple[str, str]]:
    """The pages that people wrote, with their links as the site has them."""
    for file in sorted((root / "docs").rglob("*.md")):
        name = str(file.relative_to(root / "docs"))
        if name not in _INSTEAD:
            yield name, _relinked(file.read_text(encoding="utf-8"), name)
    for name, page in _BESIDE.items():
        text = (root / name).read_text(encoding="utf-8").partition("\n## Find your way")[0]
        text = re.sub(r"<!-- lineage -->.*<!-- /lineage -->", "See [lineage](lineage.md).", text,
                      flags=re.S)  # fmt: skip
        yield page, _relinked(text.replace("](docs/", "]("), page)


def _relinked(text: str, page: str) -> str:
    """Links to pages that the site has under another name, or not at all."""
    up = "../" * page.count("/")

    def moved(match: re.Match[str]) -> str:
        label, target, anchor = match["label"], match["target"], match["anchor"] or ""
        name = target.removeprefix("../").removeprefix("docs/")
        if name in _INSTEAD:
            return f"[{label}]({up}{_INSTEAD[name]})"
        if name.endswith(".ipynb"):
            return f"[{label}]({up}{name.removesuffix('.ipynb')}.md)"
        if name in _BESIDE:
            return f"[{label}]({up}{_BESIDE[name]}{anchor})"
        if not name.endswith(("/", ".md", ".png")) or target.startswith("../"):
            return f"{label} (`{name}`)"
        return match[0]

    link = r"\[(?P<label>[^\]]*)\]\((?P<target>(?!https?:|#)[^)#\s]+)(?P<anchor>#[^)]*)?\)"
    return re.sub(link, moved, text)


def _navigation(catalogue: Catalogue, made: dict[str, str]) -> list[Any]:
    tables: list[Any] = ["tables/index.md"]
    for layer in LAYERS:
        inside = [n for n in names(catalogue) if n.startswith(f"{layer}.")]
        tables.append({layer: [{n.split(".")[1]: path_of(n)} for n in inside]})
    taken = {"index.md", "lineage.md", "model.md", "columns.md", "terms.md"}
    guides = [p for p in sorted(made) if "/" not in p and p.endswith(".md") and p not in taken]
    entries = {
        "Tables": tables,
        "Lineage": "lineage.md",
        "Model": "model.md",
        "Terms": "terms.md",
        "Columns": "columns.md",
        "Guides": guides,
    }
    for title, folder in (("Notebooks", "notebooks/"), ("Decisions", "decisions/")):
        if inside := [p for p in sorted(made) if p.startswith(folder)]:
            entries[title] = inside
    return [{"Home": "index.md"}, *({title: found} for title, found in entries.items())]
