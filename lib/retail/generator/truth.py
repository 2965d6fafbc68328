"""The demand function again, in plain Python: what a test or a forecaster is measured against.

Written apart from demand.py on purpose; they share the tables of numbers, not the formulas.
"""

from typing import NamedTuple

from retail.generator.assortment import DEPARTMENTS, QUANTITIES, SWINGS, WEEKDAYS, YEAR_DAYS
from retail.generator.demand import MOST_LINES, PROMOTION_LIFT, RANK_STEP, popularity_top
from retail.generator.hashing import salt
from retail.generator.listing import DELIST_CYCLE, LISTED_DAYS
from retail.generator.world import NEWCOMER_DAYS, NEWCOMERS_FROM, World, day_number

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_SPARK_SEED = 42


def _rotated(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def xxhash64(*parts: int) -> int:
    """Spark's xxhash64 over BIGINT values, as an unsigned number."""
    hashed = _SPARK_SEED
    for part in parts:
        hashed = (hashed + _P5 + 8) & _MASK
        hashed ^= _rotated((part & _MASK) * _P2 & _MASK, 31) * _P1 & _MASK
        hashed = (_rotated(hashed, 27) * _P1 + _P4) & _MASK
        hashed = (hashed ^ (hashed >> 33)) * _P2 & _MASK
        hashed = (hashed ^ (hashed >> 29)) * _P3 & _MASK
        hashed ^= hashed >> 32
    return hashed


def draw(seed: int, purpose: str, bound: int, *parts: int) -> int:
    """A whole number in [0, bound), by the seed, the purpose and the parts alone."""
    return (xxhash64(salt(seed, purpose), *parts) >> 33) % bound


def is_sold(world: World, product: int, day: int) -> bool:
    """Listed already and not discontinued."""
    start = day_number(NEWCOMERS_FROM)
    if draw(world.seed, "newcomer", 100, product) < 3:
        launched = start + draw(world.seed, "launch", NEWCOMER_DAYS, product)
    else:
        launched = start - 200 - draw(world.seed, "launch", 3_000, product)
    place = (day + draw(world.seed, "delist phase", DELIST_CYCLE, product)) % DELIST_CYCLE
    discontinued = draw(world.seed, "delisted", 10, product) == 0 and place >= LISTED_DAYS
    return launched <= day and not discontinued


def price_level(world: World, product: int, day: int) -> int:
    """Price as percent of the product's usual one."""
    period = 60 + draw(world.seed, "price period", 80, product)
    days_at_price = (day + draw(world.seed, "price phase", 140, product)) % period
    return 91 + draw(world.seed, "price level", 22, product, day - days_at_price)


def _season(product: int, day: int) -> int:
    department = DEPARTMENTS[(product - 1) % len(DEPARTMENTS)]
    since_peak = (day * 100 % 36_525 // 100 - department.peak) % YEAR_DAYS
    return 1024 + (department.swing * SWINGS[since_peak] >> 10)


def _store_size(world: World, store: int) -> int:
    return 717 + draw(world.seed, "store size", 615, store)


def usual_rate(world: World, store: int, product: int, day: int) -> int:
    """Lines to expect at that time of the year, in 1/65,536."""
    top, first = popularity_top(world)
    rank = (product * RANK_STEP + world.seed) % world.products
    lines = round(world.lines_per_pair * 65_536)
    lines = lines * (top // (rank + first)) >> 10
    lines = lines * _season(product, day) >> 10
    lines = lines * _store_size(world, store) >> 10
    return lines * (512 + draw(world.seed, "taste", 1025, store, product)) >> 10


def rate(world: World, store: int, product: int, day: int) -> int:
    """Lines to expect on the very day, in 1/65,536."""
    promoted = draw(world.seed, "promoted", 20, product, (day + 3) // 7) == 0
    lines = usual_rate(world, store, product, day)
    lines = lines * WEEKDAYS[(day + 3) % 7] >> 10
    lines = lines * (PROMOTION_LIFT if promoted else 1024) >> 10
    return lines * ((202 - price_level(world, product, day)) * 1024 // 100) >> 10


def line_count(world: World, store: int, product: int, day: int) -> int:
    """Lines sold of the product in the store on the day."""
    carried = draw(world.seed, "ranged", 100, store, product) < world.ranged_pct
    if store % 50 in (5, 10) or not carried or not is_sold(world, product, day):
        return 0
    noise = draw(world.seed, "noise", 2049, store, product, day)
    spread = rate(world, store, product, day) * noise >> 10
    rounding = draw(world.seed, "rounding", 65_536, store, product, day)
    return min((spread + rounding) >> 16, MOST_LINES)


class Line(NamedTuple):
    """A line that someone wants: what the shelf owes it, and what becomes of it."""

    number: int
    basket: int
    units: int
    luck: int  # of the basket: below 170 it buys in store; else 9 in 20 pick up, the others wait

    @property
    def picks_up(self) -> bool:
        return self.luck % 20 < 9

    @property
    def from_shelf(self) -> bool:
        return self.luck < 170 or self.picks_up


def _asked(world: World, store: int, product: int, day: int) -> list[Line]:
    """The lines of the day."""
    busy = _store_size(world, store) * WEEKDAYS[(day + 3) % 7] >> 10
    baskets = 1 + (world.baskets * busy >> 10)
    asked = []
    for line in range(line_count(world, store, product, day)):
        key = (store, product, day, line)
        basket = draw(world.seed, "basket", baskets, *key)
        units = QUANTITIES[draw(world.seed, "units", len(QUANTITIES), *key)]
        if draw(world.seed, "pro basket", 100, store, day, basket) < 18:
            units *= 2 + draw(world.seed, "pro units", 4, *key)
        luck = draw(world.seed, "channel", 200, store, day, basket)
        asked.append(Line(line, basket, units, luck))
    return asked


def demand(world: World, store: int, product: int, day: int) -> int:
    """Units asked for of the product in the store on the day."""
    return sum(line.units for line in _asked(world, store, product, day))


def level(world: World, store: int, product: int, day: int) -> int:
    """Units on the shelf after the delivery of the day, 0 for what is not listed then."""
    carried = draw(world.seed, "ranged", 100, store, product) < world.ranged_pct
    if store % 50 in (5, 10) or not carried or not is_sold(world, product, day):
        return 0
    weekly = usual_rate(world, store, product, day) * 7 * 2_785 >> 16
    luck = draw(world.seed, "cover", 100, store, product)
    cover = 800 if luck < 3 else 95 + luck
    return max(2, -(-weekly * cover // 102_400))


def given(
    world: World, store: int, product: int, first: int, last: int
) -> dict[int, tuple[list[tuple[Line, int]], int]]:
    """By day the lines with the units that each was given, and units left on the shelf at close."""
    phase = draw(world.seed, "delivery", 7, store, product)
    day = first - (first + phase) % 7
    left, days = 0, {}
    while day <= last:
        if (day + phase) % 7 == 0:
            left = level(world, store, product, day)
        lines = []
        for line in _asked(world, store, product, day):
            units = min(line.units, left) if line.from_shelf else line.units
            left -= units if line.from_shelf else 0
            lines.append((line, units))
        days[day] = (lines, left)
        day += 1
    return {day: found for day, found in days.items() if day >= first}


def shelf(world: World, store: int, product: int, day: int) -> tuple[int, int]:
    """Units sold on the day, shipped ones included, and units left on the shelf at its close."""
    lines, left = given(world, store, product, day, day)[day]
    return sum(units for _, units in lines), left


class Fate(NamedTuple):
    """When files tell of a line's sale, and that it was cancelled or came back; else None."""

    told: int
    cancelled: int | None
    returned: int | None


def fate(world: World, store: int, product: int, day: int, line: Line) -> Fate:
    """What becomes of a line that was given something."""
    key, basket = (store, product, day, line.number), (store, day, line.basket)
    told = day
    if draw(world.seed, "late", 1_000, *key) < world.late_per_mille:
        told += 1 + draw(world.seed, "days late", 7, *key)
    pace = draw(world.seed, "pace", 1 << 30, *basket)
    if line.luck >= 170 and draw(world.seed, "cancelled", 100, *basket) < 3:
        return Fate(told, told + 1 + pace % 2, None)
    if draw(world.seed, "returned", 100, *key) >= 4:
        return Fate(told, None, None)
    delivered = 0 if line.luck < 170 else 2 if line.picks_up else 3 + pace % 2 + pace // 2 % 3
    return Fate(told, None, told + delivered + 2 + draw(world.seed, "return day", 12, *key))


def units(
    world: World, store: int, product: int, days: tuple[int, int], start: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Units sold, and given back, by day, of what was sold on ``days``, both inclusive.

    As a lake that began on day ``start`` knows it: what files told up to the last day; of what was
    sold before its start, up to that.
    """
    sold = dict.fromkeys(range(days[0], days[1] + 1), 0)
    back = dict.fromkeys(sold, 0)
    for day, (lines, _) in given(world, store, product, *days).items():
        by = days[1] if day >= start else start - 1
        for line, quantity in lines:
            told, cancelled, returned = fate(world, store, product, day, line)
            if told <= by and (cancelled is None or cancelled > by):
                sold[day] += quantity
                if returned is not None and returned <= by:
                    back[returned] += quantity
    return sold, back


def price_cents(world: World, product: int, day: int) -> int:
    """The list price."""
    low, high = DEPARTMENTS[(product - 1) % len(DEPARTMENTS)].cents
    place = draw(world.seed, "usual price", 1024, product)
    usual = low + ((high - low) * place**3 >> 30)
    return usual * price_level(world, product, day) // 1_000 * 10 + 9


def is_counted(world: World, store: int, product: int, day: int) -> bool:
    """The store was delivered the product, and counts it at the close of the day."""
    delivered = day - (day + draw(world.seed, "delivery", 7, store, product)) % 7
    return level(world, store, product, delivered) > 0
