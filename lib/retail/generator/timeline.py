"""When masters change: everything on the first day, then only what changed that day."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retail.generator.hashing import Numbers, pick
from retail.generator.places import CITIES, hours_behind_utc
from retail.generator.rows import Rows, stacked

# A change is true from this hour (UTC): after the last sale of the day before in Hawaii (21:00
# there is 07:00), before the first sale of the day in New York (08:00 there is 12:00).
CHANGE_HOUR = 9

State = Mapping[str, NDArray[Any]]


def moment(day: Numbers) -> Numbers:
    """The second at which a change of the day becomes true."""
    return day * 86_400 + CHANGE_HOUR * 3_600


def instant_sql(second: str) -> str:
    """The instant of a second since 1970-01-01, in DuckDB's SQL."""
    return f"to_timestamp({second})"


def hours_to_utc(city: Numbers, day: Numbers, first: int, last: int) -> Numbers:
    """Hours to add to a city's clock, by the number of the city, for UTC on days of a range."""
    ahead = [hours_behind_utc(place, on) for place in CITIES for on in range(first, last + 1)]
    return pick(ahead, city * (last - first + 1) + day - first)


def changed(
    start: int, end: int, exists: Callable[[int], NDArray[np.bool_]], state: Callable[[int], State]
) -> Rows:
    """One row per entity and day on which a file holds it, ordered by day, with its state.

    That is the first day, and each on which it is new or other than the day before. ``place`` is the
    entity's own among those that ``exists`` and ``state`` speak of.
    """
    parts: list[Rows] = []
    there = np.zeros(1, np.bool_)
    earlier: State = {}
    for day in range(start, end + 1):
        now = state(day)
        same = there
        for name, value in now.items():
            same = same & (value == earlier.get(name))
        place = np.flatnonzero(exists(day) & ~same)
        parts.append(
            {"place": place, "day": np.full(len(place), day)}
            | {name: value[place] for name, value in now.items()}
        )
        there, earlier = exists(day), now
    return stacked(parts)
