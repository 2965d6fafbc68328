"""Demand of a store, product and day, as a pure function of their numbers and the seed.

Whole numbers only (shares in 1/1024), so that numpy and plain Python (truth.py) agree exactly. What
stands by products alone is worked out once for all stores (Season).
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from retail.generator import listing
from retail.generator.assortment import DEPARTMENTS, QUANTITIES, SWINGS, WEEKDAYS, YEAR_DAYS
from retail.generator.hashing import Numbers, Whole, draw, pick
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
# So many numbers stay in a processor's cache while they are computed with.
_CACHED = 160_000


@dataclass(frozen=True)
class Season:
    """What holds for products on the days of a range, whatever the store: arrays of [day, product]."""

    world: World
    first: int
    last: int

    @cached_property
    def products(self) -> Numbers:
        return np.arange(1, self.world.products + 1)

    @cached_property
    def days(self) -> Numbers:
        return np.arange(self.first, self.last + 1)[:, None]

    @cached_property
    def is_sold(self) -> NDArray[np.bool_]:
        return listing.is_sold(self.world, self.products, self.days)

    @cached_property
    def price(self) -> Numbers:
        """Cents."""
        return listing.price_cents(self.world, self.products, self.days)

    @cached_property
    def pct(self) -> Numbers:
        """Discount in percent."""
        return listing.promotion_pct(self.world, self.products, self.days)

    @cached_property
    def usual(self) -> Numbers:
        """Lines to expect in a store of no size yet, in 1/65,536."""
        lines = round(self.world.lines_per_pair * 65_536) * popularity(self.world, self.products)
        return (lines >> 10) * season(self.products, self.days) >> 10

    @cached_property
    def shares(self) -> tuple[Numbers, ...]:
        """What the very day makes of that: its weekday, a promotion, the price; in 1/1024."""
        promoted = np.where(self.pct > 0, PROMOTION_LIFT, 1024)
        level = listing.price_level(self.world, self.products, self.days)
        return weekday(self.days), promoted, (202 - level) * 1024 // 100


def is_retail(store: Whole) -> NDArray[np.bool_]:
    """A shop, not a node that only ships."""
    return ~np.isin(store % NODE_BLOCK, (DISTRIBUTION_CENTER, FULFILLMENT_CENTER))


def is_ranged(world: World, store: Whole, product: Whole) -> NDArray[np.bool_]:
    """The store carries the product."""
    return is_retail(store) & (draw(world.seed, "ranged", 100, store, product) < world.ranged_pct)


def weekday(day: Whole) -> Numbers:
    """How busy the day of the week is, in 1/1024."""
    return pick(WEEKDAYS, (day + 3) % 7)


def store_size(world: World, store: Whole) -> Numbers:
    """How busy the store is, in 1/1024: 0.7 to 1.3."""
    return 717 + draw(world.seed, "store size", 615, store)


@cache
def popularity_top(world: World) -> tuple[int, int]:
    """Numerator and first rank of popularity = top / (rank + first), 1/1024 on average."""
    first = world.products // 20
    total = sum(1 / (rank + first) for rank in range(world.products))
    return round(1024 * world.products / total), first


def popularity(world: World, product: Numbers) -> Numbers:
    """How well the product sells, in 1/1024: a few sell most, many little."""
    top, first = popularity_top(world)
    rank = (product * RANK_STEP + world.seed % world.products) % world.products
    return top // (rank + first)


def season(product: Numbers, day: Whole) -> Numbers:
    """The time of the year for the product's category, in 1/1024."""
    peak = pick([d.peak for d in DEPARTMENTS], listing.department(product))
    swing = pick([d.swing for d in DEPARTMENTS], listing.department(product))
    year_day = day * 100 % 36_525 // 100
    return 1024 + (swing * pick(SWINGS, (year_day - peak) % YEAR_DAYS) >> 10)


def taste(world: World, store: Whole, product: Numbers) -> Numbers:
    """How well the product sells in the very store, in 1/1024: 0.5 to 1.5."""
    return 512 + draw(world.seed, "taste", 1025, store, product)


def in_store(world: World, usual: Numbers, store: Whole, taste: Numbers) -> Numbers:
    """Lines to expect in a store at that time of the year, in 1/65,536: what a buyer plans with."""
    return (usual * store_size(world, store) >> 10) * taste >> 10


def line_count(season: Season, store: int) -> NDArray[np.int8]:
    """Lines sold in the store, by [day, product]; 0 where it is not carried or not listed."""
    world, products = season.world, season.products
    carried, liking = is_ranged(world, store, products), taste(world, store, products)
    counts = np.empty(season.usual.shape, np.int8)
    rows = max(1, _CACHED // world.products)
    for first in range(0, len(counts), rows):
        some = slice(first, first + rows)
        lines = in_store(world, season.usual[some], store, liking)
        for share in season.shares:
            lines *= share[some]
            lines >>= 10
        # The day comes last in the hash, so that what stands before it is hashed once.
        lines *= draw(world.seed, "noise", 2049, store, products, season.days[some])
        lines >>= 10
        lines += draw(world.seed, "rounding", 65_536, store, products, season.days[some])
        lines >>= 16
        counts[some] = np.minimum(lines, MOST_LINES) * (carried & season.is_sold[some])
    return counts


def basket_count(world: World, store: Whole, day: Whole) -> Numbers:
    """Baskets that the lines of a store and day are dealt into."""
    busy = store_size(world, store) * weekday(day) >> 10
    return 1 + (world.baskets * busy >> 10)


def basket(world: World, store: Whole, product: Whole, day: Whole, line: Whole) -> Numbers:
    """The basket that a line (0, 1, ... of its product, store and day) is dealt into."""
    return draw(world.seed, "basket", basket_count(world, store, day), store, product, day, line)


def is_pro(world: World, store: Whole, day: Whole, basket_no: Whole) -> NDArray[np.bool_]:
    """The basket is a pro's: one customer in ten is, who comes more often."""
    return draw(world.seed, "pro basket", 100, store, day, basket_no) < 18


def units(
    world: World, store: int, product: Numbers, day: Numbers, line: Numbers, pro: NDArray[np.bool_]
) -> Numbers:
    """Units on a line; a pro takes two to five times as many."""
    some = pick(QUANTITIES, draw(world.seed, "units", len(QUANTITIES), store, product, day, line))
    at = np.flatnonzero(pro)
    some[at] *= 2 + draw(world.seed, "pro units", 4, store, product[at], day[at], line[at])
    return some
