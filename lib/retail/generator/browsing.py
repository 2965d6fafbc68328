"""Page views: visits to the site and the app, those that end in an order among them.

A visit is either the one that places an online order, or made up by number; one in six of those is
by a customer whose basket stands in the store within the next six days.
"""

import numpy as np

from retail.generator.customers import shopper
from retail.generator.demand import basket_count, is_pro, is_retail
from retail.generator.hashing import Numbers, draw
from retail.generator.ids import id_sql
from retail.generator.masters import city
from retail.generator.orders import APP, IN_STORE, anonymous, sale_number, sold_second, way
from retail.generator.rows import NONE, Rows, ordered, stacked, where
from retail.generator.timeline import hours_to_utc
from retail.generator.world import World

# Days before the first whose late orders are placed, by UTC, on the first.
DAYS_BEFORE = 1
DEVICES = ("desktop", "mobile", "tablet", "app")
APP_DEVICE = 3
BROWSERS = ("Chrome", "Safari", "Edge", "Firefox")
# Visits that place no order, in percent of a store's baskets; hours in which they begin.
VISITS_PCT = 115
WAKES, WAKING_SECONDS = 6 * 3_600, 17 * 3_600
SITE = "https://www.example.com"


def page_view_texts(world: World) -> str:
    """From the numbers of visits to events in the contract's columns, by DuckDB.

    A visit starts on the home page, goes on to searches and products, its own every other time, and
    puts that one into the cart; one that places an order ends at the checkout.
    """
    chance = "(xor(luck, event * 7919) * 2654435761 >> 20) % 100"
    other = f"(xor(luck, event * 104729) * 2246822519 >> 22) % {world.products} + 1"
    session = id_sql("session", "visit")
    return f"""
        WITH events AS (
            SELECT *, unnest(range(events)) AS event FROM numbers
        ), typed AS (
            SELECT *, {chance} AS chance,
                   CASE WHEN orders AND event = events - 1 THEN 'purchase'
                        WHEN orders AND event = events - 2 THEN 'add_to_cart'
                        WHEN event = 0 THEN 'page_view'
                        WHEN chance < 14 THEN 'search'
                        WHEN chance < 22 AND NOT orders THEN 'add_to_cart'
                        ELSE 'page_view' END AS kind,
                   kind IN ('add_to_cart', 'purchase') OR chance < 50 AS is_own,
                   CASE WHEN event > 0 AND kind <> 'search'
                        THEN CASE WHEN is_own THEN product ELSE {other} END END AS shown
            FROM events
        )
        SELECT 'EVT-' || right({session}, 16) || lpad(event::VARCHAR, 2, '0') AS event_id,
               {session} AS session_id,
               {id_sql("customer", "customer")} AS customer_id,
               {id_sql("product", "shown")} AS product_id,
               to_timestamp(second + event * gap) AS event_timestamp,
               kind AS event_type,
               '{SITE}' || CASE kind WHEN 'purchase' THEN '/checkout' WHEN 'add_to_cart' THEN '/cart'
                   WHEN 'search' THEN '/search'
                   ELSE coalesce('/product/' || product_id, '/') END AS page_url,
               CASE WHEN event > 0 THEN '{SITE}/' END AS referrer_url,
               {list(DEVICES)}[device + 1] AS device_type,
               CASE WHEN device <> {APP_DEVICE}
                    THEN {list(BROWSERS)}[visit % {len(BROWSERS)} + 1] END AS browser
        FROM typed
    """


def page_views(world: World, orders: Rows, stores: Numbers, start: int, end: int) -> Rows:
    """One row per visit to some stores' part of the site, by the day (UTC) on which it began.

    ``orders`` are lines of orders.settled, from DAYS_BEFORE the first day on, with what was given.
    """
    visits = stacked([_with_order(orders, start, end), _without(world, stores, start, end)])
    visits["day"] = visits["second"] // 86_400
    kept = where(visits, (visits["day"] >= start) & (visits["day"] <= end))
    kept["luck"] = draw(world.seed, "events of a visit", 1 << 30, kept["visit"])
    return ordered(kept, kept["visit"])


def _with_order(orders: Rows, start: int, end: int) -> Rows:
    """The visit that places an order: it ends with the purchase, at the order's instant."""
    first = start - DAYS_BEFORE
    online = (orders["channel"] != IN_STORE) & (orders["day"] >= first) & (orders["quantity"] > 0)
    lines = where(orders, online)
    lines = ordered(lines, lines["line_no"])
    # Its first line is the one of the product with the smallest number.
    order_no, places = np.unique(lines["order_no"], return_index=True)
    lines = {name: values[places] for name, values in lines.items()}
    pace = lines["pace"]
    events, gap = 4 + pace // 3 % 7, 15 + pace // 7 % 60
    ahead = hours_to_utc(city(lines["store"]), lines["day"], first, end) * 3_600
    return {
        "visit": order_no * 2,
        "customer": lines["customer"],
        "product": lines["product"],
        "events": events,
        "gap": gap,
        "second": sold_second(lines) + ahead - (events - 1) * gap,
        "orders": np.full(len(order_no), True),
        "device": np.where(lines["channel"] == APP, APP_DEVICE, pace % 3),
    }


def _without(world: World, stores: Numbers, start: int, end: int) -> Rows:
    """Visits that place no order, of customers who are signed in or of nobody known."""
    first = start - DAYS_BEFORE
    shops = stores[is_retail(stores)]
    days, numbers = np.arange(first, end + 1), np.arange(world.baskets * VISITS_PCT // 100)
    grid = np.meshgrid(shops, days, numbers, indexing="ij")
    store, day, number = (axis.ravel() for axis in grid)
    key = (store, day, number)
    seed = world.seed
    ahead = hours_to_utc(city(store), day, first, end) * 3_600
    return {
        "visit": (sale_number(store, day) * 10_000 + number) * 2 + 1,
        "customer": _visitor(world, *key),
        "product": draw(seed, "looked at", world.products, *key) + 1,
        "events": 2 + draw(seed, "events", 8, *key),
        "gap": 10 + draw(seed, "gap", 110, *key),
        "second": day * 86_400 + WAKES + draw(seed, "begins", WAKING_SECONDS, *key) + ahead,
        "orders": np.full(len(store), False),
        "device": draw(seed, "device", 4, *key),
    }


def _visitor(world: World, store: Numbers, day: Numbers, number: Numbers) -> Numbers:
    """Who visits: one in six will buy in the store soon, two in six are signed in."""
    seed = world.seed
    visit = draw(seed, "visit", 6, store, day, number)
    later = day + 1 + draw(seed, "days until", 6, store, day, number)
    chosen = draw(seed, "leads to", basket_count(world, store, later), store, day, number)
    pro = is_pro(world, store, later, chosen)
    known = ~anonymous(world, store, later, chosen, pro)
    buys = known & (way(world, store, later, chosen) == IN_STORE)
    buyer = np.where(buys, shopper(world, store, later, chosen, pro), NONE)
    # Numbers beyond any basket's: a draw of the store's customers like any other.
    someone = shopper(world, store, day, 100_000 + number, np.full(len(day), False))
    return np.where(visit == 0, buyer, np.where(visit <= 2, someone, NONE))
