"""What the doctor looks over: a type-2 table and perhaps its facts, by names that must be there.

Names are checked against the tables' logs, so that a misspelt one is refused without a JVM.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.declare import OPEN_END, History
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.frame import Frame
from lakehouse.moments import day
from lakehouse.storage import tables_in
from lakehouse.type2 import IS_CURRENT, VALID_FROM, VALID_TO

# Columns that differ in every version whatever happened: they are no attributes.
_SURROGATES = ("_key", "_sk", "_hash")
_MOMENTS = ("date", "timestamp", "timestamp_ntz")


@dataclass(frozen=True)
class Place:
    """A Delta table where it lies; ``declared`` if it is a table of this lake's catalogue."""

    path: storage.Place
    title: str
    columns: dict[str, str]
    declared: Table | None

    def read(self, spark: SparkSession) -> DataFrame:
        return storage.read(spark, self.path)


@dataclass(frozen=True)
class Names:
    """How a type-2 table calls its parts.

    ``current`` is None where it has no such flag, ``surrogate`` where no column identifies a
    version. An end from ``open_end`` on is open, as is null; ``end_includes`` (day or second) is
    what an end still belongs to, None where it is the first instant after the version.
    """

    key: tuple[str, ...]
    start: str
    end: str
    current: str | None
    tracked: tuple[str, ...]
    surrogate: str | None
    open_end: date
    end_includes: str | None = None


@dataclass(frozen=True)
class Facts:
    """A table whose rows point by ``key`` at the columns ``refers`` of a version, valid ``at``."""

    place: Place
    key: tuple[str, ...]
    at: str
    refers: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """A type-2 table, how its parts are called, and the facts that point at it."""

    place: Place
    names: Names
    facts: Facts | None


def subject(frame: Frame, asked: argparse.Namespace) -> Subject:
    """The table and facts that jobs/doctor.py was asked to look over.

    Raises LakehouseError for a table or column that is not there, or one that is no moment.
    """
    place = _located(frame, asked.table)
    names = _names(place, asked)
    return Subject(place, names, _facts(frame, place, names, asked) if asked.fact else None)


def _located(frame: Frame, name: str) -> Place:
    """``layer.table`` or ``table`` of the lake, or the path of a table anywhere."""
    lake = {f"{layer}.{table}": path for layer, table, path in tables_in(frame.lake)}
    title = next((full for full in lake if name in (full, full.split(".")[1])), name)
    path = _resolved(lake.get(title, Path(name)))
    if not storage.is_table(path):
        hint = f"{did_you_mean(name, lake)}, or give" if lake else "give"
        raise LakehouseError(
            f"There is no Delta table {name}, neither in the lake {frame.lake} nor as a folder;"
            f" {hint} the path of one."
        )
    fields = json.loads(storage.delta(path).schema().to_json())["fields"]
    known = {_resolved(frame.path(table)): table for table in frame.catalogue.tables.values()}
    return Place(path, title, {f["name"]: f["type"] for f in fields}, known.get(path))


def _resolved(path: storage.Place) -> storage.Place:
    return path.resolve() if isinstance(path, Path) else path


def _names(place: Place, asked: argparse.Namespace) -> Names:
    scope = place.declared.declaration.scope if place.declared else None
    ours = scope if isinstance(scope, History) else None
    key = _listed(asked.key) or (ours.columns if ours else ())
    if not key:
        raise LakehouseError(
            f"{place.title} is no history of this catalogue, so its key is not known; name it with"
            " --key, as --key product_id."
        )
    start, end = asked.start or VALID_FROM, asked.end or VALID_TO
    current = asked.current or (IS_CURRENT if IS_CURRENT in place.columns else None)
    _check(place, [*key, start, end, *([current] if current else [])])
    for column in (start, end):
        _check_moment(place, column)
    surrogate = _surrogate(place, key, asked)
    tracked = _listed(asked.tracked) or (ours.tracked if ours else ())
    tracked = tracked or _attributes(place, {*key, start, end, current, surrogate})
    _check(place, tracked)
    open_end = day(asked.open_end, "--open-end") or date.fromisoformat(
        str(ours.open_end if ours else OPEN_END)
    )
    return Names(key, start, end, current, tracked, surrogate, open_end, asked.end_includes)


def _surrogate(place: Place, key: tuple[str, ...], asked: argparse.Namespace) -> str | None:
    """The column that identifies a version: named, declared, or what facts point by."""
    if asked.surrogate:
        _check(place, [asked.surrogate])
        return str(asked.surrogate)
    declared = place.declared.declaration.key if place.declared else ()
    candidates = [names for names in (declared, _listed(asked.fact_key)) if len(names) == 1]
    found = [name for (name,) in candidates if name in place.columns and name not in key]
    return found[0] if found else None


def _attributes(place: Place, apart: set[str | None]) -> tuple[str, ...]:
    """Every column but those of the history itself; maps cannot be compared."""
    return tuple(
        name
        for name, kind in place.columns.items()
        if name not in apart
        and kind != "map"
        and not name.startswith("_")
        and not name.lower().endswith(_SURROGATES)
    )


def _facts(frame: Frame, place: Place, names: Names, asked: argparse.Namespace) -> Facts:
    facts, key = _located(frame, asked.fact), _listed(asked.fact_key)
    if not key or not asked.fact_at:
        raise LakehouseError(
            f"How {facts.title} points at {place.title} is not known; name its column with"
            " --fact-key and the moment of a fact with --fact-at."
        )
    _check(facts, [*key, asked.fact_at])
    _check_moment(facts, asked.fact_at)
    refers = (names.surrogate,) if names.surrogate and key != names.key else key
    if len(refers) != len(key):
        raise LakehouseError(
            f"{facts.title} points by {', '.join(key)}, but a version of {place.title} is named by"
            f" {', '.join(refers)} alone; give one --fact-key."
        )
    _check(place, refers, "; name the column that facts point at with --surrogate")
    return Facts(facts, key, asked.fact_at, refers)


def _check(place: Place, names: Iterable[str], advice: str = "") -> None:
    for name in names:
        if name not in place.columns:
            raise LakehouseError(
                f"{place.title} has no column {name}; {did_you_mean(name, place.columns)}{advice}."
            )


def _check_moment(place: Place, column: str) -> None:
    if place.columns[column] not in _MOMENTS:
        raise LakehouseError(
            f"{place.title}.{column} is {place.columns[column]}; the doctor compares moments, so"
            " name a DATE or TIMESTAMP column, or cast it in a copy of the table."
        )


def _listed(values: Iterable[str] | None) -> tuple[str, ...]:
    """Names given by repeating an option or with commas."""
    return tuple(name.strip() for text in values or () for name in text.split(",") if name.strip())
