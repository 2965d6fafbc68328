"""Generate the days asked for."""

import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from lakehouse import LakehouseError
from retail.generator.browsing import page_view_texts, page_views
from retail.generator.customers import customers
from retail.generator.files import AS_THEY_ARE, WRITING, write_days
from retail.generator.masters import products, stores
from retail.generator.orders import TRANSACTIONS, asked_for, transactions
from retail.generator.pools import pools
from retail.generator.shelves import (
    DAYS_BEFORE,
    INVENTORY_SNAPSHOTS,
    filled,
    inventory_snapshots,
)
from retail.generator.world import FIRST_DAY, LAST_DAY, World, day_number, world_of


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


def generate(spark: SparkSession, output: Path, asked: Request) -> dict[str, int]:
    """Write the landing files of the days asked for; rows written by entity.

    The orders of a day depend on seed, scale and date only; the first day's masters hold every
    entity, later ones what changed.
    """
    world, start, end = asked.world, asked.start, asked.end
    session = _session(spark)
    names = pools(world.seed)
    before = start - DAYS_BEFORE
    lines = filled(world, asked_for(session, world, before, end)).persist()
    rows = {
        "page_views": (page_views(session, world, lines, start, end), page_view_texts(world)),
        "transactions": (transactions(world, lines, start, end), TRANSACTIONS),
        "inventory_snapshots": (
            inventory_snapshots(session, world, lines, start, end),
            INVENTORY_SNAPSHOTS,
        ),
        "customers": (customers(session, world, names, start, end), AS_THEY_ARE),
        "products": (products(session, world, start, end), AS_THEY_ARE),
        "stores": (stores(session, world, names, start, end), AS_THEY_ARE),
    }

    def write(entity: str) -> int:
        numbers, texts = rows[entity]
        return write_days(numbers, texts, output, entity, start)

    with ThreadPoolExecutor(2) as pool:
        counts = dict(zip(rows, pool.map(write, rows), strict=True))
    lines.unpersist()
    shutil.rmtree(output / WRITING, ignore_errors=True)
    return counts


def _check(days: int, end_date: date, start: int) -> None:
    if days < 1:
        raise LakehouseError(f"--days {days} is no number of days; expected 1 or more.")
    if end_date > LAST_DAY or start < day_number(FIRST_DAY):
        raise LakehouseError(
            f"{days} days up to {end_date} reach outside {FIRST_DAY} to {LAST_DAY}, the days that"
            " order numbers have room for; choose --end-date and --days within."
        )


def _session(spark: SparkSession) -> SparkSession:
    """A session of its own, so that the caller's settings stay as they are."""
    session = spark.newSession()
    session.conf.set("spark.sql.session.timeZone", "UTC")
    # Nothing here overflows or divides by zero, and the checks take a third of the time.
    session.conf.set("spark.sql.ansi.enabled", "false")
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "50000")
    # Batches are bounded by rows: weighing each row, and packing what is kept, costs more.
    session.conf.set("spark.sql.execution.arrow.maxBytesPerBatch", str(2**31 - 1))
    session.conf.set("spark.sql.inMemoryColumnarStorage.compressed", "false")
    # Whatever suits the caller's rows, here are millions.
    session.conf.set("spark.sql.codegen.wholeStage", "true")
    session.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")
    return session
