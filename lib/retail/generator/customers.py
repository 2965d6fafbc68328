"""Customers: who lives near which store, and how their loyalty tier moves.

Customer numbers run over the stores in turn: number - 1 = (store - 1) + stores x place, and every
tenth place is a pro's, so that a basket finds a customer of its store without a join.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from retail.generator.hashing import Numbers, Whole, draw, pick
from retail.generator.ids import id_sql, text_sql
from retail.generator.masters import city, zip_sql
from retail.generator.places import CITIES
from retail.generator.pools import Pools
from retail.generator.rows import Rows
from retail.generator.timeline import State, changed, instant_sql, moment
from retail.generator.world import NEWCOMER_DAYS, NEWCOMERS_FROM, World, day_number

PRO_PLACE = 7
# Every twentieth decade of places registers in the newcomers' days.
NEW_DECADE, DECADES = 9, 20
TIERS = ("bronze", "silver", "gold", "pro_xtra")
CONSUMER_TIERS = (0, 0, 0, 0, 0, 0, 1, 1, 1, 2)
PRO_TIERS = (1, 1, 2, 2, 2, 3, 3, 3, 3, 3)
MAIL = ("example.com", "example.org", "example.net")


# Customers whose days are worked out together.
BLOCK = 500_000


def customer_texts(names: Pools) -> str:
    """From the numbers of customers to the contract's columns, by DuckDB."""
    first, last = text_sql(names.first_names, "first"), text_sql(names.last_names, "last")
    return f"""
        SELECT {id_sql("customer", "no")} AS customer_id,
               CASE WHEN pro THEN 'pro' ELSE 'consumer' END AS customer_type,
               lower(first_name) || '.' || lower(last_name) || no || '@' || {text_sql(MAIL, "host")}
                   AS email,
               first_name,
               last_name,
               {text_sql([c.name for c in CITIES], "city")} AS city,
               {text_sql([c.state for c in CITIES], "city")} AS state,
               {zip_sql("city", "zip")} AS zip_code,
               {instant_sql("created")} AS created_at,
               {text_sql(TIERS, "tier")} AS loyalty_tier,
               {instant_sql("updated")} AS updated_at
        FROM (SELECT *, {first} AS first_name, {last} AS last_name FROM numbers)
    """


def registered(world: World, customer: Numbers) -> Numbers:
    """The day a customer registered."""
    decade = (customer - 1) // world.stores // 10
    start = day_number(NEWCOMERS_FROM)
    return np.where(
        decade % DECADES == NEW_DECADE,
        start + draw(world.seed, "registered", NEWCOMER_DAYS, customer),
        start - 200 - draw(world.seed, "registered", 2_500, customer),
    )


def shopper(
    world: World, store: Whole, day: Whole, basket: Whole, pro: NDArray[np.bool_]
) -> Numbers:
    """The customer of a basket, one of its store's: some come often, most seldom."""
    key = (store, day, basket)
    skew = draw(world.seed, "shopper", world.decades, *key) * (
        1 + draw(world.seed, "habit", 1024, *key)
    )
    consumer = draw(world.seed, "consumer", 9, *key)
    place = np.where(pro, PRO_PLACE, consumer + (consumer >= PRO_PLACE))
    chosen = store + world.stores * (10 * (skew >> 10) + place)
    unknown_yet = registered(world, chosen) > day
    return np.where(unknown_yet, store + world.stores * place, chosen)


def customers(world: World, names: Pools, start: int, end: int) -> Iterator[Rows]:
    """One row per customer and day of a change: registration, another tier; by blocks of customers."""
    for first in range(1, world.customers + 1, BLOCK):
        yield _changes(world, names, first, min(first + BLOCK, world.customers + 1), start, end)


def _changes(world: World, names: Pools, first: int, until: int, start: int, end: int) -> Rows:
    """The rows of customers first, ..., until - 1, by day and number."""
    seed, no = world.seed, np.arange(first, until)
    period = 150 + draw(seed, "tier period", 150, no)
    phase = draw(seed, "tier phase", 300, no)
    pro = (no - 1) // world.stores % 10 == PRO_PLACE
    joined = registered(world, no)

    def state(on: int) -> State:
        luck = draw(seed, "tier", 10, no, on - (on + phase) % period)
        return {"tier": np.where(pro, pick(PRO_TIERS, luck), pick(CONSUMER_TIERS, luck))}

    rows = changed(start, end, lambda on: joined <= on, state)
    day, at = rows["day"], rows["place"]
    moved = day - (day + phase[at]) % period[at]
    return {
        "no": no[at],
        "pro": pro[at],
        "first": draw(seed, "first name", len(names.first_names), no)[at],
        "last": draw(seed, "last name", len(names.last_names), no)[at],
        "host": draw(seed, "mail", len(MAIL), no)[at],
        "city": city((no - 1) % world.stores + 1)[at],
        "zip": draw(seed, "zip", 100, no)[at],
        "created": moment(joined[at]),
        "tier": rows["tier"],
        "updated": moment(np.maximum(joined[at], moved)),
        "day": day,
    }
