"""Generate the days asked for: what stores sell and hold store by store, masters beside it."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from lakehouse import LakehouseError
from retail.generator.browsing import DAYS_BEFORE as VISIT_DAYS_BEFORE
from retail.generator.browsing import page_view_texts, page_views
from retail.generator.customers import customer_texts, customers
from retail.generator.demand import Season
from retail.generator.files import Files, by_day, clear
from retail.generator.masters import PRODUCTS, products, store_texts, stores
from retail.generator.orders import TRANSACTIONS, asked_for, settled, transactions
from retail.generator.pools import pools
from retail.generator.rows import Rows, stacked, where
from retail.generator.shelves import DAYS_BEFORE, INVENTORY_SNAPSHOTS, Shelf, closings, filled
from retail.generator.world import FIRST_DAY, LAST_DAY, World, day_number, world_of

# Products of a store and day that are worked out together, at most: what bounds the memory.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class Request:
    """A retailer and its days, by day number, both inclusive."""

    world: World
    start: int
    end: int


def request(
    conf: Mapping[str, Any],
    days: int | None = None,
    seed: int | None = None,
    end_date: date | None = None,
    scale: str | None = None,
) -> Request:
    """What to generate; what is left out comes from conf's ``generator`` section.

    Raises LakehouseError for days or a scale that cannot be.
    """
    default = conf["generator"]
    days = days if days is not None else int(default["days"])
    seed = seed if seed is not None else int(default["seed"])
    end_date = end_date or date.fromisoformat(str(default["end_date"]))
    world = world_of(seed, scale if scale is not None else str(default["scale"]))
    end = day_number(end_date)
    start = end - days + 1
    _check(days, end_date, start)
    return Request(world, start, end)


def generate(output: Path, asked: Request) -> dict[str, int]:
    """Write the landing files of the days asked for; rows written by entity.

    The orders of a day depend on seed, scale and date only; the first day's masters hold every
    entity, later ones what changed.
    """
    world, start, end = asked.world, asked.start, asked.end
    names = pools(world.seed)
    season = Season(world, start - VISIT_DAYS_BEFORE - DAYS_BEFORE, end)
    cores = len(os.sched_getaffinity(0))
    clear(output)
    # Ranges wait for the work that they hand out, so they have threads of their own.
    with ThreadPoolExecutor(cores) as pool, ThreadPoolExecutor(cores) as ranges:

        def sold(part: tuple[str, list[int]]) -> dict[str, int]:
            return _sold(asked, season, *part, output, pool)

        def whole(entity: str, texts: str, blocks: Iterable[Rows]) -> int:
            files = Files(output, entity, texts)
            for block in blocks:
                for day, rows in by_day(block, "day", start, end):
                    files.add(day, rows)
            return files.close()

        masters = {
            "customers": pool.submit(
                whole, "customers", customer_texts(names), customers(world, names, start, end)
            ),
            "products": pool.submit(whole, "products", PRODUCTS, [products(world, start, end)]),
            "stores": pool.submit(
                whole, "stores", store_texts(names), [stores(world, names, start, end)]
            ),
        }
        counts: Counter[str] = Counter()
        for found in ranges.map(sold, world.store_ranges().items()):
            counts.update(found)
        counts.update({entity: future.result() for entity, future in masters.items()})
    clear(output)
    return dict(counts)


def _sold(
    asked: Request,
    season: Season,
    suffix: str,
    numbers: list[int],
    output: Path,
    pool: Executor,
) -> dict[str, int]:
    """Write what a range of stores sold and held, a block of stores at a time."""
    texts = {
        "page_views": page_view_texts(asked.world),
        "transactions": TRANSACTIONS,
        "inventory_snapshots": INVENTORY_SNAPSHOTS,
    }
    files = {entity: Files(output, entity, sql, suffix) for entity, sql in texts.items()}
    size = max(1, _BLOCK // season.usual.size)
    for first in range(0, len(numbers), size):
        block = numbers[first : first + size]
        found = list(pool.map(lambda store: _of_store(asked, season, store), block))
        orders, counts = (stacked(parts) for parts in zip(*found, strict=True))
        start, end = asked.start, asked.end
        visits = page_views(asked.world, orders, np.array(block), start, end)
        records = transactions(asked.world, orders, start, end)
        parts = [("page_views", part) for part in by_day(visits, "day", start, end)]
        parts += [("transactions", part) for part in by_day(records, "told", start, end)]
        parts += [("inventory_snapshots", part) for part in by_day(counts, "day", start, end)]
        list(pool.map(lambda part: files[part[0]].add(*part[1]), parts))
    return {entity: written.close() for entity, written in files.items()}


def _of_store(asked: Request, season: Season, store: int) -> tuple[Rows, Rows]:
    """Lines of orders, from the day before the first on, and counts of a store."""
    shelf = Shelf(season, store)
    lines = filled(shelf, asked_for(season, store))
    orders = settled(season, where(lines, lines["day"] >= asked.start - VISIT_DAYS_BEFORE))
    return orders, closings(shelf, lines, orders, asked.start)


def _check(days: int, end_date: date, start: int) -> None:
    if days < 1:
        raise LakehouseError(f"--days {days} is no number of days; expected 1 or more.")
    if end_date > LAST_DAY or start < day_number(FIRST_DAY):
        raise LakehouseError(
            f"{days} days up to {end_date} reach outside {FIRST_DAY} to {LAST_DAY}, the days that"
            " order numbers have room for; choose --end-date and --days within."
        )
