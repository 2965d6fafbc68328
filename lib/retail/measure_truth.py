"""Features of a day against the generator's own truth: pair by pair, in plain Python.

Written from what mart_demand_forecast_input says of its columns, over what truth.py says was sold,
given back and left on the shelf; nothing of the lake's own code takes part.
"""

import random
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from math import isclose
from pathlib import Path
from statistics import pstdev
from typing import Any

import duckdb
from deltalake import DeltaTable

from retail.generator import summary, truth
from retail.generator.ids import id_text
from retail.generator.run import Request
from retail.generator.world import day_number

Row = dict[str, Any]
Pair = tuple[int, int]


def differing(lake: Path, asked: Request, day: date, pairs: int = 1_000) -> list[str]:
    """What differs between the lake's features of a day and the truth, of some random pairs."""
    world, luck = asked.world, random.Random(day_number(day))
    chosen = [
        (luck.randint(1, world.stores), luck.randint(1, world.products)) for _ in range(pairs)
    ]
    found = _features(lake, day, chosen)
    return [
        f"{pair}: {name} is {have}, expected {want}"
        for pair in chosen
        for name, have, want in _compared(found.get(pair), expected(asked, *pair, day_number(day)))
    ]


def expected(asked: Request, store: int, product: int, day: int) -> Row | None:
    """A pair's features of a day in a lake that began with sales summed up; None without any."""
    world, first = asked.world, asked.start - summary.SUMMED_DAYS
    sold, back = truth.units(world, store, product, (first, day), asked.start)
    counted = {
        on: truth.shelf(world, store, product, on)[1]
        for on in range(max(asked.start, day - 28), day + 1)
        if truth.is_counted(world, store, product, on)
    }
    ranged = {on for on in counted if truth.is_sold(world, product, on)}
    known = [on for on in sold if sold[on] or on in ranged]
    if not known:
        return None
    known_days = day - min(known)

    def units(ago: int) -> int:
        return sold.get(day - ago, 0)

    def covered(window: int) -> list[int]:
        return [units(ago) for ago in range(1, min(window, known_days) + 1)]

    stocked = [ago for ago in range(1, 29) if day - ago in ranged and counted[day - ago] > 0]
    in_stock_days = sum(1 for ago in range(1, 29) if counted.get(day - ago, 0) > 0)
    net = max(sum(units(ago) - back.get(day - ago, 0) for ago in range(1, 29)), 0)
    out = day in ranged and counted[day] <= 0
    usual = Decimal(net) / in_stock_days if out and net and in_stock_days else Decimal(0)
    is_dead = not units(0)
    price = Decimal(truth.price_cents(world, product, day)) / 100 if day in counted else None
    row: Row = {
        "units": units(0),
        "is_ranged": day in ranged,
        "is_in_stock": counted[day] > 0 if day in counted else None,
        "estimated_demand": max(
            Decimal(units(0)), usual.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        ),
        "sold_days_63": sum(1 << (ago - 1) for ago in range(1, 64) if units(ago)),
        "days_since_sale": next((ago for ago in range(1, 64) if units(ago)), 64),
        "in_stock_days_28": len(stocked),
        "in_stock_units_28": sum(map(units, stocked)),
        "unit_price": price,
        "known_days": known_days,
        "demand_status": "out_of_stock"
        if out
        else ("true_zero" if day in ranged else "not_ranged")
        if is_dead
        else "sold",
    }
    for lag in (1, 7, 14, 28, 364):
        row[f"units_lag_{lag}"] = units(lag) if known_days >= lag else None
    for window in (7, 28, 91):
        row[f"units_sum_{window}"] = sum(units(ago) for ago in range(1, window + 1))
    for window in (28, 91):
        row[f"units_squares_{window}"] = sum(units(ago) ** 2 for ago in range(1, window + 1))
        row[f"coverage_days_{window}"] = len(covered(window))
        row[f"units_std_{window}"] = pstdev(covered(window)) if known_days else None
    return row


def _features(lake: Path, day: date, chosen: list[Pair]) -> dict[Pair, Row]:
    """The lake's rows of the pairs, by numbers of store and product."""
    table = lake / "gold" / "mart_demand_forecast_input"
    files = DeltaTable(str(table)).file_uris([("observed_on", "=", str(day))])
    ids = [f"('{id_text('store', s)}', '{id_text('product', p)}')" for s, p in chosen]
    asked = duckdb.sql(
        f"SELECT * FROM read_parquet({files}, hive_partitioning = true)"
        f" SEMI JOIN (VALUES {', '.join(ids)}) chosen (store_id, product_id)"
        " USING (store_id, product_id)"
    )
    names = [column[0] for column in asked.description]
    rows = [dict(zip(names, values, strict=True)) for values in asked.fetchall()]
    return {(int(row["store_id"][4:]), int(row["product_id"][4:])): row for row in rows}


def _compared(found: Row | None, wanted: Row | None) -> list[tuple[str, Any, Any]]:
    """Name, value and expected value of what differs; of a column the lake has not, nothing."""
    if found is None or wanted is None:
        return [("row", found and "there", wanted and "there")] if found or wanted else []
    pairs = [(name, found[name], want) for name, want in wanted.items() if name in found]
    return [(name, have, want) for name, have, want in pairs if not _same(have, want)]


def _same(have: Any, want: Any) -> bool:
    if isinstance(want, float) and have is not None:
        return isclose(have, want, rel_tol=1e-9, abs_tol=1e-9)
    return bool(have == want)
