"""Type-2 history in plain Python, lists and sorting: what the engine must give for one key."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

BEGINNING, OPEN_END = datetime(1900, 1, 1), datetime(9999, 12, 31)


@dataclass(frozen=True)
class Event:
    """What was said of a key: ``values`` as (name, value) pairs, from ``instant`` on."""

    instant: datetime
    event_no: int
    operation: str
    values: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Version:
    """What holds of a key in [valid_from, valid_to)."""

    valid_from: datetime
    valid_to: datetime
    values: tuple[tuple[str, Any], ...]


def untied(events: Iterable[Event]) -> list[Event]:
    """The events in order, repeats once, without those that share a moment and differ."""
    moments: dict[tuple[datetime, int], set[Event]] = defaultdict(set)
    for event in events:
        moments[(event.instant, event.event_no)].add(event)
    return [next(iter(moments[at])) for at in sorted(moments) if len(moments[at]) == 1]


def versions(
    events: Iterable[Event],
    tracked: Sequence[str],
    last_known: Sequence[str] = (),
    first_version: str = "1900",
) -> list[Version]:
    """The versions of one key, oldest first."""
    states: dict[datetime, dict[str, Any] | None] = {}
    state: dict[str, Any] | None = None
    newest: dict[str, Any] = {}
    for event in untied(events):
        if event.operation == "delete":
            state = None
        else:
            before, said = state or {}, dict(event.values)
            kept = {n: before.get(n) for n in last_known if said[n] is None}
            state = newest = said | kept
        states[event.instant] = state
    found: list[Version] = []
    last: dict[str, Any] | None = None
    for number, (instant, now) in enumerate(states.items()):
        if now is not None and last is not None and all(now[n] == last[n] for n in tracked):
            continue
        if last is not None:
            found[-1] = Version(found[-1].valid_from, instant, found[-1].values)
        if now is not None:
            early = number == 0 and first_version == "1900"
            start = min(instant, BEGINNING) if early else instant
            values = newest | {n: now[n] for n in tracked}
            found.append(Version(start, OPEN_END, tuple(sorted(values.items()))))
        last = now
    return found
