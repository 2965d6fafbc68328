"""Notebooks executed over a lake and published: with outputs, and as pages of their own."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import LakehouseError
from lakehouse.reading import LAKE, tables_of

SECONDS = 600  # that a cell may take


@dataclass(frozen=True)
class Executed:
    """One notebook; ``problem`` is empty where every cell ran."""

    name: str
    problem: str


def execute(folder: Path, lake: Path, output: Path) -> Iterator[Executed]:
    """Execute the folder's notebooks, by name, and write each with its outputs, and as HTML.

    ``output`` may be the folder itself. Of a notebook that fails only the problem is told. Raises
    LakehouseError where there is no lake, no notebook, or no Jupyter to run them.
    """
    tables_of(lake)
    files = sorted(folder.glob("*.ipynb"))
    if not files:
        raise LakehouseError(f"There is no notebook in {folder}; expected files as 1_tour.ipynb.")
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError
        from nbconvert import HTMLExporter
    except ImportError:
        raise LakehouseError(
            "Notebooks need Jupyter, which is not installed here; install this project's extra"
            " [notebooks] (make notebook does)."
        ) from None
    output.mkdir(parents=True, exist_ok=True)
    for file in files:
        notebook: Any = nbformat.read(file, as_version=4)
        # Times of each cell would make every run another file.
        client = NotebookClient(notebook, timeout=SECONDS, record_timing=False)
        try:
            client.execute(cwd=str(folder), env=environment(lake))
        except CellExecutionError as error:
            yield Executed(file.name, _sentence(error))
            continue
        nbformat.write(notebook, output / file.name)
        if output.resolve() != folder.resolve():
            page = _page(HTMLExporter, notebook)
            (output / f"{file.stem}.html").write_text(page, encoding="utf-8")
        yield Executed(file.name, "")


def environment(lake: Path) -> dict[str, str]:
    """What a kernel is told: its lake, and the library that runs it."""
    library = str(Path(__file__).parents[1])
    paths = [library, *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {LAKE: str(lake), "PYTHONPATH": os.pathsep.join(paths)}


def _page(exporter: Any, notebook: Any) -> str:
    """HTML that loads nothing from elsewhere."""
    nowhere = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url"), "")
    page, _ = exporter(template_name="classic", **nowhere).from_notebook_node(notebook)
    return str(page).replace('<script src=""></script>', "")


def _sentence(error: Any) -> str:
    """The error of the cell, in its own words."""
    named = f"{error.ename}: " if error.ename != LakehouseError.__name__ else ""
    return f"{named}{str(error.evalue).strip().splitlines()[0]}" if error.evalue else error.ename
