"""Stock of each day by numpy: windows, states and versions against plain Python, without a JVM."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest
from slices import InMemory, Rows, in_memory

from retail.gold.dim_product import dim_product
from retail.gold.fact_inventory_daily import fact_inventory_daily
from retail.kernels.stock import stock
from retail.silver.int_daily_sales import int_daily_sales
from retail.silver.stg_inventory_snapshots import stg_inventory_snapshots

DAYS = [date(2026, 3, 1) + timedelta(n) for n in range(70)]
PRODUCTS = [f"P{n}" for n in range(8)]
TABLES = (fact_inventory_daily, stg_inventory_snapshots, int_daily_sales, dim_product)


def closed(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)


def history() -> dict[tuple[str, date | None], Rows]:
    """Counts with gaps, returns above sales, versions that change, end, begin late and lack values."""
    luck = random.Random(5)
    rows: dict[tuple[str, date | None], Rows] = {}
    for number, day in enumerate(DAYS):
        for product in PRODUCTS:
            if luck.random() < 0.8 and number % 17:
                level = luck.choice([-1, 0, 0, 2, 5, 40, 900])
                rows.setdefault(("stg_inventory_snapshots", day), []).append(
                    {"store_id": "S", "product_id": product, "quantity_available": level,
                     "quantity_on_hand": level, "reorder_point": luck.choice([None, 6]),
                     "safety_stock": luck.choice([None, 2]), "closed_at": closed(day)}
                )  # fmt: skip
            if luck.random() < 0.4:
                sold = {"gross_units": luck.randint(0, 7), "net_units": luck.randint(-3, 7)}
                rows.setdefault(("int_daily_sales", day), []).append(
                    {"store_id": "S", "product_id": product, **sold}
                )
    always, never = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    noon = datetime(2026, 4, 1, 12, tzinfo=UTC)
    versions = [(0, "P7", None, always, never), (1, "P1", True, always, noon),
                (2, "P1", False, noon, never), (3, "P2", True, always, noon),
                (4, "P3", True, noon, never), (5, "P4", None, always, never)]  # fmt: skip
    rows["dim_product", None] = [
        {"product_key": key, "product_id": product, "is_active": active, "valid_from": start,
         "valid_to": end, "unit_price": Decimal(key) if key % 2 else None, "unit_cost": Decimal(2)}
        for key, product, active, start, end in versions
    ]  # fmt: skip
    return rows


def half_up(value: Fraction, digits: int) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def by_hand(rows: dict[tuple[str, date | None], Rows], day: date) -> dict[str, dict[str, Any]]:
    """The rows of a day, by product, as fact_inventory_daily and its terms say them."""

    def sold(product: str, on: date, kind: str) -> int:
        found = rows.get(("int_daily_sales", on), [])
        return sum(row[kind] for row in found if row["product_id"] == product)

    past = [day - timedelta(n) for n in range(1, 29)]
    wanted = {}
    for count in rows.get(("stg_inventory_snapshots", day), []):
        product, available = count["product_id"], count["quantity_available"]
        units = max(0, sum(sold(product, on, "net_units") for on in past))
        days = sum(
            row["product_id"] == product and row["quantity_available"] > 0
            for on in past
            for row in rows.get(("stg_inventory_snapshots", on), [])
        )
        own = [
            v for v in rows["dim_product", None] if v["product_id"] == product and v["product_key"]
        ]
        valid = [v for v in own if v["valid_from"] <= closed(day) < v["valid_to"]]
        version = valid[0] if valid else {"product_key": 0, "unit_price": None, "unit_cost": None}
        is_deleted = not valid and any(v["valid_from"] <= closed(day) for v in own)
        is_known = units > 0 and days > 0
        lasting = half_up(Fraction(max(available, 0) * days, units), 1) if is_known else None
        safety, reorder = count["safety_stock"], count["reorder_point"]
        wanted[product] = {
            **{name: version[name] for name in ("product_key", "unit_price", "unit_cost")},
            "is_ranged": version.get("is_active") is not False and not is_deleted,
            "is_in_stock": available > 0,
            "day_units": sold(product, day, "gross_units"),
            "units_28d": units,
            "in_stock_days_28d": days,
            "daily_demand": half_up(Fraction(units, days), 4) if is_known else None,
            "days_of_supply": lasting,
            "stock_status": "out_of_stock" if available <= 0
            else "critical" if safety is not None and available <= safety
            else "low" if reorder is not None and available <= reorder
            else "no_movement" if units <= 0
            else "overstocked" if lasting is not None and lasting > 60
            else "healthy",
        }  # fmt: skip
    return wanted


def slice_of(days: list[date]) -> InMemory:
    return in_memory(TABLES, history(), days, overstocked_days=60)


def made(slice_: InMemory) -> dict[date, dict[str, dict[str, Any]]]:
    return {day: {r["product_id"]: r for r in rows.to_pylist()} for day, rows in stock(slice_)}


@pytest.mark.parametrize("days", [DAYS, [DAYS[30], DAYS[31], DAYS[60]]], ids=["all", "few"])
def test_every_count_says_what_plain_python_says(days: list[date]) -> None:
    rows = history()
    found = made(slice_of(days))
    compared = set()
    for day in days:
        wanted = by_hand(rows, day)
        assert found[day].keys() == wanted.keys()
        for product, row in wanted.items():
            assert {name: found[day][product][name] for name in row} == row, (day, product)
            compared |= {row["stock_status"], row["is_ranged"]}
    assert len(compared) >= 6


def test_the_past_is_read_from_the_rows_that_stand() -> None:
    """A count of the past that is no longer landed, but stands in the table, still counts."""
    rows = dict(stock(slice_of(DAYS[:40])))
    later = slice_of([DAYS[40], DAYS[41]])
    kept = {key: t for key, t in later.tables.items() if key[0] != "stg_inventory_snapshots"
            or key[1] in (DAYS[40], DAYS[41])}  # fmt: skip
    own: dict[tuple[str, date | None], pa.Table] = {
        ("fact_inventory_daily", day): table for day, table in rows.items()
    }
    standing = replace(later, tables=kept | own, unchanged=tuple(DAYS[:40]))
    found = made(standing)
    for day, wanted in ((day, by_hand(history(), day)) for day in found):
        days = {product: row["in_stock_days_28d"] for product, row in found[day].items()}
        assert days == {product: row["in_stock_days_28d"] for product, row in wanted.items()}
        assert max(days.values()) > 5
