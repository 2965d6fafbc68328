"""How large the made-up retailer is; with the seed, all that a day's content depends on."""

from dataclasses import dataclass
from datetime import date, timedelta

from lakehouse import LakehouseError
from retail.generator.ids import id_text
from retail.terms.layout import store_range_of

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
# Of the stores 80 are nodes, and of the products a few are not listed: 70 million counts a day.
FULL_STORES, FULL_PRODUCTS, FULL_CUSTOMERS = 2_000, 37_500, 40_000_000
# What so many stores sell and hold in a day is about one file: 4.4 million counts.
RANGE_STORES = 125


@dataclass(frozen=True)
class World:
    """Seed and sizes: numbers of things, lines a ranged pair sells a day, baskets a store day.

    Of a thousand lines, ``late_per_mille`` are told of up to a week late.
    """

    seed: int
    products: int
    stores: int
    customers: int
    ranged_pct: int
    lines_per_pair: float
    baskets: int
    late_per_mille: int = 0

    @property
    def decades(self) -> int:
        """Groups of ten customers at each store: nine consumers and one pro."""
        return self.customers // (self.stores * 10)

    def store_ranges(self) -> dict[int, list[int]]:
        """Stores whose day lies in one file, by their range: that of retail.terms.layout."""
        ranges: dict[int, list[int]] = {}
        for store in range(1, self.stores + 1):
            place = store_range_of(id_text("store", store), -(-self.stores // RANGE_STORES))
            ranges.setdefault(place, []).append(store)
        return dict(sorted(ranges.items()))


def world_of(seed: int, scale: str, late: float = 0.0) -> World:
    """The retailer of a scale: ``default``, or a fraction of the full chain's stores.

    ``late`` is the share of lines that come late. Raises LakehouseError for what is no scale or share.
    """
    if not 0 <= late <= 1:
        raise LakehouseError(f"--late {late} is no share of lines; expected 0 to 1, as 0.005.")
    late_per_mille = round(late * 1_000)
    if scale == "default":
        return World(seed, 500, 50, 10_000, 40, 1.18, 133, late_per_mille)
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
    return World(seed, FULL_PRODUCTS, stores, customers, 100, 0.14, 2_700, late_per_mille)


def day_number(day: date) -> int:
    """Days since 1970-01-01, which every formula counts in."""
    return (day - EPOCH).days
