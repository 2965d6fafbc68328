"""Stock at the close of each day by numpy: the rows of fact_inventory_daily, a day after the other."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse import NOT_APPLICABLE, UNKNOWN, Slice
from retail.kernels.decimals import decimals, unscaled
from retail.kernels.pairs import Pairs, blocks, roomy

WINDOW_DAYS = 28
OWN, COUNTS, SALES = "fact_inventory_daily", "stg_inventory_snapshots", "int_daily_sales"
STATUSES = ("out_of_stock", "critical", "low", "no_movement", "overstocked", "healthy")
_PAIR = ("store_id", "product_id")
_COUNT = (*_PAIR, "quantity_on_hand", "quantity_reserved", "quantity_available", "reorder_point",
          "safety_stock", "days_of_supply", "closed_at")  # fmt: skip
_VERSION = (
    "product_id",
    "product_key",
    "unit_price",
    "unit_cost",
    "is_active",
    "valid_from",
    "valid_to",
)


def stock(slice_: Slice) -> Iterator[tuple[date, pa.Table]]:
    """The wanted days of a slice in order, each with its rows."""
    walk = _Walk(slice_)
    for day in slice_.days:
        walk.go_to(day)
        yield day, walk.rows(day)


class _Walk:
    """What the 28 days before a day say of each pair."""

    def __init__(self, slice_: Slice):
        self.slice = slice_
        self.pairs = Pairs()
        self.at: date | None = None
        # Net units, and days that closed with stock, by the number of the pair; with room for more.
        self.units, self.days = np.empty(0, np.int64), np.empty(0, np.int32)
        self.orders: dict[tuple[str, ...], NDArray[np.int32]] = {}
        # Of days of which few rows were made: the pairs of these, and those now in stock.
        self.remade: dict[date, tuple[NDArray[np.int32], NDArray[np.int32]]] = {}
        self.products = _Products(slice_.read("dim_product", None, _VERSION), self.pairs)

    def go_to(self, day: date) -> None:
        """Move the window on to the 28 days before a day."""
        first = day - timedelta(WINDOW_DAYS)
        follows = self.at is not None and self.at > first
        if not follows:
            self.units[:], self.days[:] = 0, 0
        at = self.at if follows and self.at else first
        while at < day:
            self._count(at, 1)
            if follows:
                self._count(at - timedelta(WINDOW_DAYS), -1)
            at += timedelta(1)
        self.at = day

    def rows(self, day: date) -> pa.Table:
        """The rows of a day whose window the arrays hold; formulas as in retail.terms.stock."""
        counts = self.slice.read_wanted(COUNTS, day, _COUNT)
        pairs = self.pairs.numbers(counts)
        sold, gross = self._sales(day, "gross_units")
        self._fit()
        day_units = np.zeros(len(self.pairs), np.int64)
        day_units[sold] = gross
        valid = self.products.valid_at(counts["closed_at"])
        parts = [
            self._block(counts.slice(one.start, one.stop - one.start), pairs[one], day_units, valid)
            for one in blocks(counts.num_rows)
        ]
        rows = pa.concat_tables(parts)
        if day in self.slice.reached:
            keyed = self.pairs.numbers(self.slice.keys(day))
            self.remade[day] = keyed, pairs[np.asarray(rows["is_in_stock"], bool)]
        return rows

    def _block(
        self, counts: pa.Table, pairs: NDArray[np.int32], sold: NDArray[np.int64], valid: "_Valid"
    ) -> pa.Table:
        """The rows of some counts; ``sold`` are the units of the day of every pair."""
        units, days = np.maximum(self.units[pairs], 0), self.days[pairs]
        available = counts["quantity_available"].to_numpy().astype(np.int64)
        number = self.pairs.products_of(pairs)
        is_known = (units > 0) & (days > 0)
        by_units, by_days = np.where(is_known, units, 1), np.where(is_known, days, 1)
        lasting = _half_up(10 * np.maximum(available, 0) * days, by_units)
        flags = {
            "out_of_stock": available <= 0,
            "critical": available <= _or_least(counts["safety_stock"]),
            "low": available <= _or_least(counts["reorder_point"]),
            "no_movement": units <= 0,
            "overstocked": is_known & (lasting > 10 * self.slice.settings["overstocked_days"]),
        }
        status = np.select(list(flags.values()), range(len(flags)), len(flags)).astype(np.int8)
        passed = ("quantity_on_hand", "quantity_reserved", "quantity_available", "reorder_point")
        return pa.table(
            {
                **{name: counts[name] for name in (*_PAIR, *passed, "safety_stock")},
                "product_key": valid.key[number],
                "is_ranged": valid.is_ranged[number],
                "is_in_stock": available > 0,
                **{
                    name: decimals(amounts[number], there[number])
                    for name, (amounts, there) in valid.amounts.items()
                },
                "day_units": sold[pairs],
                "units_28d": units,
                "in_stock_days_28d": days,
                "daily_demand": decimals(_half_up(10_000 * units, by_days), is_known),
                "days_of_supply": decimals(lasting, is_known, scale=1),
                "reported_days_of_supply": counts["days_of_supply"],
                "stock_status": pa.DictionaryArray.from_arrays(
                    pa.array(status), pa.array(STATUSES)
                ),
            }
        )

    def _count(self, day: date, sign: int) -> None:
        """Let a day into the window, or out of it."""
        pairs, net = self._sales(day, "net_units")
        stocked = self._stocked(day)
        self._fit()
        self.units[pairs] += sign * net
        self.days[stocked] += sign

    def _sales(self, day: date, column: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        rows = self.slice.read(SALES, day, (*_PAIR, column))
        return self.pairs.numbers(rows), rows[column].to_numpy()

    def _stocked(self, day: date) -> NDArray[np.int32]:
        """The pairs that closed a day with stock, from the table's own rows where most stand."""
        if day not in self.slice.unchanged and day not in self.slice.reached:
            rows = self.slice.read(COUNTS, day, (*_PAIR, "quantity_available"))
            return self.pairs.numbers(rows)[rows["quantity_available"].to_numpy() > 0]
        order = self.slice.order(OWN, day)
        if order and order in self.orders:
            rows = self.slice.read(OWN, day, ("is_in_stock",))
        else:
            rows = self.slice.read(OWN, day, (*_PAIR, "is_in_stock"))
            self.orders = {order or (): self.pairs.numbers(rows)}
        stocked = self.orders[order or ()][np.asarray(rows["is_in_stock"], bool)]
        if day not in self.remade:
            return stocked
        keyed, stocked_now = self.remade[day]
        is_stocked = np.zeros(len(self.pairs), bool)
        is_stocked[stocked], is_stocked[keyed], is_stocked[stocked_now] = True, False, True
        return np.flatnonzero(is_stocked).astype(np.int32)

    def _fit(self) -> None:
        count = len(self.pairs)
        self.units, self.days = roomy(self.units, count, 0), roomy(self.days, count, 0)


