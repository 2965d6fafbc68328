"""Daily at 06:00 UTC, from the day's landing files to gold, features and published notebooks.

Each task is a job of this project, sent by its spark-submit.sh; a run builds the day on which its
data interval starts, so `airflow backfill create --dag-id ecommerce_data_pipeline --from-date ...
--to-date ...` builds days again. A lake takes one build at a time, so tasks run one after another.
What stands between the marks is written by jobs/describe.py from the tables and conf/base.yaml.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import retail_webhook as webhook
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Param, TaskGroup
from airflow.timetables.interval import CronDataIntervalTimetable

# <groups>
CRON = "0 6 * * *"
GROUPS = {
    "ingestion": {
        "masters": [
            "raw_customers",
            "raw_products",
            "raw_stores",
        ],
        "inventory": [
            "raw_inventory_snapshots",
        ],
        "clickstream": [
            "raw_page_views",
        ],
        "transactions": [
            "raw_transactions",
        ],
    },
    "data_quality": {
        "staging": [
            "stg_stores",
            "int_store_zones",
            "stg_products",
            "stg_customers",
            "stg_transactions",
            "stg_inventory_snapshots",
            "stg_page_views",
        ],
    },
    "transformations": {
        "silver": [
            "int_customer_metrics",
            "int_daily_sales",
            "int_web_sessions",
        ],
        "gold": [
            "dim_product",
            "dim_store",
            "int_pooled_sales",
            "fact_sales",
            "int_product_performance",
            "customer_history",
            "dim_customer",
            "dim_date",
            "fact_inventory_daily",
            "mart_channel_performance",
            "mart_inventory_health",
            "mart_web_conversion",
            "restatements",
        ],
    },
    "analytics": {
        "forecast_features": [
            "mart_demand_forecast_input",
        ],
    },
}
NEEDS = {
    "masters": [],
    "inventory": [],
    "clickstream": [],
    "transactions": [],
    "staging": [
        "masters",
        "inventory",
        "clickstream",
        "transactions",
    ],
    "silver": [
        "staging",
    ],
    "gold": [
        "staging",
        "silver",
    ],
    "forecast_features": [
        "silver",
        "gold",
    ],
}
CHECKS = {
    "quality": "gold",
}
# </groups>

PROJECT = Path(os.environ.get("RETAIL_PROJECT") or Path(__file__).resolve().parents[2])
PLACES = [
    word
    for name in ("env", "source", "landing", "lake")
    for word in (f"--{name}", f"{{{{ params.{name} }}}}")
]


def submit(name: str, job: str, *words: str) -> SparkSubmitOperator:
    """A task that submits a job of the project, its words before those that all jobs take."""
    return SparkSubmitOperator(
        task_id=name,
        name=f"retail-{name}",
        conn_id="spark_default",
        spark_binary=str(PROJECT / "spark-submit.sh"),
        application=str(PROJECT / "jobs" / f"{job}.py"),
        application_args=[*words, *PLACES],
    )


with DAG(
    "ecommerce_data_pipeline",
    description="Landing files to gold, features and notebooks",
    schedule=CronDataIntervalTimetable(CRON, timezone="UTC"),
    start_date=datetime(2010, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,
    dagrun_timeout=timedelta(hours=6),
    params={
        "env": Param("local", type="string", description="conf/ENV.yaml"),
        "source": Param(str(PROJECT / "conf/sources/home_improvement.yaml"), type="string"),
        "landing": Param(str(PROJECT / "data/landing"), type="string"),
        "lake": Param(str(PROJECT / "data/lake"), type="string", description="folder or s3a://"),
        "published": Param(str(PROJECT / "data/published"), type="string"),
    },
    default_args={
        "retries": int(os.environ.get("RETAIL_RETRIES", "2")),
        "retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(hours=2),
        "on_failure_callback": webhook.failed,
        "on_retry_callback": webhook.tried_again,
        "on_success_callback": webhook.recovered,
    },
    tags=["retail"],
) as dag:
    tasks: dict[str, SparkSubmitOperator | BashOperator] = {}
    stages = {stage: TaskGroup(stage) for stage in GROUPS}
    for stage, groups in GROUPS.items():
        with stages[stage]:
            for group, tables in groups.items():
                day = ["--as-of", "{{ data_interval_start | ds }}"]
                tasks[group] = submit(group, "build", *tables, *day)
                for upstream in NEEDS[group]:
                    tasks[upstream] >> tasks[group]
    with stages["analytics"]:
        dashboards = BashOperator(
            task_id="dashboards",
            bash_command=(
                f"'{PROJECT}/.venv/bin/python' '{PROJECT}/jobs/notebooks.py'"
                " --env '{{ params.env }}' --lake '{{ params.lake }}'"
                " --output '{{ params.published }}/{{ data_interval_start | ds }}'"
            ),
        )
        list(tasks.values()) >> dashboards
    with stages["data_quality"]:
        for check, after in CHECKS.items():
            tasks[check] = submit(check, check)
            tasks[after] >> tasks[check]
    with TaskGroup("notify"):
        finished = PythonOperator(task_id="finished", python_callable=webhook.finished)
        [*tasks.values(), dashboards] >> finished
