"""A product's own facts on a day: listed or not, price, cost, promotion.

Products and days are numbers (day = days since 1970-01-01), money is whole cents. Changes need no
memory: a price holds for a period of the product's own, and each period draws its own level.
"""

import numpy as np
from numpy.typing import NDArray

from retail.generator.assortment import DEPARTMENTS
from retail.generator.hashing import Numbers, Whole, draw, pick
from retail.generator.world import NEWCOMER_DAYS, NEWCOMERS_FROM, World, day_number

# A delisted product stays away for the last hundred of four hundred days.
DELIST_CYCLE, LISTED_DAYS = 400, 300


def department(product: Numbers) -> Numbers:
    """The place of the product's category in DEPARTMENTS."""
    return (product - 1) % len(DEPARTMENTS)


def launch_day(world: World, product: Numbers) -> Numbers:
    """The day the product is first listed; three in a hundred are newcomers."""
    newcomer = draw(world.seed, "newcomer", 100, product) < 3
    start = day_number(NEWCOMERS_FROM)
    return np.where(
        newcomer,
        start + draw(world.seed, "launch", NEWCOMER_DAYS, product),
        start - 200 - draw(world.seed, "launch", 3_000, product),
    )


def price_period(world: World, product: Numbers) -> Numbers:
    """Days between changes of price and cost: 60 to 139, so one product in a hundred a day."""
    return 60 + draw(world.seed, "price period", 80, product)


def days_at_price(world: World, product: Numbers, day: Whole) -> Numbers:
    """Days since price and cost last changed, 0 on the day of the change."""
    shifted = day + draw(world.seed, "price phase", 140, product)
    return shifted % price_period(world, product)


def price_level(world: World, product: Numbers, day: Whole) -> Numbers:
    """Price as percent of the product's usual one, 91 to 112."""
    since = day - days_at_price(world, product, day)
    return 91 + draw(world.seed, "price level", 22, product, since)


def usual_cents(world: World, product: Numbers) -> Numbers:
    """The usual price in cents: many cheap products, few dear ones."""
    low = pick([d.cents[0] for d in DEPARTMENTS], department(product))
    high = pick([d.cents[1] for d in DEPARTMENTS], department(product))
    place = draw(world.seed, "usual price", 1024, product)
    return low + ((high - low) * place * place * place >> 30)


def price_cents(world: World, product: Numbers, day: Whole) -> Numbers:
    """The list price in cents, always ending in 9."""
    raw = usual_cents(world, product) * price_level(world, product, day)
    return raw // 1_000 * 10 + 9


def cost_points(world: World, product: Numbers, day: Whole) -> Numbers:
    """The cost in 1/10,000 dollars: 52 to 71 % of the usual price, 95 to 107 % of that."""
    since = day - days_at_price(world, product, day)
    share = 52 + draw(world.seed, "cost share", 20, product)
    drift = 95 + draw(world.seed, "cost drift", 13, product, since)
    return usual_cents(world, product) * share * drift // 100


def days_in_cycle(world: World, product: Numbers, day: Whole) -> Numbers:
    """Where the product stands in its cycle of listing."""
    return (day + draw(world.seed, "delist phase", DELIST_CYCLE, product)) % DELIST_CYCLE


def is_active(world: World, product: Numbers, day: Whole) -> NDArray[np.bool_]:
    """Sold on the day: one product in ten is discontinued for a time."""
    stays = draw(world.seed, "delisted", 10, product) > 0
    return stays | (days_in_cycle(world, product, day) < LISTED_DAYS)


def is_sold(world: World, product: Numbers, day: Whole) -> NDArray[np.bool_]:
    """Listed already and not discontinued."""
    return (launch_day(world, product) <= day) & is_active(world, product, day)


def promotion_pct(world: World, product: Numbers, day: Whole) -> Numbers:
    """Discount in percent: one product-week in twenty is on promotion, at 10, 15, 20 or 25."""
    week = (day + 3) // 7
    on = draw(world.seed, "promoted", 20, product, week) == 0
    depth = 10 + 5 * draw(world.seed, "promotion", 4, product, week)
    return np.where(on, depth, 0)
