"""Lag features of demand by numpy: the rows of mart_demand_forecast_input, carried day by day."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakehouse import Slice
from retail.kernels.decimals import decimals, unscaled
from retail.kernels.demand_state import (
    COUNTS,
    IN_STOCK,
    RANGED,
    REACH,
    STOCKED,
    TOTALS,
    DemandState,
    day_of,
    number,
)

LAGS = (1, 7, 14, 28, REACH)
STATUSES = ("sold", "true_zero", "out_of_stock", "not_ranged")
_SOLD = 8  # beside what a count says of a pair: that it sold


def demand_features(slice_: Slice) -> Iterator[tuple[date, pa.Table]]:
    """The wanted days of a slice in order, each with its rows."""
    starts = [days[0] for days in slice_.held.values() if days]
    state = DemandState(slice_)
    if slice_.base:
        state.load(slice_.base)
    wanted = {number(one) for one in slice_.days}
    last = max(wanted)
    for day in range(number(slice_.base or min(starts)), last):
        state.observe(day)
        if day in wanted:
            # What goes on may not alter what was made.
            yield day_of(day), _rows(state, day, is_last=False)
        state.close(day)
    state.observe(last)
    yield day_of(last), _rows(state, last, is_last=True)


def _rows(state: DemandState, day: int, is_last: bool) -> pa.Table:
    """The rows of a day that was observed and not closed yet."""
    for needed in (0, *LAGS):  # what brings new pairs comes before what has a place for each
        state.sales(day - needed)
    state.counts(day - 7)
    price_now, price_before = (_amounts(state, on, "unit_price") for on in (day, day - 7))
    count = len(state.pairs)
    # All of them, mostly: then nothing need be gathered.
    is_chosen = state.known["seen"][:count] >= day - REACH
    chosen = slice(None) if is_chosen.all() else np.flatnonzero(is_chosen)
    values = {name: known[:count][chosen] for name, known in state.known.items()}
    if not is_last:
        values = {name: some.copy() for name, some in values.items()}
    known = np.minimum(day - values["since"], REACH)
    observed = _observed(state, day, chosen)
    price, is_priced = price_now[0][chosen], price_now[1][chosen]
    before, was_priced = price_before[0][chosen], price_before[1][chosen]
    lags = {f"units_lag_{k}": pa.array(state.units(day - k)[chosen], mask=known < k) for k in LAGS}
    covered = {n: _covered(state, day, known, n) for n in (28, 91)}
    state.sold_on.pop(day - REACH, None)
    return pa.table(
        {
            **state.pairs.ids(chosen),
            **observed,
            **lags,
            **{name: values[name] for name in TOTALS},
            "units_std_28": _deviation(values, 28, covered[28]),
            "units_std_91": _deviation(values, 91, covered[91]),
            "coverage_days_28": covered[28],
            "coverage_days_91": covered[91],
            "known_days": known,
            "unseen_days": day - values["seen"],
            "days_since_sale": np.minimum(day - values["sold"], REACH),
            "unit_price": decimals(price, is_priced),
            "price_change": decimals(price - before, is_priced & was_priced & (known >= 7)),
        }
    )


def _observed(state: DemandState, day: int, chosen: NDArray[np.int64] | slice) -> dict[str, Any]:
    """What the day itself says of the pairs ``chosen``."""
    marks, is_day = state.counts(day)[: len(state.pairs)][chosen], day in state.counted
    units, demand = state.units(day)[chosen], _amounts(state, day, "daily_demand")[0][chosen]
    out = np.flatnonzero(marks & STOCKED == RANGED)
    estimated = units * np.int64(10_000)
    estimated[out] = np.maximum(estimated[out], demand[out])
    status = _status(is_day)[marks + _SOLD * (units > 0)]
    ranged, in_stock = (marks & RANGED).astype(bool), (marks & IN_STOCK).astype(bool)
    return {
        "demand_status": pa.DictionaryArray.from_arrays(
            pa.array(status, mask=status == len(STATUSES)), pa.array(STATUSES)
        ),
        "units": units,
        "is_ranged": pa.array(ranged, mask=None if is_day else ~ranged | ranged),
        "is_in_stock": pa.array(in_stock, mask=marks == 0),
        "estimated_demand": decimals(estimated),
    }


def _amounts(
    state: DemandState, day: int, column: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What the counts of a day say in money or units, in ten-thousandths, and of which pairs."""
    pairs, rows = state.read(COUNTS, day, column)
    every, is_there = np.zeros(len(state.pairs), np.int64), np.zeros(len(state.pairs), bool)
    every[pairs], is_there[pairs] = unscaled(rows[column])
    return every, is_there


def _covered(state: DemandState, day: int, known: NDArray[Any], length: int) -> NDArray[np.int32]:
    """Days among those before, at most ``length``, on which the pair was known and data landed."""
    there = [n <= length and day - n in state.landed for n in range(1, REACH + 1)]
    return np.concatenate([[0], np.cumsum(there)]).astype(np.int32).take(known)


def _status(is_day: bool) -> NDArray[np.int8]:
    """The number of a status by what a count says of a pair, and whether it sold; the last: none."""
    marks = np.arange(2 * _SOLD)
    out, ranged = marks & STOCKED == RANGED, marks & RANGED > 0
    cases = [out, marks & _SOLD > 0, ranged, np.full(marks.size, is_day)]
    return np.select(cases, [2, 0, 1, 3], len(STATUSES)).astype(np.int8)


def _deviation(
    values: dict[str, NDArray[Any]], length: int, covered: NDArray[np.int32]
) -> pa.Array:
    """Population standard deviation from whole-number sums: sqrt(n sum(x^2) - sum(x)^2) / n."""
    n, total = covered.astype(np.int64), values[f"units_sum_{length}"].astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(n * values[f"units_squares_{length}"] - total * total) / n
    return pa.array(found, mask=n == 0)
