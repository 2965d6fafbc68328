"""Whether a Databricks job would run: its fields by Databricks' own classes, the rest by ours.

Offline: nothing is asked of a workspace. Needs databricks-bundles and quartz-cron-checker (the
extra ``test``).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.publish.bundle import Bundle, before, needs, options, selected, value

# Databricks runtimes from this one on are Spark 4, and Scala 2.13.
_LEAST_RUNTIME = 17
_PARAMETER = re.compile(r"\{\{job\.parameters\.(\w+)\}\}")
_VARIABLE = re.compile(r"\$\{var\.(\w+)\}")


def check(bundle: Bundle, key: str, job: Mapping[str, Any]) -> None:
    """Raise LakehouseError for the first thing for which the job would be refused, or fail."""
    for find in _CHECKS:
        for problem in find(bundle, job):
            raise LakehouseError(f"The job {key} of {bundle.folder} {problem}.")


def _fields(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    from databricks.bundles.jobs import Job

    try:
        Job.from_dict(job)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        yield f"is none that Databricks takes: {error}; correct the field"


def _schedule(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    from quartz_cron_checker import QuartzCronChecker

    schedule = job.get("schedule")
    if not schedule:
        return
    cron = schedule.get("quartz_cron_expression", "")
    try:
        QuartzCronChecker.from_cron_string(cron).validate()
    except Exception as error:
        yield f"has the schedule {cron!r}, which is no Quartz text ({error}); expected 0 0 6 * * ?"
    try:
        ZoneInfo(schedule.get("timezone_id", ""))
    except (ZoneInfoNotFoundError, ValueError):
        yield f"has the time zone {schedule.get('timezone_id')!r}, which is none; expected UTC"


def _watch(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    """Whether somebody hears of a failure, and nothing runs for ever or twice."""
    if not job.get("email_notifications", {}).get("on_failure"):
        yield "tells nobody of a failure; give email_notifications.on_failure an address"
    if not job.get("health", {}).get("rules"):
        yield "has no health rule; give it one on RUN_DURATION_SECONDS"
    if job.get("max_concurrent_runs", 1) != 1:
        yield "runs beside itself, and named tables have no lock; set max_concurrent_runs to 1"
    if not job.get("timeout_seconds"):
        yield "may run for ever; set timeout_seconds"
    for task in job.get("tasks", []):
        if not task.get("max_retries"):
            yield f"never tries {task['task_key']} again; set its max_retries to 1 or more"


def _graph(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    tasks = [task["task_key"] for task in job.get("tasks", [])]
    if not tasks:
        yield "has no task; run jobs/describe.py to write it again"
    for twice in sorted({key for key in tasks if tasks.count(key) > 1}):
        yield f"has two tasks {twice}; name one otherwise"
    graph = needs(job)
    for key, named in graph.items():
        for name in named:
            if name not in tasks:
                yield f"lets {key} depend on {name}, which is no task; {did_you_mean(name, tasks)}"
            elif key in before(graph, key):
                yield f"has a cycle through the task {key}; take one of its depends_on away"


def _clusters(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    clusters = {c["job_cluster_key"]: c["new_cluster"] for c in job.get("job_clusters", [])}
    used = {task.get("job_cluster_key") for task in job["tasks"]}
    for task in job["tasks"]:
        if (key := task.get("job_cluster_key")) not in clusters:
            yield (
                f"runs {task['task_key']} on the cluster {key}, which it does not define;"
                f" {did_you_mean(str(key), clusters)}"
            )
    for key in sorted(set(clusters) - used):
        yield f"defines the cluster {key}, which no task uses; take it away"
    for key, cluster in clusters.items():
        version = str(cluster.get("spark_version", ""))
        found = re.match(r"(\d+)\.\d+\.x(-\w+)*-scala2\.13$", version)
        if not found or int(found[1]) < _LEAST_RUNTIME:
            yield f"runs {key} on {version}, which is no Spark 4; expected 17.3.x-scala2.13"
        sizes = cluster.get("autoscale", {})
        grows = 0 < sizes.get("min_workers", 0) <= sizes.get("max_workers", 0)
        if not cluster.get("num_workers") and not grows:
            yield f"gives {key} no workers; set num_workers, or autoscale with min below max"
        if not cluster.get("spark_env_vars", {}).get("LAKEHOUSE_CONF"):
            yield f"does not tell {key} where conf/ lies; set LAKEHOUSE_CONF in spark_env_vars"


def _commands(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    """Job files, their options and values, and libraries."""
    for task in job["tasks"]:
        key, python = task["task_key"], task.get("spark_python_task", {})
        named = python.get("python_file") or task.get("notebook_task", {}).get("notebook_path")
        script = bundle.file(str(named))
        if not script.is_file():
            yield f"lets {key} run {named}, which does not exist; correct it"
            continue
        yield from _libraries(bundle, task)
        if not python:
            continue
        known = options(script, bundle.root)
        words = [word for word in python.get("parameters", []) if word.startswith("--")]
        for word in words:
            if word not in known:
                yield (
                    f"gives {key} the option {word}, which jobs/{script.name} does not take;"
                    f" {did_you_mean(word, known)}"
                )
        env = value(python.get("parameters", []), "--env")
        if not (bundle.root / "conf" / f"{env}.yaml").is_file():
            yield f"runs {key} in the environment {env}, which conf/ lacks; expected databricks"


def _libraries(bundle: Bundle, task: Mapping[str, Any]) -> Iterator[str]:
    key, libraries = task["task_key"], task.get("libraries", [])
    wheels = [library.get("whl", "") for library in libraries]
    if not any(bundle.file(wheel).parent == bundle.root / "dist" for wheel in wheels):
        yield f"gives {key} no wheel from dist/, where the bundle builds it; set libraries"
    if any("pypi" in library for library in libraries):
        yield f"gives {key} a package beside the wheel; what it needs stands in pyproject.toml"


def _names(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    """Parameters and variables that are used and not declared."""
    declared = [parameter["name"] for parameter in job.get("parameters", [])]
    text = yaml.safe_dump(dict(job))
    for name in sorted(set(_PARAMETER.findall(text)) - set(declared)):
        hint = did_you_mean(name, declared)
        yield f"uses the parameter {name}, which it does not declare; {hint}"
    for name in sorted(set(_VARIABLE.findall(text)) - set(bundle.settings["variables"])):
        known = bundle.settings["variables"]
        yield f"uses var.{name}, which databricks.yml does not declare; {did_you_mean(name, known)}"


def _tables(bundle: Bundle, job: Mapping[str, Any]) -> Iterator[str]:
    """Tables a task builds: known, and after what they read; a scheduled build builds all."""
    tables, graph = bundle.catalogue.tables, needs(job)
    built = {task["task_key"]: selected(task) for task in job["tasks"]}
    task_of = {table: key for key, selected in built.items() for table in selected}
    for table, key in task_of.items():
        if table not in tables:
            yield f"lets {key} build {table}, which no file declares; {did_you_mean(table, tables)}"
            continue
        for upstream in tables[table].inputs:
            earlier = task_of.get(upstream)
            if earlier and earlier != key and earlier not in before(graph, key):
                yield (
                    f"builds {table} in {key}, not after {earlier}, whose {upstream} it reads;"
                    f" let {key} depend on {earlier}"
                )
    if task_of and (missing := [name for name in tables if name not in task_of]):
        yield f"builds every table but {', '.join(missing)}; run jobs/describe.py"


_CHECKS: tuple[Callable[[Bundle, Mapping[str, Any]], Iterator[str]], ...] = (
    _fields, _schedule, _watch, _graph, _clusters, _commands, _names, _tables,
)  # fmt: skip
