"""What the days before a day say of each pair's demand, in flat arrays carried from day to day.

A day adds its few sales to them and takes back those of the days that leave a window, so that only
a day that is wanted costs work for every pair.
"""

from collections.abc import Iterable
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
    *("in_stock_days_28", "in_stock_units_28", "sold_days_63"),
)
# Days before a day whose sales are bits of a whole number.
BITS = 63
_ALL_BITS = 2**BITS - 1
LAST_DAYS = ("last_seen_on", "known_since")
LONG_AGO = -(10**6)
WINDOWS = {
    7: ("units_sum_7", None),
    28: ("units_sum_28", "units_squares_28"),
    91: ("units_sum_91", "units_squares_91"),
}
_EPOCH = date(1970, 1, 1)


class DemandState:
    """What is known at the opening of a day, and how a day changes it. Grain: pair, by its number.

    ``known`` holds the totals of windows, on which of 63 days a pair sold, and the days on which it
    was last seen (carried or sold) and since which it is known: by day number, LONG_AGO for never.
    Arrays have room for more pairs than there are, which are as pairs of which nothing is known.
    """

    def __init__(self, slice_: Slice):
        self.slice = slice_
        self.pairs = Pairs()
        self.known: dict[str, NDArray[Any]] = {
            **{name: np.empty(0, _kind(name)) for name in TOTALS},
            **{name: np.empty(0, np.int32) for name in LAST_DAYS},
        }
        self.sales_by_day: dict[int, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}
        self.marks_by_day: dict[int, NDArray[np.uint8]] = {}
        self.orders: dict[tuple[str, ...], NDArray[np.int32]] = {}
        self.counted_days = {day_number(day) for day in slice_.held[COUNTS]}
        self.landed_days = {day_number(day) for day in slice_.held[SALES]} | self.counted_days

    def load(self, base: date) -> None:
        """Take up what the rows of a day say of its opening."""
        days = ("known_days", "unseen_days")
        rows = self.slice.read(self.slice.table, base, ("store_id", "product_id", *TOTALS, *days))
        self.pairs.numbers(rows)  # from 0 on, as each is there once
        self.fit()
        day = day_number(base)
        known = {name: values[: rows.num_rows] for name, values in self.known.items()}
        for name in TOTALS:
            known[name][:] = rows[name]
        np.subtract(day, rows["known_days"], out=known["known_since"])
        np.subtract(day, rows["unseen_days"], out=known["last_seen_on"])

    def observe(self, day: int) -> None:
        """Take note of who is carried or sold on the day; first seen, they are known from it on."""
        sold = self.sales(day)[0]
        marks = self.counts(day) if day in self.counted_days else None
        seen, since = self.known["last_seen_on"], self.known["known_since"]
        since[sold[seen[sold] < day - 1 - REACH]] = day
        if marks is not None:  # else there is no work for every pair
            ranged = has(marks, RANGED)
            since[ranged & (seen < day - 1 - REACH)] = day
            seen[ranged] = day
        seen[sold] = day

    def close(self, day: int) -> None:
        """Move the windows on by the day: it enters, and the first day of each leaves."""
        sold = self.sales(day)
        bits = self.known["sold_days_63"]
        np.left_shift(bits, 1, out=bits)
        np.bitwise_and(bits, _ALL_BITS, out=bits)
        bits[sold[0]] |= 1
        self._add(sold, tuple(WINDOWS), 1)
        self._stock(day, 1)
        for length in WINDOWS:
            self._add(self.sales(day - length), (length,), -1)
        self._stock(day - 28, -1)
        self.sales_by_day.pop(day - 92, None)
        self.marks_by_day.pop(day - 28, None)

    def _add(self, sales: tuple[Any, Any], lengths: Iterable[int], sign: int) -> None:
        pairs, units = sales
        signed, squares = sign * units, sign * units.astype(np.int64) ** 2
        for total, total_of_squares in (WINDOWS[length] for length in lengths):
            self.known[total][pairs] += signed
            if total_of_squares:
                self.known[total_of_squares][pairs] += squares

    def _stock(self, day: int, sign: int) -> None:
        """Count a day on which a pair was in stock, and what it sold on it."""
        if day not in self.counted_days:
            return
        pairs, units = self.sales(day)
        stocked = has(self.counts(day), STOCKED)
        move = np.add if sign > 0 else np.subtract
        days = self.known["in_stock_days_28"]
        move(days, stocked, out=days)
        both = stocked[pairs]
        self.known["in_stock_units_28"][pairs[both]] += sign * units[both]

    def sales(self, day: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The pairs that sold on a day, each once, and their units, which are above 0."""
        if day not in self.sales_by_day:
            pairs, rows = self.read(SALES, day, "gross_units")
            units = units_of(rows)
            if not (is_sold := units > 0).all():
                pairs, units = pairs[is_sold], units[is_sold]
            self.sales_by_day[day] = pairs, units
            self.fit()
        return self.sales_by_day[day]

    def units(self, day: int) -> NDArray[np.int32]:
        """The units of a day of every pair."""
        pairs, units = self.sales(day)
        every = np.zeros(len(self.pairs), np.int32)
        every[pairs] = units
        return every

    def counts(self, day: int) -> NDArray[np.uint8]:
        """What the counts of a day say of every pair, 0 where there is none; with room for more."""
        if day not in self.marks_by_day:
            pairs, rows = self.read(COUNTS, day, "is_ranged", "is_in_stock")
            self.fit()
            marks = np.zeros(len(self.known["last_seen_on"]), np.uint8)
            marks[pairs] = marks_of(rows)
            self.marks_by_day[day] = marks
        return self.marks_by_day[day]

    def marks(self, day: int) -> NDArray[np.uint8]:
        """The same, of a day without counts too."""
        return self.counts(day) if day in self.counted_days else np.zeros(len(self.pairs), np.uint8)

    def read(self, name: str, day: int, *columns: str) -> tuple[NDArray[np.int32], pa.Table]:
        """Columns of a day of an input, and the pairs of its rows, read where they may be others."""
        on = day_of(day)
        order = self.slice.order(name, on)
        if order and order in self.orders:
            return self.orders[order], self.slice.read(name, on, columns)
        rows = self.slice.read(name, on, ("store_id", "product_id", *columns))
        pairs = self.pairs.numbers(rows)
        if order:
            self.orders = {order: pairs}  # days that follow each other mostly hold the same pairs
        return pairs, rows.select(columns)

    def forget(self, day: int, at: int) -> None:
        """Let go of what was read of a day that no window needs at the opening of the day ``at``."""
        if day < at - 28:
            self.marks_by_day.pop(day, None)
        if day < at - 91:
            self.sales_by_day.pop(day, None)

    def fit(self) -> None:
        """Give pairs that are new their place in every array."""
        count = len(self.pairs)
        if count > len(self.known["last_seen_on"]):
            for name, values in self.known.items():
                self.known[name] = roomy(values, count, _nothing(name))
            for day, marks in self.marks_by_day.items():
                self.marks_by_day[day] = roomy(marks, count, 0)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day of a number."""
    return _EPOCH + timedelta(number)


def has(marks: NDArray[Any], bits: int) -> NDArray[np.bool_]:
    return (marks & bits) == bits


def units_of(rows: pa.Table) -> NDArray[np.int32]:
    return np.maximum(rows["gross_units"].to_numpy(), 0).astype(np.int32)


def marks_of(rows: pa.Table) -> NDArray[np.uint8]:
    ranged, in_stock = (np.asarray(rows[n], np.uint8) for n in ("is_ranged", "is_in_stock"))
    return COUNTED + RANGED * ranged + IN_STOCK * in_stock


def _kind(name: str) -> type[np.int32] | type[np.int64]:
    return np.int64 if "squares" in name or name == "sold_days_63" else np.int32


def _nothing(name: str) -> int:
    """What is held of pairs of which nothing is known."""
    return LONG_AGO if name in LAST_DAYS else 0
