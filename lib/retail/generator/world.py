"""How large the made-up retailer is; with the seed, all that a day's content depends on."""

from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse import LakehouseError

EPOCH = date(1970, 1, 1)
FIRST_DAY = date(2020, 1, 1)
# Order numbers give four digits to the day; what was asked for in the week before the first counts.
NUMBERED_FROM = FIRST_DAY - timedelta(days=7)
LAST_DAY = NUMBERED_FROM + timedelta(days=9_999)
# In each fifty stores, these positions are no shops but nodes that ship.
NODE_BLOCK, DISTRIBUTION_CENTER, FULFILLMENT_CENTER = 50, 5, 10
# Products that appear and customers that register do so in these days, so that a month generated
# up to the default end date shows them, and all are there at its end.
NEWCOMERS_FROM, NEWCOMER_DAYS = date(2026, 5, 2), 60
FULL_STORES, FULL_PRODUCTS, FULL_CUSTOMERS = 2_000, 35_000, 40_000_000
# What so many stores sell and hold in a day is one file: at most 4.4 million counts.
RANGE_STORES = 125


@dataclass(frozen=True)
class World:
    """Seed and sizes: numbers of things, lines a ranged pair sells a day, baskets a store day."""

    seed: int
    products: int
    stores: int
    customers: int
    ranged_pct: int
    lines_per_pair: float
    baskets: int

    @property
    def decades(self) -> int:
        """Groups of ten customers at each store: nine consumers and one pro."""
        return self.customers // (self.stores * 10)

    def store_ranges(self) -> dict[str, list[int]]:
        """Stores whose day is one file, by what the file's name ends with; one range has no mark."""
        stores = range(1, self.stores + 1)
        parts = [list(stores[at : at + RANGE_STORES]) for at in range(0, self.stores, RANGE_STORES)]
        return {"": parts[0]} if len(parts) == 1 else {f"_{n:02}": p for n, p in enumerate(parts)}


def world_of(seed: int, scale: str) -> World:
    """The retailer of a scale: ``default``, or a fraction of the full chain's stores.

    Raises LakehouseError for a scale that is neither.
    """
    if scale == "default":
        return World(seed, 500, 50, 10_000, ranged_pct=40, lines_per_pair=1.18, baskets=133)
    try:
        fraction = float(scale)
    except ValueError:
        fraction = 0.0
    # Asked of the fraction: round() has no answer to nan and inf, which are numbers to float().
    if not 1 / FULL_STORES <= fraction <= 1:
        raise LakehouseError(
            f"--scale {scale} is no scale; expected default, or the share of {FULL_STORES:,}"
            f" stores to generate, between {1 / FULL_STORES} and 1, as 0.01."
        )
    stores = round(fraction * FULL_STORES)
    customers = round(fraction * FULL_CUSTOMERS)
    return World(
        seed,
        FULL_PRODUCTS,
        stores,
        customers,
        ranged_pct=100,
        lines_per_pair=0.14,
        baskets=2_700,
    )


def day_number(day: date) -> int:
    """Days since 1970-01-01, which every formula counts in."""
    return (day - EPOCH).days
