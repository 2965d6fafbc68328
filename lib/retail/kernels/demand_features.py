"""Lag features of demand by numpy: the rows of mart_demand_forecast_input, carried day by day.

What the days before a day say of each pair lies in flat arrays. A day adds its few sales to them
and takes back those of the days that leave a window, so that only a day that is wanted costs work
for every pair.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakehouse import Slice
from retail.kernels.decimals import decimals, unscaled
from retail.kernels.pairs import Pairs, roomy

REACH = 364
LAGS = (1, 7, 14, 28, REACH)
SALES, COUNTS = "int_daily_sales", "fact_inventory_daily"
STATUSES = ("sold", "true_zero", "out_of_stock", "not_ranged")
_EPOCH = date(1970, 1, 1)
_LONG_AGO = -(10**6)
_STATE = (
    *("units_sum_7", "units_sum_28", "units_sum_91", "units_squares_28", "units_squares_91"),
    *("in_stock_days_28", "in_stock_units_28"),
)
_WINDOWS = {
    7: ("units_sum_7", None),
    28: ("units_sum_28", "units_squares_28"),
    91: ("units_sum_91", "units_squares_91"),
}


# What a count says of a pair, as bits: that there is one, that it was carried, that it had stock.
_COUNTED, _RANGED, _IN_STOCK = 1, 2, 4
_SOLD = 8  # beside them: that it sold
_STOCKED = _RANGED | _IN_STOCK


def demand_features(slice_: Slice) -> Iterator[tuple[date, pa.Table]]:
    """The wanted days of a slice in order, each with its rows."""
    starts = [days[0] for days in slice_.held.values() if days]
    walk = _Walk(slice_)
    if slice_.base:
        walk.load(slice_.base)
    wanted = {_number(one) for one in slice_.days}
    last = max(wanted)
    for day in range(_number(slice_.base or min(starts)), last):
        walk.observe(day)
        if day in wanted:
            yield _EPOCH + timedelta(day), walk.rows(day)
        walk.close(day)
    walk.observe(last)
    yield _EPOCH + timedelta(last), walk.rows(last)


class _Walk:
    """What is known of each pair at the opening of a day, and how a day changes it."""

    def __init__(self, slice_: Slice):
        self.slice = slice_
        self.pairs = Pairs()
        # By the number of a pair, with room for more, which is as pairs of which nothing is known.
        self.state: dict[str, NDArray[Any]] = {
            **{name: np.empty(0, np.int64 if "squares" in name else np.int32) for name in _STATE},
            **{name: np.empty(0, np.int32) for name in ("sold", "seen", "since")},
        }
        self.sold_on: dict[int, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}
        self.counted_on: dict[int, NDArray[np.uint8]] = {}
        self.orders: dict[tuple[str, ...], NDArray[np.int32]] = {}
        held = {_number(day) for days in (slice_.held[SALES], slice_.held[COUNTS]) for day in days}
        self.landed = held
        self.counted = {_number(day) for day in slice_.held[COUNTS]}

    def load(self, base: date) -> None:
        """Take up what the rows of an earlier day say."""
        columns = (
            "store_id",
            "product_id",
            *_STATE,
            "known_days",
            "unseen_days",
            "days_since_sale",
        )
        rows = self.slice.read(self.slice.table, base, columns)
        self.pairs.numbers(rows)  # from 0 on, as each is there once
        self._fit()
        day = _number(base)
        state = {name: known[: rows.num_rows] for name, known in self.state.items()}
        for name in _STATE:
            state[name][:] = rows[name]
        # A pair not sold for REACH days or more need not be told from one never sold.
        since_sale = rows["days_since_sale"].to_numpy()
        state["sold"][:] = np.where(since_sale < REACH, day - since_sale, _LONG_AGO)
        np.subtract(day, rows["known_days"], out=state["since"])
        np.subtract(day, rows["unseen_days"], out=state["seen"])

    def observe(self, day: int) -> None:
        """Take note of who is carried or sold on the day; first seen, they are known from it on."""
        sold = self._sales(day)[0]
        marks = self._counts(day) if day in self.counted else None
        seen, since = self.state["seen"], self.state["since"]
        since[sold[seen[sold] < day - 1 - REACH]] = day
        if marks is not None:  # else there is no work for every pair
            ranged = (marks & _RANGED).astype(bool)
            since[ranged & (seen < day - 1 - REACH)] = day
            seen[ranged] = day
        seen[sold] = day

    def close(self, day: int) -> None:
        """Move the windows on by the day: it enters, and the first day of each leaves."""
        sold = self._sales(day)
        self.state["sold"][sold[0]] = day
        self._add(sold, tuple(_WINDOWS), 1)
        self._stock(day, 1)
        for length in _WINDOWS:
            self._add(self._sales(day - length), (length,), -1)
        self._stock(day - 28, -1)
        self.sold_on.pop(day - 92, None)
        self.counted_on.pop(day - 28, None)

    def _add(self, sales: tuple[Any, Any], lengths: tuple[int, ...], sign: int) -> None:
        pairs, units = sales
        signed, squares = sign * units, sign * units.astype(np.int64) ** 2
        for total, total_of_squares in (_WINDOWS[length] for length in lengths):
            self.state[total][pairs] += signed
            if total_of_squares:
                self.state[total_of_squares][pairs] += squares

    def _stock(self, day: int, sign: int) -> None:
        """Count a day on which a pair was in stock, and what it sold on it."""
        if day not in self.counted:
            return
        pairs, units = self._sales(day)
        stocked = self._counts(day) & _STOCKED == _STOCKED
        move = np.add if sign > 0 else np.subtract
        days = self.state["in_stock_days_28"]
        move(days, stocked, out=days)
        both = stocked[pairs]
        self.state["in_stock_units_28"][pairs[both]] += sign * units[both]

    def _sales(self, day: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The pairs sold on a day, each once, and their units."""
        if day not in self.sold_on:
            pairs, rows = self._read(SALES, day, "gross_units")
            units = rows["gross_units"].to_numpy().astype(np.int32)
            if not (is_sold := units > 0).all():
                pairs, units = pairs[is_sold], units[is_sold]
            self.sold_on[day] = pairs, units
            self._fit()
        return self.sold_on[day]

    def _read(self, name: str, day: int, *columns: str) -> tuple[NDArray[np.int32], pa.Table]:
        """Columns of a day of an input, and the pairs of its rows, read where they may be others."""
        on = _EPOCH + timedelta(day)
        order = self.slice.order(name, on)
        if order and order in self.orders:
            return self.orders[order], self.slice.read(name, on, columns)
        rows = self.slice.read(name, on, ("store_id", "product_id", *columns))
        pairs = self.pairs.numbers(rows)
        if order:
            self.orders = {order: pairs}  # days that follow each other mostly hold the same pairs
        return pairs, rows.select(columns)

    def _counts(self, day: int) -> NDArray[np.uint8]:
        """What the counts of a day say of every pair, 0 where there is none."""
        if day not in self.counted_on:
            pairs, rows = self._read(COUNTS, day, "is_ranged", "is_in_stock")
            ranged, in_stock = (np.asarray(column, np.uint8) for column in rows.columns)
            self._fit()
            marks = np.zeros(len(self.state["seen"]), np.uint8)
            marks[pairs] = _COUNTED + _RANGED * ranged + _IN_STOCK * in_stock
            self.counted_on[day] = marks
        return self.counted_on[day]

    def rows(self, day: int) -> pa.Table:
        """The rows of a day that was observed and not closed yet."""
        for needed in (0, *LAGS):  # what brings new pairs comes before what has a place for each
            self._sales(day - needed)
        self._counts(day - 7)
        price_now, price_before = (
            self._amounts(day, "unit_price"),
            self._amounts(day - 7, "unit_price"),
        )
        # All of them, mostly: then nothing need be gathered.
        is_chosen = self.state["seen"][: len(self.pairs)] >= day - REACH
        chosen = slice(None) if is_chosen.all() else np.flatnonzero(is_chosen)
        state = {name: values[: len(self.pairs)][chosen] for name, values in self.state.items()}
        if day < _number(self.slice.days[-1]):  # what goes on may not alter what was made
            state = {name: values.copy() for name, values in state.items()}
        known = np.minimum(day - state["since"], REACH)
        observed = self._observed(day, chosen)
        price, is_priced = price_now[0][chosen], price_now[1][chosen]
        before, was_priced = price_before[0][chosen], price_before[1][chosen]
        lags = {
            f"units_lag_{k}": pa.array(self._units(day - k)[chosen], mask=known < k) for k in LAGS
        }
        covered = {n: self._covered(day, known, n) for n in (28, 91)}
        self.sold_on.pop(day - REACH, None)
        return pa.table(
            {
                **self.pairs.ids(chosen),
                **observed,
                **lags,
                **{name: state[name] for name in _STATE},
                "units_std_28": _deviation(state, 28, covered[28]),
                "units_std_91": _deviation(state, 91, covered[91]),
                "coverage_days_28": covered[28],
                "coverage_days_91": covered[91],
                "known_days": known,
                "unseen_days": day - state["seen"],
                "days_since_sale": np.minimum(day - state["sold"], REACH),
                "unit_price": decimals(price, is_priced),
                "price_change": decimals(price - before, is_priced & was_priced & (known >= 7)),
            }
        )

    def _observed(self, day: int, chosen: NDArray[np.int64] | slice) -> dict[str, Any]:
        """What the day itself says of the pairs ``chosen``."""
        marks, is_day = self._counts(day)[: len(self.pairs)][chosen], day in self.counted
        units, demand = self._units(day)[chosen], self._amounts(day, "daily_demand")[0][chosen]
        out = np.flatnonzero(marks & _STOCKED == _RANGED)
        estimated = units * np.int64(10_000)
        estimated[out] = np.maximum(estimated[out], demand[out])
        status = _status(is_day)[marks + _SOLD * (units > 0)]
        ranged, in_stock = (marks & _RANGED).astype(bool), (marks & _IN_STOCK).astype(bool)
        return {
            "demand_status": pa.DictionaryArray.from_arrays(
                pa.array(status, mask=status == len(STATUSES)), pa.array(STATUSES)
            ),
            "units": units,
            "is_ranged": pa.array(ranged, mask=None if is_day else ~ranged | ranged),
            "is_in_stock": pa.array(in_stock, mask=marks == 0),
            "estimated_demand": decimals(estimated),
        }

    def _amounts(self, day: int, column: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """What the counts of a day say in money or units, in ten-thousandths, and of which pairs."""
        pairs, rows = self._read(COUNTS, day, column)
        every, is_there = np.zeros(len(self.pairs), np.int64), np.zeros(len(self.pairs), bool)
        every[pairs], is_there[pairs] = unscaled(rows[column])
        return every, is_there

    def _units(self, day: int) -> NDArray[np.int32]:
        pairs, units = self._sales(day)
        every = np.zeros(len(self.pairs), np.int32)
        every[pairs] = units
        return every

    def _covered(self, day: int, known: NDArray[Any], length: int) -> NDArray[np.int32]:
        """Days among those before, at most ``length``, on which the pair was known and data landed."""
        there = [n <= length and day - n in self.landed for n in range(1, REACH + 1)]
        return np.concatenate([[0], np.cumsum(there)]).astype(np.int32).take(known)

    def _fit(self) -> None:
        """Give pairs that are new their place in every array."""
        count = len(self.pairs)
        if count > len(self.state["seen"]):
            for name, known in self.state.items():
                self.state[name] = roomy(known, count, _nothing(name))
            for day, marks in self.counted_on.items():
                self.counted_on[day] = roomy(marks, count, 0)


def _nothing(name: str) -> int:
    """What the state holds of pairs of which nothing is known."""
    return _LONG_AGO if name in ("sold", "seen", "since") else 0


def _status(is_day: bool) -> NDArray[np.int8]:
    """The number of a status by what a count says of a pair, and whether it sold; the last: none."""
    marks = np.arange(2 * _SOLD)
    out, ranged = marks & _STOCKED == _RANGED, marks & _RANGED > 0
    cases = [out, marks & _SOLD > 0, ranged, np.full(marks.size, is_day)]
    return np.select(cases, [2, 0, 1, 3], len(STATUSES)).astype(np.int8)


def _deviation(state: dict[str, NDArray[Any]], length: int, covered: NDArray[np.int32]) -> pa.Array:
    """Population standard deviation from whole-number sums: sqrt(n sum(x^2) - sum(x)^2) / n."""
    n, total = covered.astype(np.int64), state[f"units_sum_{length}"].astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(n * state[f"units_squares_{length}"] - total * total) / n
    return pa.array(found, mask=n == 0)


def _number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days
