"""Shelves: stock that is delivered, taken and, at times, not enough.

Each store and product has a delivery day of the week of its own; that morning the shelf is filled
to its level (or, as a season ends, brought down to it), so what is left at a close needs no more
than seven days of demand. Goods picked up
are held from the order until they are handed over. Shipped lines leave from a centre, not from a
shelf; what is returned or cancelled goes back to the supplier.
"""

import numpy as np

from retail.generator.demand import Season, in_store, is_ranged, taste
from retail.generator.hashing import Numbers, draw
from retail.generator.ids import id_sql
from retail.generator.orders import BOPIS, SHIP_TO_HOME
from retail.generator.rows import Rows

# Days before the first whose demand its stock depends on.
DAYS_BEFORE = 6
# Units on a line on average, in 1/1024: QUANTITIES, and the larger ones of pros.
_UNITS_A_LINE = 2_785

# From the numbers of a closing to the contract's columns, by DuckDB; daily is in units / 1,024.
INVENTORY_SNAPSHOTS = f"""
    SELECT DATE '1970-01-01' + day::INTEGER AS snapshot_date,
           {id_sql("store", "store")} AS store_id,
           {id_sql("product", "product")} AS product_id,
           (available + reserved)::INTEGER AS quantity_on_hand,
           reserved::INTEGER AS quantity_reserved,
           available::INTEGER AS quantity_available,
           (daily * 3 // 1024 + 1)::INTEGER AS reorder_point,
           (daily * 3 // 2048)::INTEGER AS safety_stock,
           (available * 10240 // daily) / 10 AS days_of_supply
    FROM numbers
"""


class Shelf:
    """What a store plans for its products, by number of product and day."""

    def __init__(self, season: Season, store: int) -> None:
        world, products = season.world, season.products
        self.season, self.store = season, store
        self.delivery = draw(world.seed, "delivery", 7, store, products)
        self.taste = taste(world, store, products)
        self.carried = is_ranged(world, store, products)
        luck = draw(world.seed, "cover", 100, store, products)
        self.cover = np.where(luck < 3, 800, 95 + luck)

    def delivered(self, product: Numbers, day: Numbers) -> Numbers:
        """The last day, up to ``day``, on which the product was delivered."""
        return day - (day + self.delivery[product - 1]) % 7

    def weekly_units(self, product: Numbers, day: Numbers) -> Numbers:
        """Units that a buyer expects to sell in a week at that time of the year, in 1/1024."""
        usual = self.season.usual[day - self.season.first, product - 1]
        expected = in_store(self.season.world, usual, self.store, self.taste[product - 1])
        return expected * 7 * _UNITS_A_LINE >> 16

    def level(self, product: Numbers, day: Numbers) -> Numbers:
        """Units after a delivery: one to two weeks' worth, for a few products eight.

        0 for a product that the store does not carry or that is not listed on the day.
        """
        wanted = self.weekly_units(product, day) * self.cover[product - 1]
        units = np.maximum((wanted + 102_399) // 102_400, 2)
        listed = self.season.is_sold[day - self.season.first, product - 1]
        return np.where(self.carried[product - 1] & listed, units, 0)


def filled(shelf: Shelf, lines: Rows) -> Rows:
    """Lines with what the shelf could still give as ``quantity``, which may be 0.

    ``lines`` are those of orders.asked_for: one store's, by product, day and line; they start
    DAYS_BEFORE the first day that counts.
    """
    product, day, quantity = lines["product"], lines["day"], lines["quantity"]
    delivered = shelf.delivered(product, day)
    wanted = np.where(lines["way"] == SHIP_TO_HOME, 0, quantity)
    new = np.ones(len(day), np.bool_)
    new[1:] = (product[1:] != product[:-1]) | (delivered[1:] != delivered[:-1])
    before = np.cumsum(wanted) - wanted
    before -= np.maximum.accumulate(np.where(new, before, 0))
    # What was delivered before the first day was for lines that do not count.
    level = shelf.level(product, np.maximum(delivered, shelf.season.first))
    there = np.maximum(level - before, 0)
    given = np.where(lines["way"] == SHIP_TO_HOME, quantity, np.minimum(wanted, there))
    return lines | {"quantity": given}


def closings(shelf: Shelf, lines: Rows, orders: Rows, start: int) -> Rows:
    """One row per product that the store was delivered, and day from ``start``: the count at the close.

    ``lines`` are those of ``filled``; ``orders`` those of orders.settled, from the day before.
    """
    season = shelf.season
    taken = _by_day(season, lines, np.where(lines["way"] == SHIP_TO_HOME, 0, lines["quantity"]))
    gone = np.vstack([np.zeros_like(taken[:1]), np.cumsum(taken, axis=0)])
    held = np.where(orders["way"] == BOPIS, orders["quantity"], 0)
    # An order that is cancelled early is held for one close, any other for two.
    still_held = np.where(orders["cancels"] & (orders["pace"] % 2 == 0), 0, held)
    reserved = _by_day(season, orders, held)
    reserved[1:] += _by_day(season, orders, still_held)[:-1]
    days = season.days[start - season.first :]
    delivered = shelf.delivered(season.products, days)
    level = shelf.level(season.products, delivered)
    since = gone[start - season.first + 1 :] - gone[delivered - season.first, season.products - 1]
    left = level - since
    weekly = np.maximum(shelf.weekly_units(season.products, delivered), 1)
    day, product = np.nonzero(level)
    return {
        "store": np.full(len(day), shelf.store, np.int64),
        "product": product + 1,
        "day": day + start,
        "available": left[day, product],
        "reserved": reserved[start - season.first :][day, product],
        "daily": weekly[day, product] // 7 + 1,
    }


def _by_day(season: Season, lines: Rows, units: Numbers) -> Numbers:
    """Units of lines, summed by [day, product]."""
    place = (lines["day"] - season.first) * len(season.products) + lines["product"] - 1
    return np.bincount(place, units, season.usual.size).astype(np.int64).reshape(season.usual.shape)