class _Products:
    """What the versions of dim_product say of each product, by its number."""

    def __init__(self, versions: pa.Table, pairs: Pairs):
        self.pairs = pairs
        own = pc.invert(pc.is_in(versions["product_key"], pa.array([UNKNOWN, NOT_APPLICABLE])))
        self.versions = versions.filter(own)
        self.number = pairs.product_numbers(self.versions["product_id"])
        self.valid_from, self.valid_to = (
            self.versions[name].cast(pa.int64()).to_numpy() for name in ("valid_from", "valid_to")
        )

    def valid_at(self, closes: pa.ChunkedArray) -> "_Valid":
        """The versions that hold at the close of a day, which is one instant for all its counts."""
        closed = (pc.max(closes).cast(pa.int64()).as_py() or 0) if len(closes) else 0
        return _Valid(self, closed)


class _Valid:
    """The version of each product at an instant, if there is one."""

    def __init__(self, products: _Products, closed: int):
        count = products.pairs.product_count
        holds = np.flatnonzero((products.valid_from <= closed) & (products.valid_to > closed))
        self._at = np.full(count, -1)
        self._at[products.number[holds]] = holds
        self._versions = products.versions
        listed = np.zeros(count, bool)
        listed[products.number[products.valid_from <= closed]] = True
        self.key = self._taken("product_key", UNKNOWN)
        active = self._taken("is_active", True)
        self.is_ranged = np.where(self._at >= 0, active, ~listed)
        self.amounts = {name: self._amounts(name) for name in ("unit_price", "unit_cost")}

    def _amounts(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """An amount of the version by product number, in its last place, and where there is one."""
        values, there = unscaled(self._versions[column])
        every, is_there = np.zeros(len(self._at), np.int64), self._at >= 0
        every[is_there] = values[self._at[is_there]]
        is_there[is_there] = there[self._at[is_there]]
        return every, is_there

    def _taken(self, column: str, otherwise: Any) -> NDArray[Any]:
        """A column of the version by product number; ``otherwise`` where there is none, or null."""
        values = self._versions[column].fill_null(otherwise).to_numpy()
        every = np.full(len(self._at), otherwise, values.dtype)
        found = self._at >= 0
        every[found] = values[self._at[found]]
        return every


def _half_up(parts: NDArray[Any], wholes: NDArray[Any]) -> NDArray[np.int64]:
    """A quotient of whole numbers, neither below 0, rounded half up."""
    wide = wholes.astype(np.int64)
    return (2 * parts.astype(np.int64) + wide) // (2 * wide)


def _or_least(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Whole numbers, below every stock where there is none."""
    return column.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy()
