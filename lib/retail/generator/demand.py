"""Demand of a store, product and day, as a pure function of their numbers and the seed.

Whole numbers only (shares in 1/1024), so that Spark and plain Python (truth.py) agree exactly.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from retail.generator.assortment import DEPARTMENTS, QUANTITIES, SWINGS, WEEKDAYS, YEAR_DAYS
from retail.generator.hashing import div, draw, numbers, whole
from retail.generator.listing import department, is_sold, price_level, promotion_pct
from retail.generator.world import (
    DISTRIBUTION_CENTER,
    FULFILLMENT_CENTER,
    NODE_BLOCK,
    World,
)

# Coprime to every number of products, so that it deals each product a rank of its own.
RANK_STEP = 7_919
MOST_LINES = 60
PROMOTION_LIFT = 1_700


def is_retail(store: Column) -> Column:
    """A shop, not a node that only ships."""
    return ~(store % NODE_BLOCK).isin(DISTRIBUTION_CENTER, FULFILLMENT_CENTER)


def is_ranged(world: World, store: Column, product: Column) -> Column:
    """The store carries the product."""
    return draw(world.seed, "ranged", 100, store, product) < world.ranged_pct


def weekday(day: Column) -> Column:
    """How busy the day of the week is, in 1/1024."""
    return numbers(WEEKDAYS, (day + 3) % 7)


def store_size(world: World, store: Column) -> Column:
    """How busy the store is, in 1/1024: 0.7 to 1.3."""
    return 717 + draw(world.seed, "store size", 615, store)


def popularity_top(world: World) -> tuple[int, int]:
    """Numerator and first rank of popularity = top / (rank + first), 1/1024 on average."""
    first = world.products // 20
    total = sum(1 / (rank + first) for rank in range(world.products))
    return round(1024 * world.products / total), first


def popularity(world: World, product: Column) -> Column:
    """How well the product sells, in 1/1024: a few sell most, many little."""
    top, first = popularity_top(world)
    rank = (product * RANK_STEP + world.seed % world.products) % world.products
    return div(whole(top), rank + first)


def season(product: Column, day: Column) -> Column:
    """The time of the year for the product's category, in 1/1024."""
    peak = numbers([d.peak for d in DEPARTMENTS], department(product))
    swing = numbers([d.swing for d in DEPARTMENTS], department(product))
    year_day = div(day * 100 % 36_525, 100)
    wave = numbers(SWINGS, (year_day - peak + YEAR_DAYS) % YEAR_DAYS)
    return 1024 + F.shiftright(swing * wave, 10)


def usual_rate(world: World, store: Column, product: Column, day: Column) -> Column:
    """Lines to expect at that time of the year, in 1/65,536: what a buyer plans with."""
    taste = 512 + draw(world.seed, "taste", 1025, store, product)
    lines = whole(round(world.lines_per_pair * 65_536))
    for share in (
        popularity(world, product),
        season(product, day),
        store_size(world, store),
        taste,
    ):
        lines = F.shiftright(lines * share, 10)
    return lines


def rate(world: World, store: Column, product: Column, day: Column) -> Column:
    """Lines to expect on the very day, in 1/65,536."""
    promoted = F.when(promotion_pct(world, product, day) > 0, PROMOTION_LIFT).otherwise(1024)
    lines = usual_rate(world, store, product, day)
    for share in (
        weekday(day),
        promoted,
        div((202 - price_level(world, product, day)) * 1024, 100),
    ):
        lines = F.shiftright(lines * share, 10)
    return lines


def line_count(world: World, store: Column, product: Column, day: Column) -> Column:
    """Lines sold of the product in the store on the day, 0 where it is not carried or listed."""
    noise = draw(world.seed, "noise", 2049, store, product, day)
    spread = F.shiftright(rate(world, store, product, day) * noise, 10)
    rounding = draw(world.seed, "rounding", 65_536, store, product, day)
    drawn = F.least(F.shiftright(spread + rounding, 16), whole(MOST_LINES))
    sold = is_retail(store) & is_ranged(world, store, product) & is_sold(world, product, day)
    return F.when(sold, drawn).otherwise(whole(0))


def basket_count(world: World, store: Column, day: Column) -> Column:
    """Baskets that the lines of a store and day are dealt into."""
    busy = F.shiftright(store_size(world, store) * weekday(day), 10)
    return 1 + F.shiftright(world.baskets * busy, 10)


def basket(world: World, store: Column, product: Column, day: Column, line: Column) -> Column:
    """The basket that a line (0, 1, ... of its product, store and day) is dealt into."""
    return draw(world.seed, "basket", basket_count(world, store, day), store, product, day, line)


def is_pro(world: World, store: Column, day: Column, basket_no: Column) -> Column:
    """The basket is a pro's: one customer in ten is, who comes more often."""
    return draw(world.seed, "pro basket", 100, store, day, basket_no) < 18


def units(
    world: World, store: Column, product: Column, day: Column, line: Column, pro: Column
) -> Column:
    """Units on a line; a pro takes two to five times as many."""
    key = (store, product, day, line)
    some = numbers(QUANTITIES, draw(world.seed, "units", len(QUANTITIES), *key))
    return F.when(pro, some * (2 + draw(world.seed, "pro units", 4, *key))).otherwise(some)


def demand(world: World, store: Column, product: Column, day: Column) -> Column:
    """Units sold of the product in the store on the day, over all its lines."""
    store, product, day = whole(store), whole(product), whole(day)
    lines = line_count(world, store, product, day)

    def plus(total: Column, line: Column) -> Column:
        basket_no = basket(world, store, product, day, line)
        pro = is_pro(world, store, day, basket_no)
        return total + units(world, store, product, day, line, pro)

    numbered = F.sequence(whole(0), lines - 1)
    return F.when(lines > 0, F.aggregate(numbered, whole(0), plus)).otherwise(whole(0))
