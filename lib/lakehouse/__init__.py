"""The engine: tables as pure functions, kept right incrementally on Delta. Knows no retail."""

from lakehouse.declare import (
    by_commit,
    by_day,
    by_key,
    by_version,
    carry,
    changelog,
    conserved,
    days,
    expect,
    files,
    history,
    keys,
    setting,
    table,
    view,
    whole,
)
from lakehouse.errors import LakehouseError
from lakehouse.events import fixed_rows, newest_state
from lakehouse.landing.source import Contract
from lakehouse.quality import conform, sequence
from lakehouse.reading import Lake, lake
from lakehouse.slices import Slice
from lakehouse.snapshots import snapshot_events
from lakehouse.type2 import (
    NOT_APPLICABLE,
    UNKNOWN,
    always,
    surrogate_key,
    valid_at,
    versions,
    with_members,
)

__all__ = [
    "NOT_APPLICABLE",
    "UNKNOWN",
    "Contract",
    "Lake",
    "LakehouseError",
    "Slice",
    "always",
    "by_commit",
    "by_day",
    "by_key",
    "by_version",
    "carry",
    "changelog",
    "conform",
    "conserved",
    "days",
    "expect",
    "files",
    "fixed_rows",
    "history",
    "keys",
    "lake",
    "newest_state",
    "sequence",
    "setting",
    "snapshot_events",
    "surrogate_key",
    "table",
    "valid_at",
    "versions",
    "view",
    "whole",
    "with_members",
]
