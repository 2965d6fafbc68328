"""Jobs of a Databricks bundle: daily, weekly maintenance and backfill, as the API takes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from lakehouse.catalogue import Catalogue
from lakehouse.publish.groups import groups

# The newest runtime with long support: Spark 4.0, Python 3.12, Java 17.
RUNTIME = "17.3.x-scala2.13"
CLUSTER = "build"
# Seen from conf/databricks/resources, where the files of the jobs lie.
_ROOT = "../../.."
_HOURS = 3600


def jobs(
    catalogue: Catalogue, schedule: Mapping[str, Any], notebooks: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Every job by its key in the bundle; the daily one ends with the notebooks, by file name."""
    hour, minute = map(int, schedule["at"].split(":"))
    rest = schedule["maintenance"]
    late_hour, late_minute = map(int, rest["at"].split(":"))
    return {
        "daily": _daily(catalogue, schedule, notebooks, f"0 {minute} {hour} * * ?"),
        "maintenance": _job(
            "maintenance",
            "Weekly: small files put together, those that nobody needs removed.",
            [_task("maintain", "maintain", [])],
            cron=f"0 {late_minute} {late_hour} ? * {rest['weekday']}",
        ),
        "backfill": _job(
            "backfill",
            "By hand: the tables selected made again, whole, up to a day where one is given.",
            [
                _task(
                    "rebuild", "build", ["{{job.parameters.selection}}", "--full-refresh", *_AS_OF]
                )
            ],
            selection="gold",
            as_of="",
        ),
    }


_AS_OF = ["--as-of", "{{job.parameters.as_of}}"]


def _daily(
    catalogue: Catalogue, schedule: Mapping[str, Any], notebooks: Iterable[str], cron: str
) -> dict[str, Any]:
    """One task a group, after the groups it reads and after the one before it.

    Tables that go by name have no lock, and two builds at once could lose what the other noted in
    the file ledger, so the tasks form a line; each builds its tables side by side.
    """
    built = groups(catalogue, schedule)
    tasks: list[dict[str, Any]] = []
    for group in built:
        before = [task["task_key"] for task in tasks[-1:]]
        needs = [name for name in (g.name for g in built) if name in {*group.needs, *before}]
        task = _task(group.name, "build", [*group.tables, *_AS_OF])
        tasks.append(
            task | ({"depends_on": [{"task_key": name} for name in needs]} if needs else {})
        )
    last = [{"task_key": built[-1].name}]
    tasks += [_notebook(name) | {"depends_on": last} for name in notebooks]
    text = "Daily: from the landing files of the day to gold, the forecast's features, dashboards."
    return _job("daily", text, tasks, cron=cron, as_of="")


def _notebook(name: str) -> dict[str, Any]:
    """A task that runs a notebook, which only reads; its outputs stay with the run."""
    path = f"{_ROOT}/notebooks/{name}"
    return _running(
        f"dashboard_{name.removesuffix('.ipynb')}", notebook_task={"notebook_path": path}
    )


def _task(key: str, script: str, arguments: list[str]) -> dict[str, Any]:
    return _running(
        key,
        spark_python_task={
            "python_file": f"{_ROOT}/jobs/{script}.py",
            "parameters": [
                *arguments,
                "--env",
                "databricks",
                "--source",
                "{{job.parameters.source}}",
                "--landing",
                "{{job.parameters.landing}}",
                "--lake",
                "catalog:{{job.parameters.catalog}}",
            ],
        },
    )


def _running(key: str, **what: dict[str, Any]) -> dict[str, Any]:
    return {
        "task_key": key,
        "job_cluster_key": CLUSTER,
        **what,
        "libraries": [{"whl": f"{_ROOT}/dist/*.whl"}],
        # The first try says what went wrong; the second is clean where a file was only set aside.
        "max_retries": 2,
        "min_retry_interval_millis": 300_000,
        "retry_on_timeout": False,
        "timeout_seconds": 2 * _HOURS,
    }


def _job(
    name: str, description: str, tasks: list[dict[str, Any]], cron: str = "", **parameters: str
) -> dict[str, Any]:
    schedule = {"quartz_cron_expression": cron, "timezone_id": "UTC", "pause_status": "UNPAUSED"}
    taken = {
        "catalog": "${var.catalog}",
        "landing": "${var.landing}",
        "source": "${workspace.file_path}/conf/sources/home_improvement.yaml",
    } | parameters
    return {
        "name": f"retail-lakehouse-{name}-${{bundle.target}}",
        "description": description,
        **({"schedule": schedule} if cron else {}),
        "max_concurrent_runs": 1,
        "queue": {"enabled": True},
        "timeout_seconds": 6 * _HOURS,
        "health": {
            "rules": [{"metric": "RUN_DURATION_SECONDS", "op": "GREATER_THAN", "value": 2 * _HOURS}]
        },
        "email_notifications": {
            "on_failure": ["${var.alerts}"],
            "on_duration_warning_threshold_exceeded": ["${var.alerts}"],
        },
        "parameters": [{"name": key, "default": value} for key, value in taken.items()],
        "tags": {"project": "retail-lakehouse"},
        "job_clusters": [{"job_cluster_key": CLUSTER, "new_cluster": _cluster()}],
        "tasks": tasks,
    }


def _cluster() -> dict[str, Any]:
    utc = "-Duser.timezone=UTC"
    return {
        "spark_version": RUNTIME,
        "node_type_id": "${var.node_type}",
        "autoscale": {"min_workers": 1, "max_workers": 8},
        "data_security_mode": "SINGLE_USER",
        "spark_conf": {
            "spark.driver.extraJavaOptions": utc,
            "spark.executor.extraJavaOptions": utc,
            "spark.sql.session.timeZone": "UTC",
        },
        "spark_env_vars": {
            "LAKEHOUSE_CONF": "${workspace.file_path}/conf",
            "LAKEHOUSE_ENV": "databricks",
            "LAKEHOUSE_LAKE": "catalog:${var.catalog}",
            "TZ": "UTC",
        },
    }
