"""What a range of stores sold and held, written a block of stores at a time.

A range's rows of a day are one file. Stores are worked out side by side, and so are files; a block
bounds the memory.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retail.generator import browsing, summary
from retail.generator.demand import Season
from retail.generator.files import Files, by_day
from retail.generator.orders import TRANSACTIONS, asked_for, ordered_by, settled, transactions
from retail.generator.rows import Rows, stacked, where
from retail.generator.shelves import INVENTORY_SNAPSHOTS, Shelf, closings, filled
from retail.generator.world import World

# Products of a store and day, and stores summed up, that are worked out together.
_BLOCK, _SUMMED = 2_000_000, 16
# What stores make, and by which number of a row its file is chosen.
_DAY = {"page_views": "day", "transactions": "told", "inventory_snapshots": "day"}
SOLD = tuple(_DAY)


@dataclass(frozen=True)
class Range:
    """A range of stores, by its place among all, and the days to write, both inclusive."""

    world: World
    place: int
    stores: list[int]
    start: int
    end: int

    @property
    def suffix(self) -> str:
        """What the names of its files end with: nothing where all stores are one range."""
        return "" if len(self.stores) == self.world.stores else f"_{self.place:02}"

    def blocks(self, size: int) -> Iterator[list[int]]:
        """The stores, so many at a time."""
        for first in range(0, len(self.stores), size):
            yield self.stores[first : first + size]


def write(
    part: Range, season: Season, entities: frozenset[str], output: Path, pool: Executor
) -> dict[str, int]:
    """Write the range's landing files, those of SOLD among ``entities``; rows by entity.

    The season begins with the days before that page views and stock depend on.
    """
    world, start, end = part.world, part.start, part.end
    texts = {
        "page_views": browsing.page_view_texts(world),
        "transactions": TRANSACTIONS,
        "inventory_snapshots": INVENTORY_SNAPSHOTS,
    }
    files = {
        entity: Files(output, entity, texts[entity], part.suffix)
        for entity in SOLD
        if entity in entities
    }

    def of_store(store: int) -> tuple[Rows, Rows]:
        shelf = Shelf(season, store)
        lines = filled(shelf, asked_for(season, store))
        told = where(lines, lines["day"] >= start - browsing.DAYS_BEFORE)
        orders = ordered_by(season, settled(season, told))
        return orders, closings(shelf, lines, orders, start)

    for block in part.blocks(max(1, _BLOCK // season.usual.size)):
        orders, counts = (stacked(p) for p in zip(*pool.map(of_store, block), strict=True))
        made = {"inventory_snapshots": counts}
        if "transactions" in files:
            made["transactions"] = transactions(world, orders, start, end)
        if "page_views" in files:
            made["page_views"] = browsing.page_views(world, orders, np.array(block), start, end)
        written = [
            (entity, day, rows)
            for entity in files
            for day, rows in by_day(made[entity], _DAY[entity], start, end)
        ]
        list(pool.map(lambda one: files[one[0]].add(one[1], one[2]), written))
    return {entity: file.close() for entity, file in files.items()}


def sum_up(part: Range, season: Season, output: Path, pool: Executor) -> int:
    """Write the range's sales of the days before the first, summed up; the rows written."""
    files = summary.Summary(output, part.world, part.place)
    for block in part.blocks(_SUMMED):
        rows = stacked(list(pool.map(lambda store: summary.pair_days(season, store), block)))
        list(pool.map(lambda one: files.add(*one), by_day(rows, "day", season.first, season.last)))
    return files.close()
