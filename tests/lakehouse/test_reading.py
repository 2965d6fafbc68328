"""Reading a lake from Python and in the shell: what is refused, and how it is said."""

import io
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from lakehouse import LakehouseError, lake
from lakehouse.catalogue import Catalogue
from lakehouse.shell import shell

NO_TABLES = Catalogue([])


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A lake of one table that nobody declares."""
    write_deltalake(str(tmp_path / "gold" / "hours"), pa.table({"hour": [1, 2, 3]}))
    return tmp_path


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_folder_without_a_lake_is_refused_before_a_session_starts(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=f"no lake in {tmp_path}; build one first"):
        lake(tmp_path)


def test_the_lake_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_LAKE", str(tmp_path / "named"))
    with pytest.raises(LakehouseError, match=r"no lake in .*named"):
        lake()


def test_a_notebook_shows_an_error_as_its_sentence() -> None:
    """IPython asks the error for the lines to show."""
    assert LakehouseError("There is no lake.")._render_traceback_() == ["There is no lake."]


def test_the_shell_answers_statements_over_several_lines_and_goes_on_after_an_error(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "SELECT * FROM gold.days;\nSELECT sum(hour) AS total\nFROM gold.hours;\n")
    assert shell(small, NO_TABLES) == 0
    said = capsys.readouterr()
    assert "The query failed" in said.err
    assert "days" in said.err
    assert said.out.split() == ["total", "─────", "6"]


def test_the_shell_lists_names_and_columns_and_leaves(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, ".tables\n.columns gold.hours\n.what\n.quit\nSELECT 42;\n")
    shell(small, NO_TABLES)
    said = capsys.readouterr()
    assert "gold.hours" in said.out
    assert "BIGINT" in said.out
    assert "42" not in said.out
    assert "There is no command .what" in said.err
