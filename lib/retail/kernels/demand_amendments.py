"""A state of demand brought to what its inputs say now, where they said something else before.

Totals of windows are sums, and so are the bits of days: they move by what a pair and day are now,
less what they were. When a pair was last seen, and since when it is known, are none: a later day
raises the first, and where a change may take a day away, or adds one before all that is known, the
days since one that no change reaches are asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retail.kernels.demand_state import (
    BITS,
    COUNTS,
    LONG_AGO,
    RANGED,
    REACH,
    SALES,
    STOCKED,
    WINDOWS,
    DemandState,
    day_number,
    has,
    marks_of,
    units_of,
)

Array = NDArray[Any]


@dataclass(frozen=True)
class _Changes:
    """What sales and counts say of pairs and days, and said before. Grain: pair and day."""

    pair: Array
    day: Array
    units: Array
    marks: Array
    units_before: Array
    marks_before: Array


def amend(state: DemandState, base: int) -> None:
    """Bring a state that was loaded of a base, which may be older than changes, to what these say."""
    changes = _changes(state, base)
    pair, ago, known = changes.pair, base - changes.day, state.known
    is_before = ago > 0
    stocked, was_stocked = has(changes.marks, STOCKED), has(changes.marks_before, STOCKED)

    def move(name: str, length: int, now: Array, before: Array) -> None:
        inside = is_before & (ago <= length)
        moved = now[inside].astype(np.int64) - before[inside]
        np.add.at(known[name], pair[inside], moved.astype(known[name].dtype))

    for length, (total, squares) in WINDOWS.items():
        move(total, length, changes.units, changes.units_before)
        if squares:
            move(squares, length, changes.units**2, changes.units_before**2)
    move("in_stock_days_28", 28, stocked, was_stocked)
    move("in_stock_units_28", 28, stocked * changes.units, was_stocked * changes.units_before)

    was_sold, is_sold = changes.units_before > 0, changes.units > 0
    bit = np.left_shift(np.int64(1), np.clip(ago - 1, 0, BITS - 1))
    move("sold_days_63", BITS, is_sold * bit, was_sold * bit)

    was_seen = was_sold | has(changes.marks_before, RANGED)
    is_seen = is_sold | has(changes.marks, RANGED)
    seen, since = known["last_seen_on"][pair], known["known_since"][pair]
    is_earlier = (seen == LONG_AGO) | ((since > changes.day) & (since > base - REACH))
    is_unsure = (was_seen & ~is_seen) | (is_seen & ~was_seen & is_earlier)
    np.maximum.at(known["last_seen_on"], pair[is_seen], changes.day[is_seen].astype(np.int32))
    _look_up_runs(state, np.unique(pair[is_unsure]), base)


def _changes(state: DemandState, base: int) -> _Changes:
    sales = _before(state, SALES, "sold_on", units_of, base)
    counts = _before(state, COUNTS, "snapshot_date", marks_of, base)
    state.fit()
    code = np.union1d(sales[0], counts[0])
    day, pair = code >> 32, code & 0xFFFFFFFF
    units, marks = np.zeros(len(code), np.int64), np.zeros(len(code), np.uint8)
    for one in np.unique(day):
        of_day = day == one
        units[of_day] = state.units(int(one))[pair[of_day]]
        marks[of_day] = state.marks(int(one))[pair[of_day]]
        state.forget(int(one), base)
    units_before, marks_before = units.copy(), marks.copy()
    units_before[np.searchsorted(code, sales[0])] = sales[1]
    marks_before[np.searchsorted(code, counts[0])] = counts[1]
    return _Changes(pair, day, units, marks, units_before, marks_before)


def _before(
    state: DemandState, name: str, column: str, told: Callable[[pa.Table], Array], base: int
) -> tuple[Array, Array]:
    """What an input said of the days up to the base and pairs of which it says something else now,
    each by a whole number, in order.
    """
    codes, values = [], []
    for rows in state.slice.amended_rows(name):
        days = rows[column].cast(pa.int32()).to_numpy().astype(np.int64)
        codes.append(days << 32 | state.pairs.numbers(rows))
        values.append(told(rows).astype(np.int64))
    every = np.unique(np.concatenate(codes))
    was, now = np.zeros(len(every), np.int64), np.zeros(len(every), np.int64)
    for side, code, some in zip((was, now), codes, values, strict=True):
        side[np.searchsorted(every, code)] = some
    differs = (was != now) & (every >> 32 <= base)
    return every[differs], was[differs]


def _look_up_runs(state: DemandState, pairs: Array, base: int) -> None:
    """On which day up to the base pairs were last seen, and since when they are known: the first of
    days none of which is more than REACH + 1 after the one before.

    From a day that no change reaches, if there is one, else from the first that may count.
    """
    if not pairs.size:
        return
    seen, since = np.full(pairs.size, LONG_AGO), np.full(pairs.size, LONG_AGO)
    start = base - 2 * REACH - 1
    if told := [day for day in state.slice.unchanged if day_number(day) < base]:
        start = day_number(max(told))
        days = ("store_id", "product_id", "known_days", "unseen_days")
        rows = state.slice.read(state.slice.table, max(told), days)
        numbers = state.pairs.numbers(rows)
        state.fit()
        place = np.full(len(state.pairs), -1)
        place[numbers] = np.arange(rows.num_rows)
        known = place[pairs] >= 0
        seen[known] = start - rows["unseen_days"].to_numpy()[place[pairs[known]]]
        since[known] = start - rows["known_days"].to_numpy()[place[pairs[known]]]
    for day in sorted(day for day in state.landed_days if start < day <= base):
        is_seen = (state.units(day)[pairs] > 0) | has(state.marks(day)[pairs], RANGED)
        since[is_seen & (day - seen > REACH + 1)] = day
        seen[is_seen] = day
        state.forget(day, base)
    state.known["last_seen_on"][pairs], state.known["known_since"][pairs] = seen, since
