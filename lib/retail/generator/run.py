"""Generate the days asked for: what stores sell and hold store by store, masters beside it."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lakehouse import LakehouseError
from retail.generator import browsing, chain, shelves, summary
from retail.generator.customers import customer_texts, customers
from retail.generator.demand import Season
from retail.generator.files import Files, by_day, clear
from retail.generator.masters import PRODUCTS, products, store_texts, stores
from retail.generator.pools import pools
from retail.generator.rows import Rows
from retail.generator.world import FIRST_DAY, LAST_DAY, World, day_number, world_of

ENTITIES = (*chain.SOLD, "customers", "products", "stores")


@dataclass(frozen=True)
class Request:
    """A retailer and its days, by day number, both inclusive; what of it to write.

    With ``summary`` the sales of the days before the first are written too, summed up.
    """

    world: World
    start: int
    end: int
    entities: frozenset[str] = frozenset(ENTITIES)
    summary: bool = False


def request(
    conf: Mapping[str, Any],
    days: int | None = None,
    seed: int | None = None,
    end_date: date | None = None,
    scale: str | None = None,
    late: float = 0.0,
    history: str = "none",
    entities: Iterable[str] = ENTITIES,
) -> Request:
    """What to generate; what is left out comes from conf's ``generator`` section.

    Raises LakehouseError for days, a scale or entities that cannot be.
    """
    default = conf["generator"]
    days = days if days is not None else int(default["days"])
    seed = seed if seed is not None else int(default["seed"])
    end_date = end_date or date.fromisoformat(str(default["end_date"]))
    world = world_of(seed, scale if scale is not None else str(default["scale"]), late)
    end = day_number(end_date)
    start = end - days + 1
    _check(days, end_date, start)
    if unknown := sorted(set(entities) - set(ENTITIES)):
        raise LakehouseError(
            f"--entities {unknown[0]} is no entity; expected some of {', '.join(ENTITIES)}."
        )
    return Request(world, start, end, frozenset(entities), history == "summary")


def generate(output: Path, asked: Request) -> dict[str, int]:
    """Write the landing files of the days asked for; rows written by entity.

    The orders of a day depend on seed, scale and date only; the first day's masters hold every
    entity, later ones what changed.
    """
    world, start, end = asked.world, asked.start, asked.end
    parts = [chain.Range(world, place, s, start, end) for place, s in world.store_ranges().items()]
    cores = len(os.sched_getaffinity(0))
    clear(output)
    counts: Counter[str] = Counter()
    # Ranges and masters wait for the work that they hand out, which has threads of its own.
    with ThreadPoolExecutor(cores) as pool, ThreadPoolExecutor(cores) as waiting:
        waits = [
            waiting.submit(_whole, output, asked, entity, *rows)
            for entity, rows in _masters(asked).items()
            if entity in asked.entities
        ]
        season = Season(world, start - browsing.DAYS_BEFORE - shelves.DAYS_BEFORE, end)
        waits += [
            waiting.submit(chain.write, part, season, asked.entities, output, pool)
            for part in parts
        ]
        for wait in waits:
            counts.update(wait.result())
        if asked.summary:
            shutil.rmtree(output / summary.FOLDER, ignore_errors=True)
            before = summary.season_before(world, start)
            sums = waiting.map(lambda part: chain.sum_up(part, before, output, pool), parts)
            counts[summary.FOLDER] = sum(sums)
    clear(output)
    return dict(counts)


def _masters(asked: Request) -> dict[str, tuple[str, Iterable[Rows]]]:
    """Of each master its texts, and its rows a block at a time."""
    world, start, end = asked.world, asked.start, asked.end
    names = pools(world.seed)
    return {
        "customers": (customer_texts(names), customers(world, names, start, end)),
        "products": (PRODUCTS, [products(world, start, end)]),
        "stores": (store_texts(names), [stores(world, names, start, end)]),
    }


def _whole(
    output: Path, asked: Request, entity: str, texts: str, blocks: Iterable[Rows]
) -> dict[str, int]:
    """Write the files of a master."""
    files = Files(output, entity, texts)
    for block in blocks:
        for day, rows in by_day(block, "day", asked.start, asked.end):
            files.add(day, rows)
    return {entity: files.close()}


def _check(days: int, end_date: date, start: int) -> None:
    if days < 1:
        raise LakehouseError(f"--days {days} is no number of days; expected 1 or more.")
    if end_date > LAST_DAY or start < day_number(FIRST_DAY):
        raise LakehouseError(
            f"{days} days up to {end_date} reach outside {FIRST_DAY} to {LAST_DAY}, the days that"
            " order numbers have room for; choose --end-date and --days within."
        )
