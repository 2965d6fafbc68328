"""One build: what stays the same in it, and the verdict on each of its tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from lakehouse.catalogue import Catalogue, Table
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.feed import Pinned
from lakehouse.landing.source import Source
from lakehouse.log import Record
from lakehouse.storage import Place

# Settings by entity, and the share of keys that one snapshot may delete.
SNAPSHOTS, LIMIT = "snapshots", "snapshots.most_deleted"


@dataclass(frozen=True)
class Frame:
    """What stays the same during one build.

    ``adapt`` writes the files of ``landing``, where the source has an adapter. ``again`` are, by
    staging table, the scope columns as JSON of rejected records that are to be judged again.
    """

    catalogue: Catalogue
    lake: Place
    landing: Path
    source: Source
    conf: Mapping[str, Any]
    batch: str
    full_refresh: bool = False
    as_of: date | None = None
    adapt: Callable[[Path], None] | None = None
    again: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def path(self, table: Table) -> Place:
        return self.lake / table.layer / table.name

    @property
    def record(self) -> Record:
        """The record of what this build writes about itself, made from no table."""
        return Record(batch=self.batch, source=self.source.name)

    @cached_property
    def snapshots(self) -> frozenset[str]:
        """Entities that land as full snapshots.

        Raises LakehouseError for one that no staging table takes so, or a limit that is no share.
        """
        said = {f"{SNAPSHOTS}.{name}": on for name, on in self.conf.get(SNAPSHOTS, {}).items()}
        limit = said.pop(LIMIT, None)
        taken = {
            f"{SNAPSHOTS}.{e}" for t in self.catalogue.tables.values() if (e := snapshots_of(t))
        }
        found = {name for name, on in said.items() if on}
        if unknown := sorted(found - taken):
            raise LakehouseError(
                f"{self.source.place} sets {unknown[0]}, but no table takes full snapshots of that;"
                f" {did_you_mean(unknown[0], taken)}."
            )
        if found and not (isinstance(limit, int | float) and 0 <= limit <= 1):
            raise LakehouseError(f"{LIMIT} is {limit!r}; expected a share from 0 to 1, as 0.5.")
        return frozenset(name.split(".")[1] for name in found)


def snapshots_of(table: Table) -> str | None:
    """The entity whose full snapshots a staging table can take: the setting says so."""
    paths = [path.split(".") for path in table.settings.values()]
    return next((path[1] for path in paths if path[0] == SNAPSHOTS), None)


@dataclass(frozen=True)
class Verdict:
    """Whether and how a table is to be built: ``reason`` is empty where it is up to date.

    ``as_of_days`` are those that a move of the as-of day opened or closed. Of a raw table,
    ``known`` are those of its ``files`` of which it may hold rows, and ``held`` all that it holds
    as they are now.
    """

    table: Table
    reason: str
    record: Record
    whole: bool = False
    changed: tuple[str, ...] = ()
    pins: Mapping[str, Pinned] = field(default_factory=dict)
    as_of_days: frozenset[date] = frozenset()
    files: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    held: frozenset[str] = frozenset()
