"""Notebooks as they are committed: executed, with charts, beside a script; and what is refused."""

import json
from pathlib import Path

import pytest
from places import ROOT

from lakehouse import LakehouseError
from lakehouse.notebooks import execute

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_is_a_notebook_on_each_subject() -> None:
    assert len(NOTEBOOKS) == 7
    assert all(path.with_suffix(".py").is_file() for path in NOTEBOOKS)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_can_be_read_without_running_it(notebook: Path) -> None:
    cells = json.loads(notebook.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert "/tmp/" not in json.dumps(outputs)


def test_a_lake_that_is_not_there_is_refused_before_a_kernel_starts(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=f"no lake in {tmp_path}"):
        list(execute(ROOT / "notebooks", tmp_path, tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
