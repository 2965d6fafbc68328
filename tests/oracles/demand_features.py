"""Lag features day by day in plain Python, and a history with pairs of every kind to try them on."""

import random
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from statistics import pstdev
from typing import Any

FIRST, LAST = date(2024, 1, 1), date(2026, 1, 31)
DAYS = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]
PRODUCTS = ("DAILY", "SELDOM", "STOPPED", "RETURNED", "UNCOUNTED", "LEFTOVERS")
# Columns that tell of the day itself, or of its price, which is known before.
OBSERVED = {"store_id", "product_id", "observed_on", "store_range", "demand_status", "units",
            "is_ranged", "is_in_stock", "estimated_demand", "unseen_days", "unit_price",
            "price_change"}  # fmt: skip

Sales = dict[tuple[str, date], int]
# Whether it was carried, whether it had stock, its price and its daily demand.
Counts = dict[tuple[str, date], tuple[bool, bool, int, float]]


def history() -> tuple[Sales, Counts]:
    """Pairs of every kind: sold daily, seldom, ranged late, discontinued, gone for over a year."""
    luck = random.Random(11)
    sales: Sales = {}
    counts: Counts = {}
    for product, chance, carried in (
        ("DAILY", 0.8, range(0, 762)),
        ("SELDOM", 0.02, range(300, 762)),
        ("STOPPED", 0.3, range(0, 200)),
        ("RETURNED", 0.4, [*range(0, 40), *range(600, 650)]),
        ("UNCOUNTED", 0.1, range(0)),
    ):
        for number in carried:
            counts[product, DAYS[number]] = (
                luck.random() < 0.95, luck.random() < 0.9, luck.choice([5, 7]), 1.5
            )  # fmt: skip
        for number in carried or range(100, 120):
            if luck.random() < chance:
                sales[product, DAYS[number]] = luck.randint(0, 9)
    # Counted every day, carried at first and at last, and sold out for a while in between.
    for number, day in enumerate(DAYS):
        carried = number < 100 or number >= 612
        counts["LEFTOVERS", day] = carried, luck.random() < 0.9, luck.choice([5, 7]), 1.5
        if luck.random() < (0.3 if number < 120 else 0.02 * carried):
            sales["LEFTOVERS", day] = luck.randint(1, 9)
    for missing in DAYS[700:704]:  # nothing landed at all
        for product in PRODUCTS:
            sales.pop((product, missing), None)
            counts.pop((product, missing), None)
    return sales, counts


def by_hand(
    sales: Sales,
    counts: Counts,
    products: Iterable[str],
    days: Collection[date] = DAYS,
) -> dict[tuple[str, date], dict[str, Any]]:
    """Every row of the days, as the docstring of mart_demand_forecast_input says it."""
    landed = {day for _, day in (*sales, *counts)}
    counted = {day for _, day in counts}
    rows, wanted, last = {}, set(days), max(days)
    for product in products:
        seen_on, known = None, -1
        for day in (one for one in DAYS if one <= last):
            if sales.get((product, day), 0) > 0 or counts.get((product, day), (False,))[0]:
                seen_on = day
            if seen_on is None or (day - seen_on).days > 364:
                known = -1
                continue
            known = min(known + 1, 364)
            if day not in wanted:
                continue
            rows[product, day] = {
                "unseen_days": (day - seen_on).days,
                "known_days": known,
                **_row(sales, counts, product, day, known, landed),
            }
            if day not in counted:
                rows[product, day]["is_ranged"] = None
                status = "sold" if rows[product, day]["units"] else None
                rows[product, day]["demand_status"] = status
    return rows


def _row(
    sales: Sales, counts: Counts, product: str, day: date, known: int, landed: set[date]
) -> dict[str, Any]:
    def units(days: int) -> int:
        return sales.get((product, day - timedelta(days)), 0)

    def count(days: int) -> tuple[Any, ...]:
        return counts.get((product, day - timedelta(days)), ())

    def covered(length: int) -> list[int]:
        most = min(length, known)
        return [n for n in range(1, most + 1) if day - timedelta(n) in landed]

    def deviation(length: int) -> float | None:
        return pstdev(map(units, covered(length))) if covered(length) else None

    today, before = count(0), count(7) if known >= 7 else ()
    stock_out = bool(today) and today[0] and not today[1]
    stocked = [n for n in range(1, 29) if count(n) and count(n)[0] and count(n)[1]]
    is_ranged = bool(today and today[0])
    usual = ("true_zero" if is_ranged else "not_ranged") if units(0) == 0 else "sold"
    return {
        "demand_status": "out_of_stock" if stock_out else usual,
        "units": units(0),
        "is_ranged": is_ranged,
        "is_in_stock": today[1] if today else None,
        "estimated_demand": max(units(0), today[3] if stock_out else 0),
        **{f"units_lag_{k}": units(k) if known >= k else None for k in (1, 7, 14, 28, 364)},
        **{f"units_sum_{w}": sum(units(n) for n in range(1, w + 1)) for w in (7, 28, 91)},
        **{f"units_squares_{w}": sum(units(n) ** 2 for n in range(1, w + 1)) for w in (28, 91)},
        "units_std_28": deviation(28),
        "units_std_91": deviation(91),
        "coverage_days_28": len(covered(28)),
        "coverage_days_91": len(covered(91)),
        "sold_days_63": sum(1 << (n - 1) for n in range(1, 64) if units(n) > 0),
        "days_since_sale": next((n for n in range(1, 64) if units(n) > 0), 64),
        "in_stock_days_28": len(stocked),
        "in_stock_units_28": sum(map(units, stocked)),
        "unit_price": today[2] if today else None,
        "price_change": today[2] - before[2] if today and before else None,
    }


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """A row's values to compare: numbers as floats, deviations to nine places."""
    return {
        name: round(float(value), 9) if value is not None and not isinstance(value, str) else value
        for name, value in values.items()
    }
