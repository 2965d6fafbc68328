"""What builds, ships and guards the project is well-formed, and names only what is there."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner
from dockerfile_parse import DockerfileParser
from places import ROOT
from pre_commit.clientlib import load_config

COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.M))
DOCKERFILE = DockerfileParser(str(ROOT / "docker"))


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
        ("vendor.compose-spec", "docker/compose.yaml"),
    ],
)
def test_files_of_other_tools_follow_their_schemas(schema: str, file: str) -> None:
    done = CliRunner().invoke(check_jsonschema.main, ["--builtin-schema", schema, str(ROOT / file)])
    assert done.exit_code == 0, done.output


def test_hooks_are_as_pre_commit_wants_them_and_call_tools_that_are_pinned() -> None:
    hooks = load_config(str(ROOT / ".pre-commit-config.yaml"))["repos"][0]["hooks"]
    tools = [word for hook in hooks for word in hook["entry"].split() if "/bin/" in word]
    assert len(tools) == len(hooks) == 5
    pinned = (ROOT / "pyproject.toml").read_text()
    names = {"lint-imports": "import-linter", "python": "retail-lakehouse"}
    for tool in map(Path, tools):
        assert names.get(tool.name, tool.name) in pinned


def test_every_make_target_that_is_named_exists() -> None:
    steps = [step["run"] for job in WORKFLOW.values() for step in job["steps"] if "run" in step]
    named = re.findall(r"make ([a-z0-9-]+)", "\n".join(steps))
    named += re.findall(r"^make ([a-z0-9-]+)", (ROOT / ".ci/run").read_text(), re.M)
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        named += re.findall(r"`make ([a-z0-9-]+)", page.read_text())
    assert len(named) > 20
    assert set(named) - TARGETS == set()
    assert set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[0].split()) == TARGETS


def test_what_a_change_must_pass_calls_every_kind_of_test() -> None:
    run = (ROOT / ".ci/run").read_text()
    called = re.findall(r"^(?:make|where_installed \S+) ([a-z0-9-]+)", run, re.M)
    tests = {target for target in TARGETS if target.startswith("test")}
    assert tests - set(called) == {"test-fast"}  # which is part of make test


def test_pythons_of_the_matrix_are_those_the_project_takes() -> None:
    tested = WORKFLOW["test"]["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={tested[0]}"' in (ROOT / "pyproject.toml").read_text()


def test_the_image_copies_what_there_is_and_all_that_set_up_needs() -> None:
    copied = [
        word
        for line in DOCKERFILE.structure
        if line["instruction"] == "COPY"
        for word in line["value"].split()[:-1]
    ]
    assert [path for path in copied if not (ROOT / path).exists()] == []
    ignored = {line.strip("/*") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    assert [path for path in copied if path.split("/")[0] in ignored] == []
    needed = {"Makefile", "pyproject.toml", "README.md", "LICENSE", ".ci", "lib", "conf", "jobs"}
    assert needed - set(copied) == set()


def test_services_build_stages_of_the_image_and_wait_for_each_other() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "docker/Dockerfile").read_text(), re.M)
    assert len(COMPOSE) == 5
    for name, service in COMPOSE.items():
        build = service["build"]
        assert build["target"] in stages, name
        assert (ROOT / build["dockerfile"]).is_file()
        assert set(service.get("depends_on", {})) <= set(COMPOSE), name


def test_services_run_what_the_environment_has() -> None:
    """Spark's classes by its own launcher, our jobs by our script, at the master's address."""
    spark = Path(sys.prefix) / "bin" / "spark-class"
    assert spark.is_file()
    master = words(COMPOSE["spark-master"])
    address = f"spark://{COMPOSE['spark-master']['hostname']}:{master[master.index('--port') + 1]}"
    assert master[master.index("--host") + 1] == COMPOSE["spark-master"]["hostname"]
    for name in ("spark-worker-1", "spark-worker-2"):
        assert words(COMPOSE[name])[-1] == address
    build = words(COMPOSE["build"])
    assert build[build.index("--master") + 1] == address
    assert [
        word for word in build if word.endswith((".py", ".sh")) and not (ROOT / word).is_file()
    ] == []


def test_airflow_gets_the_connection_that_its_tasks_ask_for() -> None:
    dag = (ROOT / "conf/airflow/ecommerce_data_pipeline.py").read_text()
    (asked,) = set(re.findall(r'conn_id="(\w+)"', dag))
    given = COMPOSE["airflow"]["environment"]
    connection = json.loads(given[f"AIRFLOW_CONN_{asked.upper()}"])
    assert f"{connection['host']}:{connection['port']}" == words(COMPOSE["spark-worker-1"])[-1]
    workdir = next(
        line["value"] for line in DOCKERFILE.structure if line["instruction"] == "WORKDIR"
    )
    assert given["RETAIL_PROJECT"] == workdir


def words(service: dict[str, Any]) -> list[str]:
    return str(service["command"]).split()
