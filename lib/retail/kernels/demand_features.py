"""Lag features of demand by numpy: the rows of mart_demand_forecast_input, carried day by day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakehouse import Slice
from retail.kernels.decimals import decimals, unscaled
from retail.kernels.demand_amendments import amend
from retail.kernels.demand_state import (
    BITS,
    COUNTS,
    IN_STOCK,
    RANGED,
    REACH,
    STOCKED,
    TOTALS,
    DemandState,
    day_number,
    day_of,
    has,
)
from retail.kernels.pairs import blocks

LAGS = (1, 7, 14, 28, REACH)
STATUSES = ("sold", "true_zero", "out_of_stock", "not_ranged")
_SOLD = 8  # beside what a count says of a pair: that it sold
Amounts = tuple[NDArray[np.int64], NDArray[np.bool_]]


def demand_features(slice_: Slice) -> Iterator[tuple[date, pa.Table]]:
    """The wanted days of a slice in order, each with a row per pair that is known on it."""
    starts = [days[0] for days in slice_.held.values() if days]
    state = DemandState(slice_)
    if slice_.base:
        state.load(slice_.base)
        amend(state, day_number(slice_.base))
    wanted = {day_number(one) for one in slice_.days}
    last = max(wanted)
    for day in range(day_number(slice_.base or min(starts)), last):
        state.observe(day)
        if day in wanted:
            # What goes on may not alter what was made.
            yield day_of(day), _rows(state, day, is_last=False)
        state.close(day)
    state.observe(last)
    yield day_of(last), _rows(state, last, is_last=True)


@dataclass(frozen=True)
class _Day:
    """What a day's rows are made of, by the number of a pair: units of the day and of its lags, and
    what its counts say.
    """

    number: int
    units: dict[int, NDArray[np.int32]]
    marks: NDArray[np.uint8]
    is_counted: bool
    demand: Amounts
    price: Amounts
    price_before: Amounts
    covered: dict[int, NDArray[np.int32]]


def _rows(state: DemandState, day: int, is_last: bool) -> pa.Table:
    """The rows of a day that was observed and not closed yet."""
    for needed in (0, *LAGS):  # what brings new pairs comes before what has a place for each
        state.sales(day - needed)
    state.counts(day - 7)
    price, demand = _amounts(state, day, "unit_price"), _amounts(state, day, "daily_demand")
    of_day = _Day(
        day,
        {ago: state.units(day - ago) for ago in (0, *LAGS)},
        state.counts(day),
        day in state.counted_days,
        demand,
        price,
        _amounts(state, day - 7, "unit_price"),
        {length: _covered(state, day, length) for length in (28, 91)},
    )
    state.sales_by_day.pop(day - REACH, None)
    # All of them, mostly: then nothing need be gathered.
    is_chosen = state.known["last_seen_on"][: len(state.pairs)] >= day - REACH
    chosen = None if is_chosen.all() else np.flatnonzero(is_chosen)
    parts = [
        _block(state, of_day, block if chosen is None else chosen[block], is_last)
        for block in blocks(len(state.pairs) if chosen is None else len(chosen))
    ]
    return pa.concat_tables(parts)


def _block(
    state: DemandState, day: _Day, chosen: NDArray[np.int64] | slice, is_last: bool
) -> pa.Table:
    """The rows of some pairs."""
    values = {name: some[chosen] for name, some in state.known.items()}
    if not is_last:
        values = {name: some.copy() for name, some in values.items()}
    known = np.minimum(day.number - values["known_since"], REACH)
    covered = {length: days.take(known) for length, days in day.covered.items()}
    (price, is_priced), (before, was_priced) = (
        (amounts[chosen], there[chosen]) for amounts, there in (day.price, day.price_before)
    )
    return pa.table(
        {
            **state.pairs.ids(chosen),
            **_observed(day, chosen),
            **{f"units_lag_{k}": pa.array(day.units[k][chosen], mask=known < k) for k in LAGS},
            **{name: values[name] for name in TOTALS},
            **{f"units_std_{n}": _deviation(values, n, covered[n]) for n in covered},
            **{f"coverage_days_{n}": covered[n] for n in covered},
            "known_days": known,
            "unseen_days": day.number - values["last_seen_on"],
            "days_since_sale": _days_since(values["sold_days_63"]),
            "unit_price": decimals(price, is_priced),
            "price_change": decimals(price - before, is_priced & was_priced & (known >= 7)),
        }
    )


def _observed(day: _Day, chosen: NDArray[np.int64] | slice) -> dict[str, Any]:
    """What the day itself says of some pairs."""
    marks, units, demand = day.marks[chosen], day.units[0][chosen], day.demand[0][chosen]
    out = np.flatnonzero(marks & STOCKED == RANGED)
    estimated = units * np.int64(10_000)
    estimated[out] = np.maximum(estimated[out], demand[out])
    status = _status(day.is_counted)[marks + _SOLD * (units > 0)]
    ranged, in_stock = has(marks, RANGED), has(marks, IN_STOCK)
    return {
        "demand_status": pa.DictionaryArray.from_arrays(
            pa.array(status, mask=status == len(STATUSES)), pa.array(STATUSES)
        ),
        "units": units,
        "is_ranged": pa.array(ranged, mask=None if day.is_counted else ~ranged | ranged),
        "is_in_stock": pa.array(in_stock, mask=marks == 0),
        "estimated_demand": decimals(estimated),
    }


def _amounts(state: DemandState, day: int, column: str) -> Amounts:
    """What the counts of a day say in money or units, in ten-thousandths, and of which pairs."""
    pairs, rows = state.read(COUNTS, day, column)
    every, is_there = np.zeros(len(state.pairs), np.int64), np.zeros(len(state.pairs), bool)
    every[pairs], is_there[pairs] = unscaled(rows[column])
    return every, is_there


def _covered(state: DemandState, day: int, length: int) -> NDArray[np.int32]:
    """Of the days before, at most ``length``, those on which data landed: by how many of the days
    before a pair has been known.
    """
    there = [n <= length and day - n in state.landed_days for n in range(1, REACH + 1)]
    return np.concatenate([[0], np.cumsum(there)]).astype(np.int32)


def _status(is_day: bool) -> NDArray[np.int8]:
    """The number of a status by what a count says of a pair, and whether it sold; the last: none."""
    marks = np.arange(2 * _SOLD)
    out, ranged = marks & STOCKED == RANGED, marks & RANGED > 0
    cases = [out, marks & _SOLD > 0, ranged, np.full(marks.size, is_day)]
    return np.select(cases, [2, 0, 1, 3], len(STATUSES)).astype(np.int8)


def _days_since(bits: NDArray[np.int64]) -> NDArray[np.int32]:
    """The place of the lowest bit, from 1; behind all of them where none is set."""
    place = np.frexp((bits & -bits).astype(np.float64))[1]  # a power of two is told exactly
    return np.where(bits, place, BITS + 1).astype(np.int32)


def _deviation(
    values: dict[str, NDArray[Any]], length: int, covered: NDArray[np.int32]
) -> pa.Array:
    """Population standard deviation from whole-number sums: sqrt(n sum(x^2) - sum(x)^2) / n."""
    n, total = covered.astype(np.int64), values[f"units_sum_{length}"].astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(n * values[f"units_squares_{length}"] - total * total) / n
    return pa.array(found, mask=n == 0)
