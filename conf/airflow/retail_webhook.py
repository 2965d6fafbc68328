"""What a webhook is told of a task that failed, or of a run that is done: Slack, PagerDuty.

The connection retail_webhook says where, and in which form:
AIRFLOW_CONN_RETAIL_WEBHOOK=
    '{"conn_type": "http", "extra": {"url": "https://...", "form": "slack"}}'
or "form": "pagerduty" with "routing_key". Without one nobody is told, and the log says so.
"""

import json
import logging
import urllib.request
from collections.abc import Mapping
from typing import Any

CONNECTION = "retail_webhook"
# The last lines of what a job said hold its refusal, or the table that stopped.
LINES = 15
log = logging.getLogger(__name__)


def failed(context: Mapping[str, Any]) -> None:
    """Tell that a task has failed for good."""
    send(message(context, "failed", "error"))


def tried_again(context: Mapping[str, Any]) -> None:
    """Tell that a task failed and will be tried again: a file set aside is told here."""
    send(message(context, "failed and is tried again", "warning"))


def recovered(context: Mapping[str, Any]) -> None:
    """Tell of a task that was tried again that it is done; of all others nothing."""
    if context["task_instance"].try_number > 1:
        send(message(context, "is done after all", "info"))


def finished(**context: Any) -> None:
    """Tell that every task of the run is done."""
    task = context["task_instance"]
    send(message(context, "finished", "info") | {"task": "", "key": f"{task.dag_id}/run"})


def message(context: Mapping[str, Any], what: str, severity: str) -> dict[str, Any]:
    """One event: what happened to which task of which day, and what the job said at the end."""
    task, run = context["task_instance"], context["dag_run"]
    day = f"{run.data_interval_start:%Y-%m-%d}" if run.data_interval_start else run.run_id
    said = str(context.get("exception") or "").strip().splitlines()[-LINES:]
    return {
        "pipeline": task.dag_id,
        "what": what,
        "severity": severity,
        "key": f"{task.dag_id}/{task.task_id}/{day}",
        "task": task.task_id,
        "day": day,
        "run": run.run_id,
        "try": task.try_number,
        "said": "\n".join(said),
        "log": getattr(task, "log_url", None) or "",
    }


def summary(event: Mapping[str, Any]) -> str:
    """The event in one line."""
    subject = f"{event['pipeline']}: {event['task']}" if event["task"] else event["pipeline"]
    return f"{subject} {event['what']} for {event['day']}"


def slack(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event for a Slack incoming webhook."""
    colour = {"error": "red", "warning": "large_yellow", "info": "large_green"}[event["severity"]]
    text = f":{colour}_circle: {summary(event)}"
    body = f"*{text}*\nrun {event['run']}, try {event['try']}"
    said = event["said"][-2000:].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body += f"\n```{said[-2500:]}```" if said else ""
    body += f"\n<{event['log']}|log>" if event["log"] else ""
    return {"text": text, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": body}}]}


def pagerduty(event: Mapping[str, Any], routing_key: str) -> dict[str, Any] | None:
    """For PagerDuty's Events API v2: an incident, or its end; none of a run that is done."""
    if event["severity"] == "info":
        end = {"routing_key": routing_key, "event_action": "resolve", "dedup_key": event["key"]}
        return end if event["task"] else None
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": event["key"],
        "payload": {
            "summary": summary(event)[:1024],
            "source": "airflow",
            "severity": event["severity"],
            "component": event["task"],
            "group": event["pipeline"],
            "custom_details": {name: event[name] for name in ("day", "run", "try", "said", "log")},
        },
    }


def send(event: Mapping[str, Any]) -> None:
    """Post the event; what goes wrong here is logged and fails nothing."""
    from airflow.sdk import BaseHook

    try:
        extra = BaseHook.get_connection(CONNECTION).extra_dejson
    except Exception:
        log.warning("Nobody is told (%s): there is no connection %s.", summary(event), CONNECTION)
        return
    form = extra.get("form", "slack")
    body = pagerduty(event, extra.get("routing_key", "")) if form == "pagerduty" else slack(event)
    if body is None:
        return
    try:
        request = urllib.request.Request(
            extra["url"], json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=20).close()
    except Exception:
        log.exception("The webhook of the connection %s was not told.", CONNECTION)
