"""spark-submit.sh: what it passes on, what it refuses, and Spark's settings by place."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lakehouse import LakehouseError, session, submit

Words = list[str]


@pytest.fixture
def job(tmp_path: Path) -> str:
    """A job outside the project, in a folder with a space."""
    path = tmp_path / "my jobs" / "count.py"
    path.parent.mkdir()
    path.write_text("")
    return str(path)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What set-up makes, under a path with a space."""
    folder = tmp_path / "an env"
    (folder / "jars").mkdir(parents=True)
    for name in ("delta-spark.jar", "delta-storage.jar"):
        (folder / "jars" / name).touch()
    (folder / "spark.jsa").touch()
    monkeypatch.setattr(session, "S3_JARS", folder / "jars-s3")
    monkeypatch.setattr(session, "JARS", folder / "jars")
    monkeypatch.setattr(session, "ARCHIVE", folder / "spark.jsa")
    return folder


def confs(words: Words) -> dict[str, str]:
    """Spark's settings in a command line, the last of a name winning."""
    pairs = [words[i + 1] for i, word in enumerate(words) if word == "--conf"]
    return dict(pair.split("=", 1) for pair in pairs)


def behind(words: Words, job: str) -> Words:
    """What the job gets."""
    return words[words.index(job) + 1 :]


def test_the_job_gets_its_arguments_and_spark_its_options(job: str, tmp_path: Path) -> None:
    given = ["--driver-memory", "1g", "--verbose", job, "gold", "--lake", "a lake"]
    words = submit.command(given, tmp_path)
    assert behind(words, job) == ["gold", "--lake", "a lake", "--env", "local"]
    assert words[words.index("--archives") + 2 : words.index(job)] == given[:3]


def test_an_option_value_that_ends_in_py_is_not_the_job(job: str, tmp_path: Path) -> None:
    words = submit.command(["--files", "extra.py", job], tmp_path)
    assert words[words.index("--files") + 1] == "extra.py"
    assert behind(words, job) == ["--env", "local"]


@pytest.mark.parametrize("option", [["--env", "cluster"], ["--env=cluster"]])
@pytest.mark.parametrize("side", ["before", "behind"])
def test_the_environment_may_stand_on_either_side(
    job: str, tmp_path: Path, option: Words, side: str
) -> None:
    given = [*option, job] if side == "before" else [job, *option]
    words = submit.command(given, tmp_path)
    assert behind(words, job) == ["--env", "cluster"]
    assert confs(words)["spark.sql.shuffle.partitions"] == "200"


def test_a_persons_master_and_settings_win_over_conf(job: str, tmp_path: Path) -> None:
    given = ["--conf", "spark.driver.memory=3g", job, "--master", "local[1]"]
    words = submit.command(given, tmp_path)
    assert confs(words)["spark.master"] == "local[1]"
    assert confs(words)["spark.driver.memory"] == "3g"
    assert behind(words, job) == ["--env", "local"]


def test_the_library_and_conf_are_zipped_without_what_python_made(job: str, tmp_path: Path) -> None:
    submit.command([job], tmp_path / "build")
    library = zipfile.ZipFile(tmp_path / "build" / "lib.zip").namelist()
    assert {"lakehouse/submit.py", "retail/__init__.py"} <= set(library)
    assert not [name for name in library if "__pycache__" in name or "egg-info" in name]
    assert "base.yaml" in zipfile.ZipFile(tmp_path / "build" / "conf.zip").namelist()
    assert sorted(os.listdir(tmp_path / "build")) == ["conf.zip", "lib.zip"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "given no job file"),
        (["--master", "local[1]"], "given no job file"),
        (["jobs/biuld.py"], r"no job file jobs/biuld\.py; expected one of .*jobs/build\.py"),
        (["jobs/build.py", "--env"], "--env was given no value"),
        (["jobs/build.py", "--env", "moon"], "no environment moon"),
    ],
)
def test_what_cannot_be_submitted_is_refused(tmp_path: Path, given: Words, said: str) -> None:
    with pytest.raises(LakehouseError, match=said):
        submit.command(given, tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--jars", "/no/such.jar"], "no jar /no/such.jar, which --jars names"),
        (
            ["--master", "spark://127.0.0.1:1"],
            r"No master answers at spark://127\.0\.0\.1:1 .*start",
        ),
        (["--master", "k8s://https://127.0.0.1:1"], "No master answers at k8s"),
        (["--master", "yarn"], "neither HADOOP_CONF_DIR nor YARN_CONF_DIR"),
    ],
)
def test_a_place_that_is_not_there_is_refused_at_once(
    job: str, environment: Path, monkeypatch: pytest.MonkeyPatch, given: Words, said: str
) -> None:
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(LakehouseError, match=said):
        submit.command([*given, job], environment)


