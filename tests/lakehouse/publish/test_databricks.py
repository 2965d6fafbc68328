"""The bundle for Databricks: what is committed is what the catalogue says, and would be taken."""

import copy
import re
from collections.abc import Callable
from importlib.metadata import requires
from typing import Any

import pytest
import yaml
from places import ROOT

from lakehouse import LakehouseError
from lakehouse.catalogue import load
from lakehouse.conf import load as load_conf
from lakehouse.publish.airflow import dag
from lakehouse.publish.bundle import Bundle
from lakehouse.publish.files import files
from lakehouse.publish.groups import groups
from lakehouse.publish.strict import check

CATALOGUE = load("retail")
BUNDLE = Bundle(ROOT / "conf" / "databricks", ROOT, CATALOGUE)
Job = dict[str, Any]


def test_what_the_catalogue_says_is_committed() -> None:
    """Accept a change by running jobs/describe.py."""
    for path, text in files(CATALOGUE, load_conf()["schedule"], ROOT).items():
        assert path.read_text() == text, path


@pytest.mark.parametrize("key", ["daily", "maintenance", "backfill"])
def test_each_job_would_be_taken(key: str) -> None:
    check(BUNDLE, key, BUNDLE.jobs[key])


def test_the_targets_and_the_wheel() -> None:
    settings = BUNDLE.settings
    assert {name: one["mode"] for name, one in settings["targets"].items()} == {
        "dev": "development",
        "prod": "production",
    }
    without_default = {name for name, one in settings["variables"].items() if "default" not in one}
    for target in settings["targets"].values():
        assert without_default <= set(target["variables"]) <= set(settings["variables"])
    artifact = settings["artifacts"]["wheel"]
    assert (BUNDLE.folder / artifact["path"]).resolve() == ROOT
    assert "--wheel-dir dist" in artifact["build"]
    needed = [one for one in requires("retail-lakehouse") or [] if "extra ==" not in one]
    assert not [one for one in needed if re.match("pyspark|delta-spark", one)]
    assert [one for one in needed if one.startswith("deltalake")]


def test_the_daily_job_runs_at_six_utc_in_the_order_of_the_tables() -> None:
    job = BUNDLE.jobs["daily"]
    assert job["schedule"]["quartz_cron_expression"] == "0 0 6 * * ?"
    keys = [task["task_key"] for task in job["tasks"]]
    assert set(keys[:4]) == {"masters", "transactions", "inventory", "clickstream"}
    assert keys[4:8] == ["data_quality", "silver", "gold", "forecast_features"]
    notebooks = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert keys[8:] == [f"dashboard_{name}" for name in notebooks]


def test_every_table_is_in_one_group_and_behind_what_it_reads() -> None:
    made = groups(CATALOGUE, load_conf()["schedule"])
    tables = [table for group in made for table in group.tables]
    assert sorted(tables) == sorted(CATALOGUE.tables)
    seen: set[str] = set()
    for group in made:
        seen.update(group.tables)
        for table in group.tables:
            assert set(CATALOGUE.tables[table].inputs) <= seen, table
    quality = next(group.tables for group in made if group.name == "data_quality")
    assert {name for name, table in CATALOGUE.tables.items() if table.is_staging} <= set(quality)


def test_a_schedule_that_names_a_stranger_is_refused() -> None:
    schedule = load_conf()["schedule"] | {"analytics": {"features": ["mart_demand_forcast_input"]}}
    with pytest.raises(LakehouseError, match="did you mean mart_demand_forecast_input"):
        groups(CATALOGUE, schedule)


def test_a_check_runs_after_its_group_and_one_after_nothing_is_refused() -> None:
    schedule = load_conf()["schedule"] | {"checks": {"doctor": "gold"}}
    assert 'CHECKS = {\n    "doctor": "gold",\n}' in dag("", CATALOGUE, schedule)
    with pytest.raises(LakehouseError, match=r"after glod, .* did you mean gold"):
        dag("", CATALOGUE, schedule | {"checks": {"doctor": "glod"}})


