"""Lag features by numpy: against plain Python, from any day on, after late sales, without a JVM."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from oracles.demand_features import (
    DAYS,
    FIRST,
    LAST,
    OBSERVED,
    PRODUCTS,
    Counts,
    Sales,
    by_hand,
    history,
    plain,
)
from slices import InMemory, Rows, in_memory

from lakehouse import Slice
from retail.gold.fact_inventory_daily import fact_inventory_daily
from retail.gold.mart_demand_forecast_input import mart_demand_forecast_input
from retail.kernels.demand_features import demand_features
from retail.silver.int_daily_sales import int_daily_sales

OWN, SOLD, COUNTED = "mart_demand_forecast_input", "int_daily_sales", "fact_inventory_daily"
TABLES = (mart_demand_forecast_input, int_daily_sales, fact_inventory_daily)


def slice_of(sales: Sales, counts: Counts, days: Iterable[date]) -> InMemory:
    rows: dict[tuple[str, date | None], Rows] = {}
    for (product, day), units in sales.items():
        row = {"store_id": "S", "product_id": product, "gross_units": units}
        rows.setdefault((SOLD, day), []).append(row)
    for (product, day), (ranged, stocked, price, demand) in counts.items():
        row = {"store_id": "S", "product_id": product, "is_ranged": ranged, "is_in_stock": stocked}
        row |= {"unit_price": Decimal(price), "daily_demand": Decimal(str(demand))}
        rows.setdefault((COUNTED, day), []).append(row)
    return in_memory(TABLES, rows, days)


def made(slice_: Slice) -> dict[tuple[str, date], dict[str, Any]]:
    return plainly(demand_features(slice_))


def plainly(days: Iterable[tuple[date, pa.Table]]) -> dict[tuple[str, date], dict[str, Any]]:
    found = {}
    for day, rows in days:
        for row in rows.to_pylist():
            assert row.pop("store_id") == "S"
            product = row.pop("product_id")
            found[product, day] = plain(row)
    return found


# Every fourth day, and those around which pairs come, are forgotten, come back, or nothing landed.
STARTS = [1, 39, 404, 405, 470, 640, 701, 760]
CHOSEN = sorted({*DAYS[::4], DAYS[430], DAYS[438], DAYS[740], LAST}
                | {DAYS[n + k] for n in STARTS for k in range(-1, 3) if n + k < len(DAYS)})  # fmt: skip


@pytest.fixture(scope="module")
def slice_() -> InMemory:
    return slice_of(*history(), CHOSEN)


@pytest.fixture(scope="module")
def rows(slice_: InMemory) -> dict[date, pa.Table]:
    """The rows of the chosen days, each made from the one before."""
    return dict(demand_features(slice_))


def carried(slice_: InMemory, rows: dict[date, pa.Table], base: date) -> InMemory:
    """The slice with the rows of a day to start from."""
    return replace(slice_, unchanged=(base,), tables={**slice_.tables, (OWN, base): rows[base]})


@pytest.fixture(scope="module")
def expected() -> dict[tuple[str, date], dict[str, Any]]:
    return {key: plain(row) for key, row in by_hand(*history(), PRODUCTS, CHOSEN).items()}


def test_every_row_is_what_plain_python_makes_of_the_history(
    rows: dict[date, pa.Table], expected: dict[tuple[str, date], dict[str, Any]]
) -> None:
    found = plainly(rows.items())
    assert found.keys() == expected.keys()
    assert {key for key in found if found[key] != expected[key]} == set()


@pytest.mark.parametrize("number", STARTS)
def test_a_day_carried_from_any_other_is_the_same(
    slice_: InMemory,
    rows: dict[date, pa.Table],
    expected: dict[tuple[str, date], dict[str, Any]],
    number: int,
) -> None:
    later = [*DAYS[number : number + 3], LAST]
    found = made(carried(replace(slice_, days=tuple(later)), rows, DAYS[number - 1]))
    assert found == {key: row for key, row in expected.items() if key[1] in later}


def test_late_sales_after_the_base_count_as_if_they_had_come_in_time(
    rows: dict[date, pa.Table],
) -> None:
    """New ones, several of a pair and day, returns that take a sale back, a product that is new."""
    sales, counts = history()
    luck = random.Random(3)
    late = {k: n for k, n in sales.items() if k[1] <= DAYS[740] or luck.random() < 0.7}
    for day in DAYS[741:]:
        late["NEW", day] = luck.choice([0, 0, 3])
        late["SELDOM", day] = luck.choice([0, 0, 5])
    found = made(carried(slice_of(late, counts, DAYS[745:]), rows, DAYS[740]))
    wanted = by_hand(late, counts, (*PRODUCTS, "NEW"), DAYS[745:])
    assert found == {key: plain(row) for key, row in wanted.items()}


def known_later(
    luck: random.Random, sales: Sales, counts: Counts, last: date, settled: date
) -> tuple[Any, Any]:
    """Sales and counts after a day that is settled and up to another as they turn out: cancelled,
    late, others, of new products.
    """
    sales, counts = dict(sales), dict(counts)
    spans = [luck.choice([1, 7, 40, 800]) for _ in PRODUCTS]
    for product, span in zip(PRODUCTS, spans, strict=True):
        days = [day for day in DAYS if max(last - timedelta(span), settled) < day <= last]
        share = luck.choice([0.05, 0.5, 1.0])
        for day in days:
            if luck.random() > share:
                continue
            sold, counted = (product, day) in sales, (product, day) in counts
            if luck.random() < 0.7:
                sales[product, day] = luck.choice([0, 0, 1, 5]) if sold else luck.choice([0, 2])
            if counted and luck.random() < 0.3:
                del counts[product, day]
            elif luck.random() < 0.3:
                flags = luck.random() < 0.5, luck.random() < 0.5
                counts[product, day] = *flags, luck.choice([5, 7]), 1.5
    for _ in range(3):
        sales["NEW", luck.choice([d for d in DAYS if settled < d <= last])] = luck.choice([0, 3])
    return sales, counts


def differing(slice_: InMemory, other: InMemory, last: date) -> dict[str, Any]:
    """Rows of each input up to a day that one slice has and the other has not, both ways."""
    found = {}
    for name, column in ((SOLD, "sold_on"), (COUNTED, "snapshot_date")):
        sides = []
        for one, another in ((slice_, other), (other, slice_)):
            rows = []
            for (table, day), some in one.tables.items():
                if table == name and day and day <= last:
                    others = another.tables.get((name, day), some.slice(0, 0)).to_pylist()
                    rows += [row | {column: day} for row in some.to_pylist() if row not in others]
            sides.append(pa.Table.from_pylist(rows, slice_.schemas[name]))
        found[name] = tuple(sides)
    return found


@pytest.mark.parametrize("seed", range(40))
def test_a_base_is_mended_where_sales_and_counts_before_it_are_others_now(
    slice_: InMemory, rows: dict[date, pa.Table], seed: int
) -> None:
    luck = random.Random(seed)
    base = luck.choice([DAYS[n] for n in STARTS] + [DAYS[740], DAYS[748]])
    until = min(base + timedelta(luck.choice([0, 3])), LAST)  # changes after it are not its own
    settled = luck.choice([FIRST - timedelta(1), *(day for day in CHOSEN if day < base)][-4:])
    sales, counts = known_later(luck, *history(), until, settled)
    days = {min(base + timedelta(luck.randrange(14)), LAST) for _ in range(3)}
    known = slice_of(sales, counts, sorted(days))
    mended = replace(
        known,
        amendable=(base,),
        unchanged=(settled,) if settled in rows else (),
        tables={**known.tables, (OWN, base): rows[base]}
        | {(OWN, settled): rows.get(settled, rows[base])},
        differing=differing(slice_, known, until),
    )
    wanted = by_hand(sales, counts, (*PRODUCTS, "NEW"), known.days)
    assert made(mended) == {key: plain(row) for key, row in wanted.items()}


class Watched(InMemory):
    """A slice that notes which counts are read."""

    def read(self, name: str, day: date | None, columns: Any) -> pa.Table:
        if name == COUNTED and day and "is_ranged" in columns:
            READ.append(day)
        return super().read(name, day, columns)


READ: list[date] = []


@pytest.mark.parametrize(
    ("said", "looks_back"),
    [
        ("a sale that was the last is cancelled", False),
        ("a sale of units is of fewer", False),
        ("it was not carried on the last day it was seen", True),
        ("it was carried before all that was known", True),
        ("it was carried before, and known for a year", False),
        ("a count closes a gap of a year", True),
        ("it was carried on a day amid a gap that so was none", True),
    ],
)
def test_what_is_no_sum_is_looked_up(said: str, looks_back: bool) -> None:
    """Only as far as it must: a year of counts is read where a pair's being seen is another."""
    first, base = FIRST, FIRST + timedelta(700)
    carried = (True, True, 5, 1.5)
    sales: Sales = {("P", base - timedelta(n)): 3 for n in (3, 60)}
    known_days = 400 if "for a year" in said else 200
    counts: Counts = {("P", base - timedelta(n)): carried for n in range(known_days)}
    counts |= {("O", first + timedelta(n)): carried for n in range(701)}  # whose days landed
    later_sales, later = dict(sales), dict(counts)
    if "cancelled" in said:
        later_sales["P", base - timedelta(3)] = 0
    elif "fewer" in said:
        later_sales["P", base - timedelta(3)] = 1
    elif "not carried" in said:
        counts["P", base - timedelta(0)] = carried
        later["P", base] = (False, True, 5, 1.5)
    elif "carried before" in said:
        later["P", base - timedelta(known_days + 30)] = carried
    elif "closes" in said:
        for days in (counts, later):
            for n in range(5, 200):
                del days["P", base - timedelta(n)]
            days["P", base - timedelta(600)] = carried
        sales, later_sales = {}, {}
        later["P", base - timedelta(4 + 365)] = carried
    else:
        for days in (counts, later):
            for n in range(5, 200):
                del days["P", base - timedelta(n)]
            for n in (300, 600):
                days["P", base - timedelta(n)] = carried
        sales, later_sales = {}, {}
        del later["P", base - timedelta(300)]
    before = slice_of(sales, counts, [base])
    known = slice_of(later_sales, later, [base, base + timedelta(1)])
    rows = dict(demand_features(before))
    mended = replace(
        known,
        amendable=(base,),
        tables={**known.tables, (OWN, base): rows[base]},
        differing=differing(before, known, base),
    )
    READ.clear()
    found = made(Watched(**vars(mended)))
    wanted = by_hand(later_sales, later, ("P", "O"), known.days)
    assert found == {key: plain(row) for key, row in wanted.items()}
    assert (len(set(READ)) > 100) == looks_back


def test_sales_of_a_day_or_later_change_no_lagged_column_of_the_day(
    rows: dict[date, pa.Table],
) -> None:
    sales, counts = history()
    day = DAYS[438]
    other = {k: n for k, n in sales.items() if k[1] < day} | {("DAILY", d): 77 for d in DAYS[438:]}
    one = plainly([(day, rows[day])])
    two = made(carried(slice_of(other, counts, [day]), rows, DAYS[430]))
    assert one.keys() == two.keys()
    for key in one:
        for name in set(one[key]) - OBSERVED:
            assert one[key][name] == two[key][name], (key, name)
    assert two["DAILY", day]["units"] == 77


@pytest.mark.parametrize(("away", "known"), [(365, 364), (366, 0)])
def test_a_pair_that_was_forgotten_for_a_day_is_known_anew(away: int, known: int) -> None:
    last, back = FIRST + timedelta(364), FIRST + timedelta(away)
    rows = made(slice_of({("P", FIRST): 2, ("P", back): 3}, {}, [last, back]))
    assert [(day, row["known_days"], row["unseen_days"]) for (_, day), row in rows.items()] == [
        (last, 364, 364),
        (back, known, 0),
    ]