def test_missing_jars_are_told_before_spark_starts(
    job: str, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LakehouseError, match=r"no jars for s3a:// .*; run make object-store"):
        submit.command([job, "--lake", "s3a://b/lake"], environment)
    submit.command(
        ["--packages", "org.apache.hadoop:hadoop-aws:3.5.0", job, "s3a://b"], environment
    )
    monkeypatch.setattr(session, "JARS", environment / "none")
    with pytest.raises(LakehouseError, match=r"no Delta jars .*; run make setup"):
        submit.command([job], environment)


def test_a_refusal_is_one_sentence_and_status_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lakehouse.submit", "jobs/biuld.py"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(submit.ROOT / "lib")},
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("There is no job file jobs/biuld.py;")
    assert done.stderr.count("\n") == 1


def test_a_local_driver_gets_the_jars_and_the_archive(environment: Path) -> None:
    found = session.settings({"spark": {"spark.master": "local[2]"}})
    jars = environment / "jars"
    assert found["spark.driver.extraClassPath"] == (
        f"{jars / 'delta-spark.jar'}:{jars / 'delta-storage.jar'}"
    )
    options = found["spark.driver.extraJavaOptions"]
    assert f'"-XX:SharedArchiveFile={environment / "spark.jsa"}"' in options
    assert "-Duser.timezone=UTC" in options
    assert "spark.jars" not in found


def test_a_cluster_is_brought_the_jars(environment: Path) -> None:
    found = session.settings({"spark": {}}, "spark://head:7077")
    jars = environment / "jars"
    assert found["spark.jars"] == f"{jars / 'delta-spark.jar'},{jars / 'delta-storage.jar'}"
    assert found["spark.executor.extraJavaOptions"] == "-Duser.timezone=UTC"


def test_a_store_that_is_not_amazon_s_is_told_by_its_usual_variables(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (environment / "jars-s3").mkdir()
    (environment / "jars-s3" / "hadoop-aws.jar").touch()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    found = session.settings({"object_stores": True}, "local[2]")
    s3a = "spark.hadoop.fs.s3a."
    assert found[f"{s3a}endpoint"] == "http://127.0.0.1:9000"
    assert found[f"{s3a}connection.ssl.enabled"] == "false"
    assert found[f"{s3a}endpoint.region"] == "eu-west-1"
    assert found["spark.driver.extraClassPath"].endswith("hadoop-aws.jar")
    here = session.settings({}, "local[2]")
    assert not [name for name in here if name.startswith(s3a)]
    assert "hadoop-aws" not in here["spark.driver.extraClassPath"]


def test_conf_keeps_its_own_java_options_and_null_leaves_a_setting_to_spark() -> None:
    conf = {"spark": {"spark.driver.extraJavaOptions": "-Xss4m", "spark.x": None, "spark.y": True}}
    found = session.settings(conf)
    assert found["spark.driver.extraJavaOptions"].startswith("-Xss4m -Duser.timezone=UTC")
    assert "spark.x" not in found
    assert found["spark.y"] == "true"


def test_no_java_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(LakehouseError, match=r"no java in JAVA_HOME .*install one"):
        session.java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LakehouseError, match=r"no java in PATH; .*install one"):
        session.java()