def test_every_check_is_a_job() -> None:
    for name in load_conf()["schedule"]["checks"]:
        assert (ROOT / "jobs" / f"{name}.py").is_file()


def test_an_entity_that_the_schedule_does_not_name_is_a_group_of_its_own() -> None:
    schedule = load_conf()["schedule"] | {"ingestion": {}}
    names = [group.name for group in groups(CATALOGUE, schedule) if group.stage == "ingestion"]
    assert sorted(names) == sorted(t.entity for t in CATALOGUE.tables.values() if t.entity)


def task(job: Job, key: str) -> Job:
    return next(one for one in job["tasks"] if one["task_key"] == key)


def words(job: Job, key: str) -> list[str]:
    found: list[str] = task(job, key)["spark_python_task"]["parameters"]
    return found


def cluster(job: Job) -> Job:
    found: Job = job["job_clusters"][0]["new_cluster"]
    return found


def replaced(listed: list[str], old: str, new: str) -> None:
    listed[listed.index(old)] = new


# What breaks a job, by name: the change, and what the refusal says.
MUTATIONS: dict[str, tuple[Callable[[Job], object], str]] = {
    "a field that jobs lack": (lambda j: j.update(shedule={}), "Unexpected field 'shedule'"),
    "a field that tasks lack": (
        lambda j: task(j, "gold").update(retries=2),
        "Unexpected field 'retries'",
    ),
    "text for a number": (lambda j: j.update(timeout_seconds="long"), "invalid literal"),
    "a pause status that is none": (
        lambda j: j["schedule"].update(pause_status="UNPAUSE"),
        "not a valid PauseStatus",
    ),
    "a health metric that is none": (
        lambda j: j["health"]["rules"][0].update(metric="DURATION"),
        "not a valid JobsHealthMetric",
    ),
    "a security mode that is none": (
        lambda j: cluster(j).update(data_security_mode="SHARED"),
        "not a valid DataSecurityMode",
    ),
    "a task without a key": (lambda j: task(j, "gold").pop("task_key"), "task_key"),
    "a cron of five fields": (
        lambda j: j["schedule"].update(quartz_cron_expression="0 6 * * *"),
        "no Quartz text .* expected 0 0 6",
    ),
    "a cron with both kinds of day": (
        lambda j: j["schedule"].update(quartz_cron_expression="0 0 6 * * *"),
        "must be",
    ),
    "a cron at hour 25": (
        lambda j: j["schedule"].update(quartz_cron_expression="0 0 25 * * ?"),
        "out of bounds",
    ),
    "a time zone that is none": (
        lambda j: j["schedule"].update(timezone_id="Mars/Olympus"),
        "time zone 'Mars/Olympus'",
    ),
    "nobody hears of a failure": (lambda j: j.pop("email_notifications"), "tells nobody"),
    "no health rule": (lambda j: j.pop("health"), "no health rule"),
    "two runs at once": (lambda j: j.update(max_concurrent_runs=3), "runs beside itself"),
    "no time limit": (lambda j: j.pop("timeout_seconds"), "for ever"),
    "no retries": (lambda j: task(j, "silver").pop("max_retries"), "never tries silver again"),
    "no tasks": (lambda j: j.update(tasks=[]), "no task"),
    "two tasks of one key": (
        lambda j: task(j, "silver").update(task_key="gold"),
        "two tasks gold",
    ),
    "a dependency on nothing": (
        lambda j: task(j, "gold")["depends_on"].append({"task_key": "sliver"}),
        "depend on sliver, .* did you mean silver",
    ),
    "a cycle": (
        lambda j: task(j, "masters").update(depends_on=[{"task_key": "gold"}]),
        "cycle through the task",
    ),
    "a task that waits for itself": (
        lambda j: task(j, "gold")["depends_on"].append({"task_key": "gold"}),
        "cycle through the task gold",
    ),
    "a cluster nobody defines": (
        lambda j: task(j, "gold").update(job_cluster_key="biuld"),
        "cluster biuld, .* did you mean build",
    ),
    "a cluster nobody uses": (
        lambda j: j["job_clusters"].append(
            copy.deepcopy(j["job_clusters"][0]) | {"job_cluster_key": "spare"}
        ),
        "cluster spare, which no task uses",
    ),
    "a runtime of Spark 3": (
        lambda j: cluster(j).update(spark_version="15.4.x-scala2.13"),
        "no Spark 4",
    ),
    "another Scala": (lambda j: cluster(j).update(spark_version="17.3.x-scala2.12"), "no Spark 4"),
    "no workers": (lambda j: cluster(j).pop("autoscale"), "no workers"),
    "fewest workers above most": (
        lambda j: cluster(j).update(autoscale={"min_workers": 9, "max_workers": 2}),
        "no workers",
    ),
    "conf that is not found": (
        lambda j: cluster(j)["spark_env_vars"].pop("LAKEHOUSE_CONF"),
        "set LAKEHOUSE_CONF",
    ),
    "a job file that is not there": (
        lambda j: task(j, "gold")["spark_python_task"].update(python_file="../jobs/build.py"),
        r"run \.\./jobs/build\.py, which does not exist",
    ),
    "a notebook that is not there": (
        lambda j: j["tasks"][-1]["notebook_task"].update(
            notebook_path="../../../notebooks/8.ipynb"
        ),
        r"run \.\./\.\./\.\./notebooks/8\.ipynb, which does not exist",
    ),
    "an option that the job lacks": (
        lambda j: replaced(words(j, "gold"), "--as-of", "--as-off"),
        "--as-off, which jobs/build.py does not take; did you mean --as-of",
    ),
    "an environment that is not there": (
        lambda j: replaced(words(j, "gold"), "databricks", "databrick"),
        "environment databrick, which conf/ lacks",
    ),
    "no wheel": (lambda j: task(j, "gold").pop("libraries"), "gives gold no wheel"),
    "a wheel from elsewhere": (
        lambda j: task(j, "gold").update(libraries=[{"whl": "../dist/*.whl"}]),
        "gives gold no wheel",
    ),
    "a Spark of its own": (
        lambda j: task(j, "gold")["libraries"].append({"pypi": {"package": "pyspark"}}),
        "a package beside the wheel",
    ),
    "a parameter that is not declared": (
        lambda j: j["parameters"].pop(),
        "uses the parameter as_of, which it does not declare",
    ),
    "a variable that is not declared": (
        lambda j: cluster(j).update(node_type_id="${var.node_typ}"),
        "var.node_typ, .* did you mean node_type",
    ),
    "a table that is misspelt": (
        lambda j: replaced(words(j, "gold"), "fact_sales", "fact_sale"),
        "fact_sale, which no file declares; did you mean fact_sales",
    ),
    "a table that nobody builds": (
        lambda j: words(j, "gold").remove("fact_sales"),
        "every table but fact_sales",
    ),
    "a table before what it reads": (
        lambda j: task(j, "gold").update(depends_on=[{"task_key": "data_quality"}]),
        "not after silver",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_breaks_a_job_is_refused_in_one_sentence(name: str) -> None:
    breaks, said = MUTATIONS[name]
    job = copy.deepcopy(BUNDLE.jobs["daily"])
    breaks(job)
    with pytest.raises(LakehouseError, match=said) as refused:
        check(BUNDLE, "daily", job)
    assert str(refused.value).startswith("The job daily of ")
    assert "\n" not in str(refused.value)


def test_the_bundle_is_one_yaml_map_a_file() -> None:
    for path in BUNDLE.folder.rglob("*.yml"):
        assert isinstance(yaml.safe_load(path.read_text()), dict)
