"""What the days before a day say of each pair's demand, in flat arrays carried from day to day.

A day adds its few sales to them and takes back those of the days that leave a window, so that only
a day that is wanted costs work for every pair.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lakehouse import Slice
from retail.kernels.pairs import Pairs, roomy

REACH = 364
SALES, COUNTS = "int_daily_sales", "fact_inventory_daily"
# What a count says of a pair, as bits: that there is one, that it was carried, that it had stock.
COUNTED, RANGED, IN_STOCK = 1, 2, 4
STOCKED = RANGED | IN_STOCK
TOTALS = (
    *("units_sum_7", "units_sum_28", "units_sum_91", "units_squares_28", "units_squares_91"),
    *("in_stock_days_28", "in_stock_units_28"),
)
_LONG_AGO = -(10**6)
_WINDOWS = {
    7: ("units_sum_7", None),
    28: ("units_sum_28", "units_squares_28"),
    91: ("units_sum_91", "units_squares_91"),
}
_EPOCH = date(1970, 1, 1)
# Of the days on which rows differ, by number: pairs in order, and what was said of each.
Before = dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]


class DemandState:
    """What is known of each pair at the opening of a day, and how a day changes it.

    ``known`` holds by the number of a pair the totals of windows, the days on which it was last
    ``sold`` and ``seen`` (carried or sold), and that ``since`` which it is known.
    """

    def __init__(self, slice_: Slice):
        self.slice = slice_
        self.pairs = Pairs()
        # With room for more, which is as pairs of which nothing is known.
        self.known: dict[str, NDArray[Any]] = {
            **{name: np.empty(0, np.int64 if "squares" in name else np.int32) for name in TOTALS},
            **{name: np.empty(0, np.int32) for name in ("sold", "seen", "since")},
        }
        self.sold_on: dict[int, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}
        self.counted_on: dict[int, NDArray[np.uint8]] = {}
        self.orders: dict[tuple[str, ...], NDArray[np.int32]] = {}
        held = {number(day) for days in (slice_.held[SALES], slice_.held[COUNTS]) for day in days}
        self.landed = held
        self.counted = {number(day) for day in slice_.held[COUNTS]}

    def load(self, base: date) -> None:
        """Take up what the rows of an earlier day say, as the inputs are now."""
        days = ("known_days", "unseen_days", "days_since_sale")
        rows = self.slice.read(self.slice.table, base, ("store_id", "product_id", *TOTALS, *days))
        self.pairs.numbers(rows)  # from 0 on, as each is there once
        self._fit()
        day = number(base)
        known = {name: values[: rows.num_rows] for name, values in self.known.items()}
        for name in TOTALS:
            known[name][:] = rows[name]
        # A pair not sold for REACH days or more need not be told from one never sold.
        since_sale = rows["days_since_sale"].to_numpy()
        known["sold"][:] = np.where(since_sale < REACH, day - since_sale, _LONG_AGO)
        np.subtract(day, rows["known_days"], out=known["since"])
        np.subtract(day, rows["unseen_days"], out=known["seen"])
        self._amend(day)

    def _amend(self, base: int) -> None:
        """Make good what sales and counts say otherwise than when the rows of the base were made.

        Windows move by what a pair and day are now, less what they were. When a pair was last sold
        or seen, and since when it is known, may follow from other days: then they are looked up.
        """
        sales = self._before(SALES, "sold_on", _units_of)
        counts = self._before(COUNTS, "snapshot_date", _marks_of)
        unsure = [np.empty(0, np.int64)]
        for day in sorted(day for day in {*sales, *counts} if day <= base):
            told = [found[day] for found in (sales, counts) if day in found]
            pairs = np.unique(np.concatenate([changed for changed, _ in told]))
            units, marks = self.units(day)[pairs].astype(np.int64), self.marks(day)[pairs]
            units_before = _put(units, pairs, sales.get(day))
            marks_before = _put(marks, pairs, counts.get(day))
            if day < base:
                self._change(base - day, pairs, units_before, marks_before, -1)
                self._change(base - day, pairs, units, marks, 1)
                self._raise("sold", pairs[units > 0], day)
                is_gone = (units_before > 0) & (units == 0)
                unsure.append(pairs[is_gone & (self.known["sold"][pairs] == day)])
            was_seen, is_seen = (
                (units_before > 0) | _has(marks_before, RANGED),
                (units > 0) | _has(marks, RANGED),
            )
            since, seen = self.known["since"][pairs], self.known["seen"][pairs]
            is_earlier = is_seen & ((since > day) | (seen == _LONG_AGO))
            unsure.append(pairs[is_earlier | (was_seen & ~is_seen)])
            self._raise("seen", pairs[is_seen], day)
        self._look_up(np.unique(np.concatenate(unsure)), base)

    def _before(self, name: str, column: str, told: Callable[[pa.Table], NDArray[Any]]) -> Before:
        """What an input said of the pairs and days of which it says something else now."""
        codes, values = [], []
        for rows in self.slice.changes(name):
            days = rows[column].cast(pa.int32()).to_numpy().astype(np.int64)
            codes.append(days << 32 | self.pairs.numbers(rows))
            values.append(told(rows).astype(np.int64))
        self._fit()
        every = np.unique(np.concatenate(codes))
        was, now = np.zeros(len(every), np.int64), np.zeros(len(every), np.int64)
        for all_values, code, some in zip((was, now), codes, values, strict=True):
            all_values[np.searchsorted(every, code)] = some
        differs = was != now
        every, was = every[differs], was[differs]
        days, pairs = every >> 32, every & 0xFFFFFFFF
        return {
            int(day): (pairs[one], was[one])
            for day, one in ((day, days == day) for day in np.unique(days))
        }

    def _change(
        self, ago: int, pairs: NDArray[Any], units: NDArray[Any], marks: NDArray[Any], sign: int
    ) -> None:
        """Count what pairs sold on a day so many days ago, or take it back."""
        lengths = [length for length in _WINDOWS if ago <= length]
        self._add((pairs, units), lengths, sign)
        if ago <= 28:
            stocked = _has(marks, STOCKED)
            self.known["in_stock_days_28"][pairs] += sign * stocked
            self.known["in_stock_units_28"][pairs] += sign * stocked * units

    def _raise(self, name: str, pairs: NDArray[Any], day: int) -> None:
        values = self.known[name]
        values[pairs] = np.maximum(values[pairs], day)

    def _look_up(self, pairs: NDArray[Any], base: int) -> None:
        """Ask the days up to the base when pairs were sold and seen, the newest first."""
        if not pairs.size:
            return
        sold, seen, since = (np.full(pairs.size, _LONG_AGO) for _ in range(3))
        held = (day for day in self.landed if base - 2 * REACH <= day <= base)
        for day in sorted(held, reverse=True):
            at_hand = day in self.sold_on, day in self.counted_on
            units, marks = self.units(day)[pairs], self.marks(day)[pairs]
            if not at_hand[0]:
                self.sold_on.pop(day)
            if not at_hand[1]:
                self.counted_on.pop(day, None)
            if day < base:
                sold[(units > 0) & (sold == _LONG_AGO)] = day
            is_seen = (units > 0) | _has(marks, RANGED)
            since[is_seen & ((seen == _LONG_AGO) | (since - day <= REACH + 1))] = day
            seen[is_seen & (seen == _LONG_AGO)] = day
            is_far, is_new = day <= base - REACH, seen == _LONG_AGO
            is_known = (since <= base - REACH) | (since - day > REACH + 1)
            if ((sold != _LONG_AGO) | is_far).all() and np.where(is_new, is_far, is_known).all():
                break
        for name, values in (("sold", sold), ("seen", seen), ("since", since)):
            self.known[name][pairs] = values

    def observe(self, day: int) -> None:
        """Take note of who is carried or sold on the day; first seen, they are known from it on."""
        sold = self.sales(day)[0]
        marks = self.counts(day) if day in self.counted else None
        seen, since = self.known["seen"], self.known["since"]
        since[sold[seen[sold] < day - 1 - REACH]] = day
        if marks is not None:  # else there is no work for every pair
            ranged = _has(marks, RANGED)
            since[ranged & (seen < day - 1 - REACH)] = day
            seen[ranged] = day
        seen[sold] = day

    def close(self, day: int) -> None:
        """Move the windows on by the day: it enters, and the first day of each leaves."""
        sold = self.sales(day)
        self.known["sold"][sold[0]] = day
        self._add(sold, tuple(_WINDOWS), 1)
        self._stock(day, 1)
        for length in _WINDOWS:
            self._add(self.sales(day - length), (length,), -1)
        self._stock(day - 28, -1)
        self.sold_on.pop(day - 92, None)
        self.counted_on.pop(day - 28, None)

    def _add(self, sales: tuple[Any, Any], lengths: Iterable[int], sign: int) -> None:
        pairs, units = sales
        signed, squares = sign * units, sign * units.astype(np.int64) ** 2
        for total, total_of_squares in (_WINDOWS[length] for length in lengths):
            self.known[total][pairs] += signed
            if total_of_squares:
                self.known[total_of_squares][pairs] += squares

    def _stock(self, day: int, sign: int) -> None:
        """Count a day on which a pair was in stock, and what it sold on it."""
        if day not in self.counted:
            return
        pairs, units = self.sales(day)
        stocked = _has(self.counts(day), STOCKED)
        move = np.add if sign > 0 else np.subtract
        days = self.known["in_stock_days_28"]
        move(days, stocked, out=days)
        both = stocked[pairs]
        self.known["in_stock_units_28"][pairs[both]] += sign * units[both]

    def sales(self, day: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The pairs sold on a day, each once, and their units."""
        if day not in self.sold_on:
            pairs, rows = self.read(SALES, day, "gross_units")
            units = _units_of(rows)
            if not (is_sold := units > 0).all():
                pairs, units = pairs[is_sold], units[is_sold]
            self.sold_on[day] = pairs, units
            self._fit()
        return self.sold_on[day]

    def units(self, day: int) -> NDArray[np.int32]:
        """The units of a day of every pair."""
        pairs, units = self.sales(day)
        every = np.zeros(len(self.pairs), np.int32)
        every[pairs] = units
        return every

    def counts(self, day: int) -> NDArray[np.uint8]:
        """What the counts of a day say of every pair, 0 where there is none; with room for more."""
        if day not in self.counted_on:
            pairs, rows = self.read(COUNTS, day, "is_ranged", "is_in_stock")
            self._fit()
            marks = np.zeros(len(self.known["seen"]), np.uint8)
            marks[pairs] = _marks_of(rows)
            self.counted_on[day] = marks
        return self.counted_on[day]

    def marks(self, day: int) -> NDArray[np.uint8]:
        """The same, of a day without counts too."""
        return self.counts(day) if day in self.counted else np.zeros(len(self.pairs), np.uint8)

    def read(self, name: str, day: int, *columns: str) -> tuple[NDArray[np.int32], pa.Table]:
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

    def _fit(self) -> None:
        """Give pairs that are new their place in every array."""
        count = len(self.pairs)
        if count > len(self.known["seen"]):
            for name, values in self.known.items():
                self.known[name] = roomy(values, count, _nothing(name))
            for day, marks in self.counted_on.items():
                self.counted_on[day] = roomy(marks, count, 0)


def number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def day_of(number_: int) -> date:
    """The day of a number."""
    return _EPOCH + timedelta(number_)


def _has(marks: NDArray[Any], bits: int) -> NDArray[np.bool_]:
    return (marks & bits) == bits


def _units_of(rows: pa.Table) -> NDArray[np.int32]:
    return np.maximum(rows["gross_units"].to_numpy(), 0).astype(np.int32)


def _marks_of(rows: pa.Table) -> NDArray[np.uint8]:
    ranged, in_stock = (np.asarray(rows[n], np.uint8) for n in ("is_ranged", "is_in_stock"))
    return COUNTED + RANGED * ranged + IN_STOCK * in_stock


def _put(
    now: NDArray[Any], pairs: NDArray[Any], before: tuple[NDArray[Any], NDArray[Any]] | None
) -> NDArray[Any]:
    """What was said of pairs, by what is said now and was before of some of them."""
    was = now.copy()
    if before:
        was[np.searchsorted(pairs, before[0])] = before[1]
    return was


def _nothing(name: str) -> int:
    """What is held of pairs of which nothing is known."""
    return _LONG_AGO if name in ("sold", "seen", "since") else 0
