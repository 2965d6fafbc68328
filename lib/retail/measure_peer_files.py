"""What the peers of the benchmark read: files of the lake for the features of a day."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from deltalake import DeltaTable

LAGS = (1, 7, 14, 28)
WINDOWS = (7, 28, 91)
# Days before the day of which the moved-on features need sales: lags, and what leaves a window.
MOVING = (0, 7, 8, 14, 28, 29, 92)


@dataclass(frozen=True)
class Files:
    """What one range of stores has: sales and counts by days before the day, and the features of
    the day before; ``landed`` are the days before the day, as numbers, on which anything landed.
    """

    sales: dict[int, list[str]]
    counts: dict[int, list[str]]
    before: list[str]
    landed: frozenset[int]

    def sold(self, days: tuple[int, ...]) -> list[str]:
        return [file for ago in days for file in self.sales.get(ago, [])]


def ranges(lake: Path, day: date) -> dict[str, Files]:
    """The files of each range of stores for the features of a day."""
    sales = _by_range(lake / "silver" / "int_daily_sales", "sold_on", day)
    counts = _by_range(lake / "gold" / "fact_inventory_daily", "snapshot_date", day)
    landed = {ago for days in (*sales.values(), *counts.values()) for ago in days}
    before = _day_before(lake / "gold" / "mart_demand_forecast_input", day)
    return {
        place: Files(sales[place], counted, before.get(place, []), frozenset(landed))
        for place, counted in counts.items()
    }


def _day_before(table: Path, day: date) -> dict[str, list[str]]:
    """Files of the features of the day before, by store range: of the newest version that has any,
    as a table that keeps few days has dropped them.
    """
    newest = DeltaTable(str(table)).version() if DeltaTable.is_deltatable(str(table)) else -1
    for version in range(newest, -1, -1):
        days = _by_range(table, "observed_on", day, version)
        if found := {place: held[1] for place, held in days.items() if 1 in held}:
            return found
    return {}


def _by_range(
    table: Path, column: str, day: date, version: int | None = None
) -> dict[str, dict[int, list[str]]]:
    """Files of a table by store range and days before the day."""
    delta = DeltaTable(str(table), version=version)
    found: dict[str, dict[int, list[str]]] = {}
    actions = delta.get_add_actions(flatten=True)
    rows = [actions.column(name).to_pylist() for name in ("path", f"partition.{column}")]
    places = (
        actions.column("partition.store_range").to_pylist()
        if "partition.store_range" in actions.schema.names
        else ["0"] * len(rows[0])
    )
    for path, on, place in zip(*rows, places, strict=True):
        ago = (day - date.fromisoformat(str(on))).days
        found.setdefault(str(place), {}).setdefault(ago, []).append(str(table / path))
    return found


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
