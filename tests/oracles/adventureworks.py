"""What AdventureWorks' files say, day by day, without anything of ours."""

import csv
import gzip
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

BEGINNING, OPEN_END = date(1900, 1, 1), date(9999, 12, 31)
ONE_DAY = timedelta(1)


class Version(NamedTuple):
    """A product from one day up to, not including, another."""

    product_id: str
    sku: str
    product_name: str
    category: str | None
    subcategory: str | None
    unit_price: Decimal | None
    unit_cost: Decimal | None
    valid_from: date
    valid_to: date


def versions(folder: Path) -> list[Version]:
    """Every version, sorted: the days of each product in turn, equal neighbours put together."""
    categories = {row[0]: row[1] for row in _rows(folder, "ProductCategory")}
    groups = {row[0]: (row[2], categories[row[1]]) for row in _rows(folder, "ProductSubcategory")}
    prices, costs = (
        _intervals(folder, name) for name in ("ProductListPriceHistory", "ProductCostHistory")
    )
    found = []
    for row in _rows(folder, "Product"):
        group, category = groups.get(row[18], (None, None))
        named = (row[0], row[2], row[1], category, group)
        mine = prices.get(row[0], []), costs.get(row[0], [])
        if not any(mine):
            found.append(Version(*named, Decimal(row[9]), Decimal(row[8]), BEGINNING, OPEN_END))
        found += [Version(*named, *state) for state in _states(*mine)]
    return sorted(found, key=lambda version: (version.product_id, version.valid_from))


Interval = tuple[date, date, Decimal]
State = tuple[Decimal | None, Decimal | None, date, date]


def _states(prices: list[Interval], costs: list[Interval]) -> list[State]:
    """Price and cost on every day of their intervals, equal days in a row as one."""
    ends = [day for start, last, _ in prices + costs for day in (start, last) if day < OPEN_END]
    states: list[State] = []
    if not ends:
        return states
    day, horizon = min(ends), max(ends) + ONE_DAY  # on which none but open intervals are left
    while day <= horizon:
        price, cost = _on(prices, day), _on(costs, day)
        until = day + ONE_DAY if day < horizon else OPEN_END
        if states and states[-1][:2] == (price, cost) and states[-1][3] == day:
            states[-1] = (price, cost, states[-1][2], until)
        elif (price, cost) != (None, None):
            states.append((price, cost, day, until))
        day += ONE_DAY
    return states


def _on(intervals: list[Interval], day: date) -> Decimal | None:
    return next((amount for start, last, amount in intervals if start <= day <= last), None)


def _intervals(folder: Path, name: str) -> dict[str, list[Interval]]:
    """By product: first day, last day (included) and amount."""
    found: dict[str, list[Interval]] = {}
    for product, start, end, amount, _ in _rows(folder, name):
        last = _day(end) if end else OPEN_END
        found.setdefault(product, []).append((_day(start), last, Decimal(amount)))
    return found


def _day(text: str) -> date:
    return datetime.fromisoformat(text).date()


def _rows(folder: Path, name: str) -> list[list[str]]:
    (path,) = folder.glob(f"{name}.csv*")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as stream:
        return list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
