"""What a job cannot do it says in one sentence, with status 2, and writes nothing."""

import importlib.util
import sys
from pathlib import Path

import pytest
from places import ROOT


def called(monkeypatch: pytest.MonkeyPatch, job: str, *words: str) -> int:
    """Exit status of a job's main() in this process."""
    spec = importlib.util.spec_from_file_location(job, ROOT / "jobs" / f"{job}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", [f"{job}.py", *words])
    return int(module.main())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--landing", "{here}/nowhere"], "There is no landing folder {here}/nowhere; expected"),
        (["fact_sale"], "'fact_sale' selects nothing: there is no table fact_sale; did you mean"),
        (["--source", "online_retial.yaml"], "conf/sources/online_retail.yaml"),
        (["--as-of", "2026-02-30"], "--as-of 2026-02-30 is no date; expected"),
        (["--env", "prod"], "prod"),
    ],
)
def test_a_build_that_cannot_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    lake, landing = tmp_path / "lake", tmp_path / "landing"
    landing.mkdir()
    words = [word.format(here=tmp_path) for word in words]
    status = called(monkeypatch, "build", "--landing", str(landing), "--lake", str(lake), *words)
    message = capsys.readouterr().err.strip()
    assert status == 2
    assert said.format(here=tmp_path) in message
    assert len(message.splitlines()) == 1
    assert not lake.exists()


def test_a_mapping_that_names_a_column_no_file_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    landing = tmp_path / "landing"
    (landing / "stores").mkdir(parents=True)
    (landing / "stores" / "a.csv").write_text("store_id,storename\nSTR-0001,One\n")
    lake = ["--lake", str(tmp_path / "lake")]
    assert called(monkeypatch, "build", "--landing", str(landing), *lake) == 2
    message = capsys.readouterr().err
    assert "stores/a.csv" in message
    assert not (tmp_path / "lake").exists()


def test_a_query_without_a_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "query", "SELECT 1", "--lake", str(tmp_path)) == 2
    assert "There is no lake in" in capsys.readouterr().err
