"""Orders: demand dealt into baskets, and each line again in later files as its status moves.

Numbers are computed; TRANSACTIONS makes ids, money and times of them as files are written.
"""

import numpy as np
from numpy.typing import NDArray

from retail.generator.customers import shopper
from retail.generator.demand import Season, basket, is_pro, line_count, units
from retail.generator.hashing import Numbers, Whole, draw
from retail.generator.ids import id_sql
from retail.generator.masters import city
from retail.generator.rows import NONE, Rows, ordered, stacked, where
from retail.generator.timeline import hours_to_utc
from retail.generator.world import (
    DISTRIBUTION_CENTER,
    FULFILLMENT_CENTER,
    NODE_BLOCK,
    NUMBERED_FROM,
    World,
    day_number,
)
from retail.terms.status import STATUSES

# Stages of a line, places in STATUSES; a record's lag is the days from the sale to the file that tells of it.
PLACED, CONFIRMED, SHIPPED, DELIVERED, CANCELLED, RETURNED = range(6)
IN_STORE, BOPIS, SHIP_TO_HOME = range(3)
WAYS = ("in_store", "bopis", "ship_to_home")
ONLINE, APP = 1, 2
CHANNELS = ("in_store", "online", "app")
# Shops sell from 8 to 21 by their clock; offices record later stages from 14 to 23 UTC.
OPENS, OPEN_SECONDS = 8 * 3_600, 13 * 3_600
OFFICE_OPENS, OFFICE_SECONDS = 14 * 3_600, 9 * 3_600
LATE_DAYS = 7


# From the numbers of a record to the contract's columns, by DuckDB.
TRANSACTIONS = f"""
    SELECT {id_sql("transaction", "line_no")} AS transaction_id,
           {id_sql("order", "order_no")} AS order_id,
           {id_sql("customer", "customer")} AS customer_id,
           {id_sql("store", "store")} AS store_id,
           {id_sql("product", "product")} AS product_id,
           make_timestamp(sold * 1000000) AS transaction_date,
           quantity::INTEGER AS quantity,
           (price * 0.01)::DECIMAL(18, 4) AS unit_price,
           (discount * 0.01)::DECIMAL(18, 2) AS discount_amount,
           ((quantity * price - discount) * 0.01)::DECIMAL(18, 2) AS total_amount,
           CASE WHEN stage = {PLACED} AND way = {IN_STORE} THEN 'delivered'
                ELSE {list(STATUSES)}[stage + 1] END AS order_status,
           {list(CHANNELS)}[channel + 1] AS channel,
           {list(WAYS)}[way + 1] AS fulfillment_type,
           to_timestamp(updated) AS updated_at,
           {id_sql("store", "node")} AS fulfilled_from,
           'sale' AS line_type
    FROM (SELECT *, (quantity * price * pct + 50) // 100 AS discount FROM numbers)
"""


def asked_for(season: Season, store: int) -> Rows:
    """One row per line that someone wants in a store, by product, day and line, whatever is in stock."""
    world = season.world
    counted = np.ascontiguousarray(line_count(season, store).T)
    places = np.flatnonzero(counted)
    lines = counted.ravel()[places]
    until = np.cumsum(lines)
    line = np.arange(lines.sum()) - np.repeat(until - lines, lines)
    at = np.repeat(places, lines)
    product, day = at // counted.shape[1] + 1, at % counted.shape[1] + season.first
    basket_no = basket(world, store, product, day, line)
    pro = is_pro(world, store, day, basket_no)
    return {
        "store": np.full(len(at), store, np.int64),
        "product": product,
        "day": day,
        "line": line,
        "basket": basket_no,
        "pro": pro,
        "way": way(world, store, day, basket_no),
        "quantity": units(world, store, product, day, line, pro),
    }


def settled(season: Season, lines: Rows) -> Rows:
    """A store's lines with their price and fate: what is told of them, and when."""
    world, seed = season.world, season.world.seed
    product, day = lines["product"], lines["day"]
    key, line_key = _keys(lines)
    listed = (day - season.first, product - 1)
    returns = draw(seed, "returned", 100, *line_key) < 4
    return lines | {
        "price": season.price[listed],
        "pct": season.pct[listed],
        "cancels": (lines["way"] != IN_STORE) & (draw(seed, "cancelled", 100, *key) < 3),
        "returns": returns,
        "pace": pace(world, *key),
        "return_day": _drawn_at(returns, seed, "return day", 12, line_key),
        "late": _late(world, product, line_key),
    }


def ordered_by(season: Season, lines: Rows) -> Rows:
    """A store's lines with who ordered them, how, and the numbers of order and line."""
    world, (key, _) = season.world, _keys(lines)
    luck = _channel(world, *key)
    sale_no = sale_number(lines["store"], lines["day"])
    unknown = anonymous(world, *key, lines["pro"])
    return lines | {
        "order_no": sale_no * 10_000 + lines["basket"],
        "line_no": sale_no * 10_000_000 + lines["product"] * 100 + lines["line"],
        "customer": np.where(unknown, NONE, shopper(world, *key, lines["pro"])),
        "channel": np.where(luck < 170, IN_STORE, np.where(luck < 190, ONLINE, APP)),
    }


def _keys(lines: Rows) -> tuple[tuple[Numbers, Numbers, Numbers], tuple[Numbers, ...]]:
    """What a basket, and a line, is drawn by; the store, the same for all, stands there once."""
    store, day = lines["store"][:1], lines["day"]
    return (store, day, lines["basket"]), (store, lines["product"], day, lines["line"])


