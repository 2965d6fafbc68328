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
from retail.kernels.pairs import Pairs

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
_STOCKED = _RANGED | _IN_STOCK


def demand_features(slice_: Slice) -> Iterator[tuple[date, pa.Table]]:
    """The wanted days of a slice in order, each with its rows."""
    starts = [days[0] for days in slice_.held.values() if days]
    walk = _Walk(slice_)
    day = _number(slice_.base or min(starts))
    if slice_.base:
        walk.load(slice_.base)
    wanted = {_number(one) for one in slice_.days}
    while day <= max(wanted):
        walk.observe(day)
        if day in wanted:
            yield _EPOCH + timedelta(day), walk.rows(day)
        walk.close(day)
        day += 1


class _Walk:
    """What is known of each pair at the opening of a day, and how a day changes it."""

    def __init__(self, slice_: Slice):
        self.slice = slice_
        self.pairs = Pairs()
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
        pairs = self.pairs.numbers(rows)
        self._fit()
        day = _number(base)
        said = {name: rows[name].to_numpy() for name in columns[2:]}
        for name in _STATE:
            self.state[name][pairs] = said[name]
        # A pair not sold for REACH days or more need not be told from one never sold.
        since_sale = said["days_since_sale"]
        self.state["sold"][pairs] = np.where(since_sale < REACH, day - since_sale, _LONG_AGO)
        self.state["since"][pairs] = day - said["known_days"]
        self.state["seen"][pairs] = day - said["unseen_days"]

    def observe(self, day: int) -> None:
        """Take note of who is carried or sold on the day; first seen, they are known from it on."""
        sold, marks = self._sales(day)[0], self._counts(day)
        seen, since = self.state["seen"], self.state["since"]
        since[sold[day - 1 - seen[sold] > REACH]] = day
        if day in self.counted:  # else there is no work for every pair
            ranged = marks & _RANGED > 0
            since[ranged & (day - 1 - seen > REACH)] = day
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
        for length in lengths:
            total, squares = _WINDOWS[length]
            self.state[total][pairs] += sign * units
            if squares:
                self.state[squares][pairs] += sign * units.astype(np.int64) ** 2

    def _stock(self, day: int, sign: int) -> None:
        """Count a day on which a pair was in stock, and what it sold on it."""
        if day not in self.counted:
            return
        pairs, units = self._sales(day)
        stocked = self._counts(day) & _STOCKED == _STOCKED
        self.state["in_stock_days_28"] += sign * stocked.astype(np.int32)
        both = stocked[pairs]
        self.state["in_stock_units_28"][pairs[both]] += sign * units[both]

    def _sales(self, day: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The pairs sold on a day, each once, and their units."""
        if day not in self.sold_on:
            pairs, rows = self._read(SALES, day, "gross_units")
            units = rows["gross_units"].to_numpy().astype(np.int32)
            self.sold_on[day] = pairs[units > 0], units[units > 0]
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
            marks = np.zeros(len(self.pairs), np.uint8)
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
        chosen = np.flatnonzero(day - self.state["seen"] <= REACH)
        state = {name: values[chosen] for name, values in self.state.items()}
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

    def _observed(self, day: int, chosen: NDArray[np.int64]) -> dict[str, Any]:
        """What the day itself says of the pairs ``chosen``."""
        marks = self._counts(day)[chosen]
        ranged, in_stock = marks & _RANGED > 0, marks & _IN_STOCK > 0
        units, is_day = self._units(day)[chosen], np.full(len(chosen), day in self.counted)
        out = ranged & ~in_stock
        demand = self._amounts(day, "daily_demand")[0][chosen]
        estimated = np.maximum(units * np.int64(10_000), np.where(out, demand, 0))
        status = np.select([out, units > 0, ranged, is_day], [2, 0, 1, 3], 4).astype(np.int8)
        return {
            "demand_status": pa.DictionaryArray.from_arrays(
                pa.array(status, mask=status == 4), pa.array(STATUSES)
            ),
            "units": units,
            "is_ranged": pa.array(ranged, mask=~is_day),
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
        there = [day - n in self.landed for n in range(1, length + 1)]
        return np.concatenate([[0], np.cumsum(there)]).astype(np.int32)[np.minimum(known, length)]

    def _fit(self) -> None:
        """Give pairs that are new their place in every array."""
        more = len(self.pairs) - len(self.state["seen"])
        if more:
            for name, known in self.state.items():
                nothing = _LONG_AGO if name in ("sold", "seen", "since") else 0
                self.state[name] = np.concatenate([known, np.full(more, nothing, known.dtype)])
            for day, marks in self.counted_on.items():
                self.counted_on[day] = np.concatenate([marks, np.zeros(more, np.uint8)])


def _deviation(state: dict[str, NDArray[Any]], length: int, covered: NDArray[np.int32]) -> pa.Array:
    """Population standard deviation from whole-number sums: sqrt(n sum(x^2) - sum(x)^2) / n."""
    n, total = covered.astype(np.int64), state[f"units_sum_{length}"].astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.sqrt(n * state[f"units_squares_{length}"] - total * total) / n
    return pa.array(found, mask=n == 0)


def _number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days
