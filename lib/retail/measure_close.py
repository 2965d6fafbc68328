"""Closing days of a chain of any scale: each table's seconds, rows, bytes, files and memory.

A lake begins with the sales of the three months before, summed up; then one day after the other
lands and is brought as far as the features, table by table in one warm session.
"""

import argparse
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from lakehouse.backfill import backfill, table_by_days
from lakehouse.build import Outcome
from lakehouse.conf import load, merge
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.log import Log, commit_properties
from lakehouse.run import run
from lakehouse.session import start
from retail import project
from retail.generator import generate, request, summary
from retail.generator.run import Request
from retail.generator.world import EPOCH
from retail.meter import Step, step

MASTERS = ("products", "stores")
ENTITIES = (*MASTERS, "transactions", "inventory_snapshots")
SUMMED, FEATURES = "int_daily_sales", "mart_demand_forecast_input"
# In the order in which they can be built.
TABLES = (
    *(f"raw_{entity}" for entity in ENTITIES),
    *(f"stg_{master}" for master in MASTERS),
    *("int_store_zones", "stg_transactions", "stg_inventory_snapshots"),
    *("dim_product", "fact_sales", SUMMED, "fact_inventory_daily", FEATURES),
)


@dataclass(frozen=True)
class Built:
    """One table of one day's close: what it cost, and what it wrote and moved."""

    day: date
    table: str
    step: Step
    rows: int
    files: int
    bytes: int
    shuffled: int


@dataclass(frozen=True)
class Chain:
    """A chain of stores and its lake in the folder ``work``; ``days`` are landed one by one."""

    work: Path
    scale: str
    days: int = 3
    late: float = 0.005
    env: str = "large"

    @property
    def lake(self) -> Path:
        return self.work / "lake"

    @property
    def landing(self) -> Path:
        return self.work / "landing"

    @property
    def made(self) -> Path:
        return self.work / "made"

    @cached_property
    def asked(self) -> Request:
        conf = load(self.env)
        return request(conf, self.days, None, None, self.scale, self.late, "summary", ENTITIES)

    @property
    def dates(self) -> list[date]:
        return [EPOCH + timedelta(n) for n in range(self.asked.start, self.asked.end + 1)]

    def frame(self, day: date | None = None) -> Frame:
        """A build as of a day, with the ranges of stores that files have, and a log of events."""
        options = argparse.Namespace(
            source=None, landing=self.landing, lake=self.lake, env=self.env, as_of=None
        )
        found = project.frame(options)
        events = self.work / "events"
        events.mkdir(parents=True, exist_ok=True)
        conf = {
            "layout": {"store_ranges": len(self.asked.world.store_ranges())},
            "spark": {
                "spark.eventLog.enabled": True,
                "spark.eventLog.dir": events.as_uri(),
                "spark.eventLog.rolling.enabled": False,
                "spark.eventLog.compress": False,
            },
        }
        return replace(found, conf=merge(found.conf, conf), as_of=day)

    def generate(self) -> Step:
        """Make the landing files of all days, and the past summed up, aside from the landing."""
        with step("generate") as made:
            generate(self.made, self.asked)
        return made

    def begin(self) -> Step:
        """A lake as it stands before the first day: masters, past sales, and their features."""
        before = self.dates[0] - timedelta(1)
        self.land(self.dates[0], MASTERS)
        with step("begin") as begun:
            self._built(before, TABLES[: TABLES.index(SUMMED) + 1])
            adopt(self.lake / "silver" / SUMMED, self.made / summary.FOLDER)
            self._built(before, TABLES)
        return begun

    def land(self, day: date, entities: Iterable[str] = ENTITIES) -> None:
        """Put the files of a day into the landing folder, without copying them."""
        for entity in entities:
            (self.landing / entity).mkdir(parents=True, exist_ok=True)
            for file in (self.made / entity).glob(f"{day}*.parquet"):
                if not (self.landing / entity / file.name).exists():
                    os.link(file, self.landing / entity / file.name)

    def close(self, day: date) -> Iterator[Built]:
        """Land a day and bring each table up to it."""
        self.land(day)
        for table in TABLES:
            before = self._shuffled()
            with step(table) as used:
                outcomes = self._built(day, [table])
            made = outcomes[0] if outcomes else Outcome(table, "current")
            written = (made.rows, made.files, made.bytes)
            yield Built(day, table, used, *written, self._shuffled() - before)

    def backfill(self, name: str, first: date, last: date, output: Path) -> Step:
        """Make days of a table again, aside from it, in the session that closed them."""
        frame = self.frame(last)
        with step("backfill") as made:
            table = table_by_days(frame, name, first, last)
            backfill(start(dict(frame.conf)), frame, table, first, last, output)
        return made

    def _built(self, day: date, tables: Iterable[str]) -> list[Outcome]:
        """Bring tables up to a day.

        Raises LakehouseError where one does not end well: a time without its work is none.
        """
        result = run(self.frame(day), tables)
        if result.exit_status:
            ended = [f"{o.table} {o.status}: {o.reason}" for o in result.outcomes]
            raise LakehouseError(f"{day} was not closed; {'; '.join(ended)}.")
        return result.outcomes

    def _shuffled(self) -> int:
        """Bytes that tasks have written for others so far, as Spark's log of events says."""
        return sum(map(_written, (self.work / "events").glob("*")))

    def clear(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.work, ignore_errors=True)


def adopt(table: Path, folder: Path) -> None:
    """Make the parquet files of a folder, with partitions in their paths, files of a Delta table.

    They are moved, not read; the table's record stands.
    """
    delta, log = DeltaTable(str(table)), Log(table)
    columns = delta.metadata().partition_columns
    actions = []
    for file in sorted(folder.rglob("*.parquet")):
        named = dict(part.split("=") for part in file.relative_to(folder).parts[:-1])
        place = "/".join(f"{column}={named[column]}" for column in columns)
        name = "-".join([*named.values(), file.name])
        (table / place).mkdir(parents=True, exist_ok=True)
        os.link(file, table / place / name)
        stats = json.dumps({"numRecords": pq.read_metadata(file).num_rows})
        partition = {column: named[column] for column in columns}
        size = file.stat().st_size
        actions.append(AddAction(f"{place}/{name}", size, partition, 0, True, stats))
    record = log.record()
    assert record is not None
    delta.create_write_transaction(
        actions,
        "append",
        delta.schema(),
        partition_by=columns,
        commit_properties=commit_properties(record),
    )


def _written(events: Path) -> int:
    """Shuffle bytes written by the tasks of one application's log."""
    total = 0
    with events.open() as lines:
        for line in lines:
            if '"Event":"SparkListenerTaskEnd"' in line:
                metrics: Mapping[str, Mapping[str, int]] = json.loads(line)["Task Metrics"] or {}
                total += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
    return total
