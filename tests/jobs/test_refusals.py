"""What a job cannot do it says in one sentence, with status 2, and writes nothing."""

import argparse
from pathlib import Path

import pytest
from places import ROOT, called

from lakehouse import LakehouseError
from retail import measure, meter


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--landing", "{here}/nowhere"], "There is no landing folder {here}/nowhere; expected"),
        (["fact_sale"], "'fact_sale' selects nothing: there is no table fact_sale; did you mean"),
        (["--source", "online_retial.yaml"], "conf/sources/online_retail.yaml"),
        (["--as-of", "2026-02-30"], "--as-of 2026-02-30 is no date; expected"),
        (["--env", "prod"], "prod"),
        (["--last-run"], "There is no build log in {here}/lake; build first (jobs/build.py)."),
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


@pytest.mark.parametrize(
    ("job", "words", "said"),
    [
        ("quality", [], "There is no lake in {here}/lake; build one first"),
        ("quality", ["--labels", "{here}"], "There is no answer key {here}/labels.parquet; expect"),
        ("replay", ["--since", "soon"], "--since soon is no instant; expected"),
    ],
)
def test_a_look_at_bad_data_that_cannot_start(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    job: str,
    words: list[str],
    said: str,
) -> None:
    words = [word.format(here=tmp_path) for word in words]
    assert called(monkeypatch, job, "--lake", str(tmp_path / "lake"), *words) == 2
    assert said.format(here=tmp_path) in capsys.readouterr().err


@pytest.mark.parametrize("share", ["2", "0", "many"])
def test_a_share_of_faults_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], share: str
) -> None:
    output = ["--output", str(tmp_path / "landing")]
    assert called(monkeypatch, "generate", "--faults", share, *output) == 2
    assert f"--faults {share} is no rate; expected a share" in capsys.readouterr().err
    assert not (tmp_path / "landing").exists()


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


@pytest.mark.parametrize("sql", ["SELECT 'open", "SELECT (1", "SELECT 1"])
def test_a_query_that_cannot_be_asked_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], sql: str
) -> None:
    then = ["--lake", str(tmp_path), "--valid-at", "2026-06-01"]
    assert called(monkeypatch, "query", sql, *then) == 2
    message = capsys.readouterr().err
    assert "cannot be read" in message or "has versions" in message
    assert len(message.strip().splitlines()) == 1


@pytest.mark.parametrize("view", ["gold.dim_product_current", "gold.training_set"])
def test_versions_valid_at_an_instant_are_not_asked_through_a_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], view: str
) -> None:
    """Such a view keeps the open versions, and training_set reads it in its turn."""
    then = ["--lake", str(tmp_path), "--valid-at", "2026-06-01"]
    sql = f"SELECT count(*) FROM {view} JOIN gold.dim_product USING (product_id)"
    assert called(monkeypatch, "query", sql, *then) == 2
    message = capsys.readouterr().err
    assert f"The view {view} chooses among the versions of gold.dim_product by itself" in message
    assert "ask gold.dim_product itself" in message
    assert len(message.strip().splitlines()) == 1


@pytest.mark.parametrize("name", [path.stem for path in (ROOT / "jobs").glob("*.py")])
def test_every_job_says_what_it_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    def refuse(*_: object) -> None:
        raise LakehouseError("No.")

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", refuse)
    assert called(monkeypatch, name) == 2
    assert capsys.readouterr().err == "No.\n"


def test_a_benchmark_without_the_real_data_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    timed: list[tuple[str, str]] = []

    def timing(name: str, target: str, command: list[str], log: Path) -> meter.Timing:
        timed.append((name, target))
        by_script = command[0] == "make" or command[0].endswith("spark-submit.sh")
        assert by_script or command[2:4] == ["--env", "local"]
        return meter.Timing(name, target, 1.0, 2.0, 0.5, 0)

    pages: list[str] = []
    monkeypatch.setenv("RETAIL_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr(measure, "timed", timing)
    monkeypatch.setattr(measure, "by_table", lambda lake: f"tables of {lake.name}")
    monkeypatch.setattr(measure, "write_between", lambda page, marks, text: pages.append(text))
    assert called(monkeypatch, "benchmark", "--tests") == 0
    assert dict(timed) == {
        "make demo": "80 s, 4 GB",
        "build, nothing changed": "5 s",
        "the same by spark-submit.sh": "15 s",
        "generate": "",
        "build, one more day": "45 s",
        "quality": "30 s",
        "validate": "",
        "validate --docs": "90 s",
        "build": "",
        "quality --labels": "30 s",
        "make test-fast": "15 s",
        "make test": "480 s",
    }
    said = f"Not measured: Online Retail: there is no folder {tmp_path}/nowhere"
    assert said in capsys.readouterr().out
    assert said in pages[0]
    assert "| make demo | 80 s, 4 GB | 1.0 s | 2 s | 0.5 GB |" in pages[0]
    (tmp_path / "nowhere" / "online_retail_by_day").mkdir(parents=True)
    assert called(monkeypatch, "benchmark") == 0
    assert timed[-1] == ("Online Retail, 305 days", "90 s")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["2026-06-01", "2026-06-31"], "last 2026-06-31 is no date"),
        (["2026-06-02", "2026-06-01"], "run from 2026-06-02 to 2026-06-01; give the earlier"),
        (["2026-06-01", "2026-06-02", "--table", "dim_stor"], "dim_stor is no table made by days"),
        (
            ["2026-06-01", "2026-06-02"],
            "cannot be made from 2026-06-01 on: what it is made of holds",
        ),
    ],
)
def test_days_that_cannot_be_backfilled(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    lake = ["--lake", str(tmp_path / "lake"), "--output", str(tmp_path / "features")]
    assert called(monkeypatch, "backfill", *words, *lake) == 2
    message = capsys.readouterr().err.strip()
    assert said in message
    assert len(message.splitlines()) == 1
    assert not (tmp_path / "features").exists()
