"""What a webhook is told, in the forms of Slack and PagerDuty."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from places import ROOT

sys.path.append(str(ROOT / "conf" / "airflow"))
import retail_webhook as webhook


@pytest.fixture
def context() -> dict[str, Any]:
    """Airflow's, of a task that failed."""
    task = SimpleNamespace(
        dag_id="pipeline", task_id="ingestion.masters", try_number=3, log_url="http://airflow/log"
    )
    run = SimpleNamespace(data_interval_start=datetime(2026, 6, 29, 6, tzinfo=UTC), run_id="daily")
    lines = [*(f"line {n}" for n in range(40)), "&" * 5000, "no landing folder"]
    return {"task_instance": task, "dag_run": run, "exception": RuntimeError("\n".join(lines))}


def test_an_event_says_what_failed_for_which_day_and_the_last_that_the_job_said(
    context: dict[str, Any],
) -> None:
    event = webhook.message(context, "failed", "error")
    assert webhook.summary(event) == "pipeline: ingestion.masters failed for 2026-06-29"
    assert event["said"].splitlines()[-1] == "no landing folder"
    assert len(event["said"].splitlines()) == webhook.LINES


def test_slack_gets_text_for_the_notice_and_a_block_with_the_details(
    context: dict[str, Any],
) -> None:
    sent = webhook.slack(webhook.message(context, "failed", "error"))
    assert sent["text"] == ":red_circle: pipeline: ingestion.masters failed for 2026-06-29"
    block = sent["blocks"][0]["text"]
    assert block["type"] == "mrkdwn"
    assert len(block["text"]) <= 3000  # Slack's limit
    for told in ("no landing folder", "try 3", "<http://airflow/log|log>"):
        assert told in block["text"]


def test_pagerduty_gets_one_incident_a_task_and_day(context: dict[str, Any]) -> None:
    sent = webhook.pagerduty(webhook.message(context, "failed", "error"), "a-key")
    assert (sent["routing_key"], sent["event_action"]) == ("a-key", "trigger")
    assert sent["dedup_key"] == "pipeline/ingestion.masters/2026-06-29"
    assert sent["payload"]["severity"] == "error"
    assert sent["payload"]["custom_details"]["said"].endswith("no landing folder")


def test_a_summary_that_is_longer_than_pagerduty_takes_is_cut(context: dict[str, Any]) -> None:
    context["task_instance"].task_id = "t" * 5000
    sent = webhook.pagerduty(webhook.message(context, "failed", "error"), "a-key")
    assert len(sent["payload"]["summary"]) == 1024


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (None, "Nobody is told (pipeline: ingestion.masters failed for 2026-06-29)"),
        (
            {"url": "http://127.0.0.1:9/hook"},
            "The webhook of the connection retail_webhook was not",
        ),
        ({"url": "no address"}, "The webhook of the connection retail_webhook was not"),
        ({}, "The webhook of the connection retail_webhook was not"),
    ],
    ids=["no connection", "a dead address", "no address", "no url"],
)
def test_a_webhook_that_cannot_be_told_is_logged_and_fails_nothing(
    context: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    extra: dict[str, str] | None,
    said: str,
) -> None:
    class Connections:
        """Airflow's, which is not installed here."""

        @staticmethod
        def get_connection(name: str) -> SimpleNamespace:
            if extra is None:
                raise LookupError(name)
            return SimpleNamespace(extra_dejson=extra)

    sdk = SimpleNamespace(BaseHook=Connections)
    monkeypatch.setitem(sys.modules, "airflow", SimpleNamespace(sdk=sdk))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    webhook.failed(context)
    assert said in caplog.text


def test_what_a_job_says_does_not_mark_up_slack(context: dict[str, Any]) -> None:
    context["exception"] = RuntimeError("expected <int> & more")
    sent = webhook.slack(webhook.message(context, "failed", "error"))
    assert "expected &lt;int&gt; &amp; more" in sent["blocks"][0]["text"]["text"]


def test_a_task_that_is_done_after_all_ends_its_incident_and_a_run_that_is_done_makes_none(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(webhook, "send", sent.append)
    webhook.recovered(context)
    webhook.finished(**context)
    context["task_instance"].try_number = 1
    webhook.recovered(context)
    assert [webhook.summary(event) for event in sent] == [
        "pipeline: ingestion.masters is done after all for 2026-06-29",
        "pipeline finished for 2026-06-29",
    ]
    ends = [webhook.pagerduty(event, "a-key") for event in sent]
    key = "pipeline/ingestion.masters/2026-06-29"
    assert ends == [{"routing_key": "a-key", "event_action": "resolve", "dedup_key": key}, None]
