"""The sales of the days before the first, summed up: a lake's past without its lines.

Day by day and pair by pair what silver.int_daily_sales holds once all files of the days before the
first have landed, in that table's columns, order and folders. A close at full size then takes a few
minutes of generating instead of three months of files.
"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retail.generator.demand import Season
from retail.generator.hashing import Numbers
from retail.generator.ids import id_text
from retail.generator.orders import (
    CANCELLED,
    RETURNED,
    asked_for,
    discount_cents,
    lag,
    reached,
    settled,
)
from retail.generator.rows import Rows, count, stacked, where
from retail.generator.shelves import DAYS_BEFORE, Shelf, filled
from retail.generator.world import EPOCH, World
from retail.kernels.decimals import decimals

# Days before the first that are summed up: the longest window of the features, and one more.
SUMMED_DAYS = 92
FOLDER = "_history/int_daily_sales"
# In the order of the table; _on and _range are in the folder's name.
UNITS = ("gross_units", "returned_units", "net_units", "line_count", "order_count")
AMOUNTS = ("gross_amount", "returned_amount", "net_amount", "discount_amount")
# More than a store has in a day.
_BASKETS = 1 << 14


def season_before(world: World, start: int) -> Season:
    """What holds for products on the days summed up, and on those that their stock depends on."""
    return Season(world, start - SUMMED_DAYS - DAYS_BEFORE, start - 1)


def pair_days(season: Season, store: int) -> Rows:
    """One row per product and day with a sale or return of what was sold on the days summed up.

    All as known at the end of the season; ordered by day and product, amounts in cents.
    """
    first, known = season.first + DAYS_BEFORE, season.last
    lines = filled(Shelf(season, store), asked_for(season, store))
    lines = settled(season, where(lines, (lines["quantity"] > 0) & (lines["day"] >= first)))
    is_known = lines["day"] + lines["late"] <= known
    gone = reached(CANCELLED, lines) & (lines["day"] + lag(CANCELLED, lines) <= known)
    sales = where(lines, is_known & ~gone)
    back_on = sales["day"] + lag(RETURNED, sales)
    returns = where(sales | {"day": back_on}, reached(RETURNED, sales) & (back_on <= known))
    entries = stacked([_entries(sales, True), _entries(returns, False)])
    return _summed(entries, season.world)


def _entries(lines: Rows, is_sale: bool) -> Rows:
    """Ledger entries: of each line its sale, or its return."""
    none, discount = np.zeros(count(lines), np.int64), discount_cents(lines)
    units, amount = lines["quantity"], lines["quantity"] * lines["price"] - discount
    kept = {name: lines[name] for name in ("store", "product", "day", "basket")}
    return kept | {
        "gross_units": units if is_sale else none,
        "returned_units": none if is_sale else units,
        "gross_amount": amount if is_sale else none,
        "returned_amount": none if is_sale else amount,
        "discount_amount": discount if is_sale else none,
        "line_count": none + is_sale,
    }


def _summed(entries: Rows, world: World) -> Rows:
    """Entries of one store, by day and product."""
    pair = entries["day"] * (world.products + 1) + entries["product"]
    # Sales stand before returns: the first entry of a basket tells whether it bought.
    order = np.argsort((pair * _BASKETS + entries["basket"]) * 2 + 1 - entries["line_count"])
    entries = {name: values[order] for name, values in entries.items()}
    pair, basket, sold = pair[order], entries["basket"], entries["line_count"]
    new = np.ones(len(pair), np.bool_)
    new[1:] = pair[1:] != pair[:-1]
    other = new.copy()
    other[1:] |= basket[1:] != basket[:-1]
    starts = np.flatnonzero(new)

    def total(values: NDArray[np.int64]) -> Numbers:
        return np.add.reduceat(values, starts) if len(starts) else values

    rows = {name: entries[name][starts] for name in ("store", "product", "day")}
    rows |= {n: total(entries[n]) for n in (*UNITS, *AMOUNTS) if n in entries}
    rows["order_count"] = total(sold * other)
    rows["net_units"] = rows["gross_units"] - rows["returned_units"]
    rows["net_amount"] = rows["gross_amount"] - rows["returned_amount"]
    return rows


class Summary:
    """The files of a range of stores, one a day, filled store by store."""

    def __init__(self, output: Path, world: World, place: int) -> None:
        self.folder, self.place = output / FOLDER, place
        self.products = pa.array([id_text("product", n + 1) for n in range(world.products)])
        self.writers: dict[int, pq.ParquetWriter] = {}
        self.count = 0

    def add(self, day: int, rows: Rows) -> None:
        """Write rows of some stores, in their order, at the end of the day's file."""
        table = self._table(rows)
        if day not in self.writers:
            folder = self.folder / f"sold_on={EPOCH + timedelta(day)}" / f"store_range={self.place}"
            folder.mkdir(parents=True, exist_ok=True)
            self.writers[day] = pq.ParquetWriter(
                folder / "summary.parquet",
                table.schema,
                compression="zstd",
                use_dictionary=["store_id", "product_id", *UNITS],
                write_statistics=False,  # a third of the time, and of no use within a file
                store_schema=False,
            )
        self.writers[day].write_table(table)
        self.count += table.num_rows

    def close(self) -> int:
        """End the files; the rows in them."""
        for writer in self.writers.values():
            writer.close()
        return self.count

    def _table(self, rows: Rows) -> pa.Table:
        stores, at = np.unique(rows["store"], return_inverse=True)
        names = pa.array([id_text("store", store) for store in stores.tolist()])
        product = pa.array((rows["product"] - 1).astype(np.int32))
        columns = {
            "store_id": pa.DictionaryArray.from_arrays(at.astype(np.int32), names),
            "product_id": pa.DictionaryArray.from_arrays(product, self.products),
        }
        columns |= {name: pa.array(rows[name]) for name in UNITS[:3]}
        columns |= {name: decimals(rows[name], scale=2, precision=28) for name in AMOUNTS}
        columns |= {name: pa.array(rows[name]) for name in UNITS[3:]}
        return pa.table(columns)
