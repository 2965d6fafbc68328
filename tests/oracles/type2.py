"""The illnesses of a type-2 table in plain Python: lists, sorting and one walk a key."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

FOREVER = datetime.max
Key = tuple[Any, ...]


class Version(NamedTuple):
    """One row; an end that is None is open."""

    key: Key
    start: datetime | None
    end: datetime | None
    is_current: bool | None
    attributes: tuple[Any, ...]
    surrogate: int


class Fact(NamedTuple):
    """What points at a version by its surrogate key."""

    points_at: int | None
    at: datetime | None


def illnesses(rows: Iterable[Version]) -> Counter[tuple[str, Key]]:
    """How many rows are wrong, by illness and key; members 0 and -1 are left out."""
    found: Counter[tuple[str, Key]] = Counter()
    by_key: dict[Key, list[Version]] = {}
    for row in rows:
        if row.surrogate not in (0, -1):
            by_key.setdefault(row.key, []).append(row)
    for key, versions in by_key.items():
        if None in key:
            found["null_key", key] += len(versions)
        else:
            found.update({(name, key): n for name, n in _of_key(versions).items()})
    return +found


def _of_key(versions: list[Version]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in versions:
        found["wrong_current"] += row.is_current is not (row.end is None)
        found["null_start"] += row.start is None
    placed = [(row, row.start, row.end or FOREVER) for row in versions if row.start]
    found["empty_interval"] += sum(end <= start for _, start, end in placed)
    # Of repeated intervals the one that is current, then the one with the least attributes, stays.
    placed.sort(key=lambda r: (r[1], r[2], r[0].is_current is not True, _order(r[0].attributes)))
    once = {(start, end): row for row, start, end in reversed(placed)}
    found["duplicate_version"] += len(placed) - len(once)
    found["several_current"] += max(0, sum(row.is_current is True for row in once.values()) - 1)
    found["no_open_version"] += bool(placed) and not any(row.end is None for row, _, _ in placed)
    return found + _walked(sorted((s, e, once[s, e].attributes) for s, e in once if e > s))


def _walked(spans: Sequence[tuple[datetime, datetime, tuple[Any, ...]]]) -> Counter[str]:
    """Overlaps, gaps and equal neighbours, from one interval to the next in time."""
    found: Counter[str] = Counter()
    reached = spans[0][1] if spans else FOREVER
    for (_, end, before), (start, next_end, attributes) in pairwise(spans):
        found["overlap"] += start < reached
        found["gap"] += start > reached
        found["equal_neighbours"] += start == end and attributes == before
        reached = max(reached, next_end)
    return found


def _order(attributes: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """Nulls before values, as Spark sorts them."""
    return [(value is not None, value) for value in attributes]


def facts_wrong(facts: Iterable[Fact], rows: Sequence[Version]) -> Counter[tuple[str, Any]]:
    """Facts by illness and by the key of their version, or what they point by if there is none."""
    found: Counter[tuple[str, Any]] = Counter()
    for fact in facts:
        if fact.points_at in (0, -1):
            continue
        meant = [row for row in rows if row.surrogate == fact.points_at]
        if not meant:
            found["fact_without_version", fact.points_at] += 1
        elif not any(_holds(row, fact.at) for row in meant):
            found["fact_out_of_time", meant[0].key] += 1
    return found


def _holds(row: Version, at: datetime | None) -> bool:
    return bool(row.start and at and row.start <= at < (row.end or FOREVER))
