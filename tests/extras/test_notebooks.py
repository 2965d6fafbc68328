"""Every notebook runs on a small lake, and only reads it.

Needs the extra [notebooks]: make test-notebooks. The lake is that of three days and three stores,
with one day's product events landed late, so that something is restated.
"""

import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from end_to_end.conftest import landing as landing
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from places import ROOT, Build

from lakehouse.log import Log
from lakehouse.notebooks import environment, execute
from lakehouse.reading import LAKE
from lakehouse.storage import tables_in

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def lake(build: Build, landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, late = tmp_path_factory.mktemp("notebooks") / "lake", landing / "late.parquet"
    day = sorted((landing / "products").glob("*.parquet"))[1]
    day.rename(late)
    assert build(landing, made).exit_status == 0
    late.rename(day)
    assert build(landing, made).exit_status == 0
    return made


def one_cell(folder: Path, name: str, code: str) -> Path:
    """A notebook of one cell."""
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(made, folder / name)
    return folder / name


def versions(lake: Path) -> dict[str, int]:
    return {f"{layer}.{name}": Log(path).version for layer, name, path in tables_in(lake)}


def test_every_notebook_runs_and_leaves_the_lake_as_it_was(lake: Path) -> None:
    before = versions(lake)
    assert before["ops.restatements"] > 0
    command = [sys.executable, "-m", "pytest", "--nbmake", "--nbmake-timeout=300", "notebooks"]
    done = subprocess.run(command, cwd=ROOT, env=environment(lake), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(NOTEBOOKS)} passed" in done.stdout
    assert versions(lake) == before


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_and_its_script_hold_the_same_cells(notebook: Path) -> None:
    cells = [
        [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
        for path in (notebook, notebook.with_suffix(".py"))
    ]
    assert cells[0] == cells[1], "run: .venv/bin/jupytext --sync notebooks/*.py"


def test_a_notebook_without_a_lake_says_so_in_one_sentence(tmp_path: Path) -> None:
    file = one_cell(tmp_path, "1.ipynb", "from lakehouse import lake\nlake()")
    notebook = nbformat.read(file, as_version=4)
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook).execute(env=environment(tmp_path / "none"))
    (shown,) = notebook.cells[0].outputs
    assert shown.traceback == [
        f"There is no lake in {tmp_path / 'none'}; build one first (jobs/build.py)."
    ]


def test_what_fails_is_told_and_the_others_are_published(lake: Path, tmp_path: Path) -> None:
    one_cell(tmp_path, "1_bad.ipynb", "1 / 0")
    one_cell(tmp_path, "2_good.ipynb", f"import os; os.environ['{LAKE}']")
    bad, good = execute(tmp_path, lake, tmp_path / "out")
    assert (bad.name, bad.problem) == ("1_bad.ipynb", "ZeroDivisionError: division by zero")
    assert (good.name, good.problem) == ("2_good.ipynb", "")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"2_good.ipynb", "2_good.html"}
    page = (tmp_path / "out" / "2_good.html").read_text()
    assert str(lake) in page
    assert 'src="http' not in page