def transactions(world: World, lines: Rows, start: int, end: int) -> Rows:
    """One row per record of a line: its sale, and every later status up to the last day.

    ``lines`` are those of ``settled`` and ``ordered_by`` with what the shelf gave; the ones of days before the first
    are left out. ``told`` is the day of the file.
    """
    kept = where(lines, (lines["day"] >= start) & (lines["quantity"] > 0))
    records = []
    for stage in range(len(STATUSES)):
        told = kept["day"] + lag(stage, kept)
        at = kept | {"stage": np.full(len(told), stage), "told": told}
        records.append(where(at, reached(stage, kept) & (told <= end)))
    placed = stacked(records)
    placed["sold"] = sold_second(placed)
    placed["updated"] = _updated_second(placed, start, end)
    placed["node"] = np.where(placed["way"] == SHIP_TO_HOME, _node(world, placed), NONE)
    return ordered(placed, placed["line_no"] * len(STATUSES) + placed["stage"])


def _channel(world: World, store: Whole, day: Whole, basket_no: Whole) -> Numbers:
    """What settles a basket's channel and way: below 170 in store, then online, from 190 the app."""
    return draw(world.seed, "channel", 200, store, day, basket_no)


def way(world: World, store: Whole, day: Whole, basket_no: Whole) -> Numbers:
    """How a basket's goods reach the customer, a place in WAYS."""
    luck = _channel(world, store, day, basket_no)
    return np.where(luck < 170, IN_STORE, np.where(luck % 20 < 9, BOPIS, SHIP_TO_HOME))


def pace(world: World, store: Whole, day: Whole, basket_no: Whole) -> Numbers:
    """What settles when in the day an order is placed, and how soon it goes on."""
    return draw(world.seed, "pace", 1 << 30, store, day, basket_no)


def anonymous(
    world: World, store: Whole, day: Whole, basket_no: Whole, pro: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether the customer stays unknown: a quarter of the baskets in store, no pro's."""
    return (_channel(world, store, day, basket_no) < 43) & ~pro


def _late(world: World, product: Numbers, line_key: tuple[Numbers, ...]) -> Numbers:
    """Days by which all that is told of a line comes late."""
    if not world.late_per_mille:
        return np.zeros(len(product), np.int64)
    is_late = draw(world.seed, "late", 1_000, *line_key) < world.late_per_mille
    return is_late * (1 + _drawn_at(is_late, world.seed, "days late", LATE_DAYS, line_key))


def _drawn_at(
    chosen: NDArray[np.bool_], seed: int, purpose: str, bound: int, key: tuple[Numbers, ...]
) -> Numbers:
    """What few rows draw, by keys of which the first is the same for all; 0 for the others."""
    drawn, at = np.zeros(len(chosen), np.int64), np.flatnonzero(chosen)
    drawn[at] = draw(seed, purpose, bound, key[0], *[part[at] for part in key[1:]])
    return drawn


def discount_cents(lines: Rows) -> Numbers:
    """The discount on a line, as TRANSACTIONS has it."""
    return (lines["quantity"] * lines["price"] * lines["pct"] + 50) // 100


def sale_number(store: Whole, day: Numbers) -> Numbers:
    """A number for the store and day."""
    return (day - day_number(NUMBERED_FROM)) * 10_000 + store


def reached(stage: int, lines: Rows) -> NDArray[np.bool_]:
    """Whether a line reaches the stage, by its way; an in-store sale is delivered as it is placed."""
    online, shipped = lines["way"] != IN_STORE, lines["way"] == SHIP_TO_HOME
    cancelled = online & lines["cancels"]
    return {
        PLACED: np.full(len(online), True),
        CONFIRMED: online & ~cancelled,
        SHIPPED: shipped & ~cancelled,
        DELIVERED: online & ~cancelled,
        CANCELLED: cancelled,
        RETURNED: lines["returns"] & ~cancelled,
    }[stage]


def lag(stage: int, lines: Rows) -> Numbers:
    """Days from the sale to the file that tells of a stage."""
    way, pace, late = lines["way"], lines["pace"], lines["late"]
    shipped = 2 + pace % 2
    delivered = np.where(
        way == SHIP_TO_HOME, shipped + 1 + pace // 2 % 3, np.where(way == BOPIS, 2, 0)
    )
    return {
        PLACED: late,
        CONFIRMED: late + 1,
        SHIPPED: late + shipped,
        DELIVERED: late + delivered,
        CANCELLED: late + 1 + pace % 2,
        RETURNED: late + delivered + 2 + lines["return_day"],
    }[stage]


def sold_second(lines: Rows) -> Numbers:
    """Second of the sale by the store's clock, since 1970-01-01."""
    return lines["day"] * 86_400 + OPENS + lines["pace"] % OPEN_SECONDS


def _updated_second(records: Rows, start: int, end: int) -> Numbers:
    """The sale's own instant, then some time in the office hours of the file's day (UTC)."""
    ahead = hours_to_utc(city(records["store"]), records["day"], start, end) * 3_600
    later = records["told"] * 86_400 + OFFICE_OPENS
    second = (records["pace"] + records["stage"] * 977) % OFFICE_SECONDS
    placed = records["stage"] == PLACED
    return np.where(placed, records["sold"] + ahead, later + second)


def _node(world: World, records: Rows) -> Numbers:
    """The centre that ships an order: one of the two in the store's block of fifty, if it is there."""
    block = (records["store"] - 1) // NODE_BLOCK * NODE_BLOCK
    position = np.where(records["pace"] % 5 < 2, DISTRIBUTION_CENTER, FULFILLMENT_CENTER)
    node = np.where(block + FULFILLMENT_CENTER <= world.stores, block + position, position)
    return np.where(node <= world.stores, node, NONE)
