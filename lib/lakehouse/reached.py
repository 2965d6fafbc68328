"""Which rows of days changes in the inputs reach, told by DuckDB over plain files (decision 0037).

Of tables whose rows of days can be made by themselves (``rows_by``): what ``changes`` asks of Spark
is asked of the same images here, for a tenth of it.
"""

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import duckdb

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.changes import dates, used_columns
from lakehouse.declare import ByDay, ByKey, ByVersion, Days
from lakehouse.duck import connected, copy, listed, parquet
from lakehouse.feed import CAME, Pinned
from lakehouse.storage import Place
from lakehouse.type2 import VALID_FROM, VALID_TO

# Where keys are written, in the folder of a table: no reader looks there.
_BESIDE = "_reached"
_SIGNS = {"": f"CASE WHEN {CAME} THEN 1 ELSE -1 END", "insert": "1", "delete": "-1"}
# Where more rows of days are reached they are left to Spark, which asks for the days alone.
MOST = 50_000_000
# Images of which so many may be told apart: a whole day of the largest tables, and what it was.
MOST_IMAGES = 150_000_000


@contextmanager
def beside(place: Place) -> Iterator[Path | None]:
    """A folder for keys in that of a table, until the end; None where the table lies in none."""
    if not isinstance(place, Path):
        yield None
        return
    folder = place / _BESIDE
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Reached:
    """Files of the keys of days that are held; how many a day has, and the days whose rows are
    fewer than before; and the ``new`` days.
    """

    files: tuple[Path, ...]
    counts: Mapping[date, int]
    fewer: frozenset[date] = frozenset()
    new: frozenset[date] = frozenset()

    def by_day_and_slice(self) -> dict[date, dict[str, list[str]]]:
        """The files by day and slice, where they lie so."""
        found: dict[date, dict[str, list[str]]] = {}
        for file in self.files:
            part, day = (folder.partition("=")[2] for folder in file.parent.parts[-2:])
            found.setdefault(date.fromisoformat(day), {}).setdefault(part, []).append(str(file))
        return found


def reached_keys(
    table: Table,
    tables: Mapping[str, Table],
    pins: Mapping[str, Pinned],
    names: Iterable[str],
    held: Collection[date],
    folder: Path,
    by_slice: bool = False,
) -> Reached | None:
    """Write the distinct keys of the days ``held`` that changes in the inputs ``names`` reach to
    ``folder``; None where they cannot be told so, as the images of rows lie in no plain files, or
    an input is landed rows.

    Keys are a day and ``rows_by``, told as text; ``by_slice`` they lie in folders of the table's
    ``within`` and the day.
    """
    scope = cast(Days, table.declaration.scope)
    within = [str(scope.within)] if by_slice else []
    if {c.type for c in table.columns if c.name in scope.rows_by} != {"STRING"}:
        return None  # others Spark and DuckDB may tell otherwise
    try:
        with connected() as duck:
            telling = _Telling(duck, table, tables, pins, held, [*within, *scope.rows_by])
            parts = [telling.rows(name) for name in names]
            if None in parts:
                return None
            if not (every := " UNION ALL ".join(filter(None, parts))):
                return Reached((), {})
            return _write(duck, every, scope, within, held, folder)
    except duckdb.Error:
        return None


@dataclass(frozen=True)
class Amendments:
    """The days of a table that changes reach, and files of the changed rows of its inputs, before
    and after, by input and slice.
    """

    days: frozenset[date]
    files: Mapping[str, Mapping[str, Sequence[str]]]


def write_amendments(
    table: Table,
    tables: Mapping[str, Table],
    pins: Mapping[str, Pinned],
    names: Iterable[str],
    until: date,
    folder: Path,
) -> Amendments | None:
    """Write the images that do not cancel out of the inputs ``names``, of days ``until`` one, to
    ``folder``; None where they cannot be told so, as they lie in no plain files or are many, or an
    input does not spread by one day or lies in no slices.
    """
    within = str(cast(Days, table.declaration.scope).within)
    days: set[date] = set()
    files: dict[str, dict[str, list[str]]] = {}
    try:
        with connected() as duck:
            telling = _Telling(duck, table, tables, pins, (), [within])
            for name in names:
                if (rows := telling.amendments(name, until)) is None:
                    return None
                if not rows:
                    continue
                spread = cast(ByDay, table.inputs[name])
                duck.execute(f"CREATE TEMP TABLE _{name} AS {rows}")
                found = duck.execute(f'SELECT DISTINCT "{spread.columns[0]}" FROM _{name}')
                days |= spread.rewritten(day for (day,) in found.fetchall())
                (folder / name).mkdir(parents=True)
                copy(duck, f"FROM _{name}", folder / name, f', PARTITION_BY ("{within}")')
                for file in sorted((folder / name).rglob("*.parquet")):
                    part = file.parent.name.partition("=")[2]
                    files.setdefault(name, {}).setdefault(part, []).append(str(file))
    except duckdb.Error:
        return None
    return Amendments(frozenset(days), files)


def _write(
    duck: duckdb.DuckDBPyConnection,
    rows: str,
    scope: Days,
    within: list[str],
    held: Collection[date],
    folder: Path,
) -> Reached:
    own = listed([*within, *scope.rows_by])
    duck.execute(
        f"CREATE TEMP TABLE reached AS SELECT _day, {own}, sum(_net) < 0 AS _fewer"
        f" FROM ({rows}) WHERE _day IS NOT NULL GROUP BY ALL"
    )
    counted = duck.execute(
        "SELECT _day, count(*), bool_or(_fewer) FROM reached GROUP BY ALL"
    ).fetchall()
    if days := dates(set(held) & {day for day, *_ in counted}):
        told = [f'CAST("{name}" AS VARCHAR) AS "{name}"' for name in scope.rows_by]
        told = [*within, f'CAST(_day AS VARCHAR) AS "{scope.column}"', *told]
        keys = f"SELECT {', '.join(told)} FROM reached WHERE _day IN ({days})"
        options = f", PARTITION_BY ({listed([*within, scope.column])})" if within else ""
        folder.mkdir()
        copy(duck, keys, folder if within else folder / "keys.parquet", options)
    return Reached(
        tuple(sorted(folder.rglob("*.parquet"))),
        {day: count for day, count, _ in counted if day in held},
        frozenset(day for day, _, fewer in counted if fewer),
        frozenset(day for day, *_ in counted if day not in held),
    )


@dataclass(frozen=True)
class _Telling:
    """SQL for the rows that changes reach, by input."""

    duck: duckdb.DuckDBPyConnection
    table: Table
    tables: Mapping[str, Table]
    pins: Mapping[str, Pinned]
    held: Collection[date]
    own: list[str]

    def rows(self, name: str) -> str | None:
        """SQL for _day, the table's own columns, and _net, below 0 where rows went: of days that
        are not held, for the day alone. Empty where nothing changed, None where it cannot be told.
        """
        upstream, spread = self.tables[name], self.table.inputs[name]
        if spread is None or upstream.layer == "bronze":
            return None
        if (images := self._images(name)) is None:
            return None
        if not images:
            return ""
        used = used_columns(upstream, spread)
        if isinstance(spread, ByDay):
            columns = listed([*used, *(c for c in self.own if c not in used)])
            some = f"SELECT {columns}, _sign FROM ({images}) WHERE {_any_of(spread, self.held)}"
            if not self._are_few(some, spread):
                return None
            return self._dated(self._net(some), images, spread)
        driver = next(iter(self.table.inputs))
        direct = self.table.inputs[driver]
        some = f"SELECT {listed(used)}, _sign FROM ({images})"
        if not isinstance(direct, ByDay):
            return None
        if not (files := self.pins[driver].files):
            return None
        rows = f"FROM {parquet(files, self._partitions(driver))}"
        self.duck.execute(f"CREATE TEMP TABLE _{name} AS {self._net(some)}")
        same = [f'd."{c}" = c."{c}"' for c in cast(ByKey | ByVersion, spread).columns]
        if isinstance(spread, ByVersion):
            self._intervals(name, spread, used)
            same += [f'd."{spread.at}" >= c._from']
            same += [] if spread.onwards else [f'd."{spread.at}" < c._to']
        own = listed(dict.fromkeys([*self.own, *direct.columns]))
        found = f"FROM ({rows}) d SEMI JOIN _{name} c ON {' AND '.join(same)}"
        found = f"SELECT {own}, 0 AS _net {found} WHERE {_any_of(direct, self.held, 'd.')}"
        if not self._are_few(found, direct):
            return None
        return self._dated(found, rows, direct)

    def amendments(self, name: str, until: date) -> str | None:
        """SQL for the images of an input that do not cancel out, of days ``until`` one. Empty where
        there are none, None where they cannot be told.
        """
        upstream, spread = self.tables[name], self.table.inputs[name]
        if not isinstance(spread, ByDay) or len(spread.columns) > 1 or upstream.layer == "bronze":
            return None
        if not {column.name for column in upstream.columns}.issuperset(self.own):
            return None
        if not (images := self._images(name)):
            return images
        some = f"FROM ({images}) WHERE \"{spread.columns[0]}\" <= DATE '{until}'"
        ((count,),) = self.duck.execute(f"SELECT count(*) {some}").fetchall()
        return None if count > MOST_IMAGES else self._net(f"SELECT * {some}")

    def _are_few(self, rows: str, spread: ByDay) -> bool:
        """Whether the rows of days held that rows reach are not too many."""
        total = 0
        for column in spread.columns:
            counts = self.duck.execute(f'SELECT "{column}", count(*) FROM ({rows}) GROUP BY ALL')
            for day, count in counts.fetchall():
                total += count * len(spread.rewritten({day} - {None}) & set(self.held))
        return total <= MOST

    def _net(self, images: str) -> str:
        """Images without those that cancel out."""
        net = f"SELECT * EXCLUDE (_sign), sum(_sign) AS _net FROM ({images}) GROUP BY ALL"
        return f"FROM ({net}) WHERE _net <> 0"

    def _dated(self, rows: str, others: str, spread: ByDay) -> str:
        """What rows say of the days held that they reach, and which other days ``others`` reach: of
        a look-up all that its driver has.
        """
        offsets = f"unnest([{', '.join(map(str, spread.offsets))}])"
        held = f"_day IN ({dates(self.held)})" if self.held else "false"
        own, none = listed(self.own), ", ".join("NULL" for _ in self.own)
        parts = []
        for column in spread.columns:
            day = f'CAST("{column}" + {offsets} AS DATE) AS _day'
            known = f"SELECT {own}, _net, {day} FROM ({rows})"
            parts.append(f"SELECT _day, {own}, _net FROM ({known}) WHERE {held}")
            every = f'SELECT {day} FROM (SELECT DISTINCT "{column}" FROM ({others}))'
            parts.append(f"SELECT DISTINCT _day, {none}, 1 FROM ({every}) WHERE NOT ({held})")
        return " UNION ALL ".join(parts)

    def _images(self, name: str) -> str | None:
        """SQL for images of rows of an input, by their _sign come or gone.

        Empty where there are none, None where they do not lie in plain files.
        """
        upstream, pin = self.tables[name], self.pins[name]
        found = storage.images(pin.path, cast(int, pin.built) + 1, pin.version)
        if found is None:
            return None
        used = used_columns(upstream, self.table.inputs[name])
        columns = {c.name for c in upstream.columns}
        every = listed([*used, *(c for c in self.own if c in columns and c not in used)])
        parts = [
            f"SELECT {every}, {_SIGNS[one.kind]} AS _sign"
            f" FROM {parquet(one.files, self._partitions(name))}"
            for one in found
            if one.files
        ]
        return " UNION ALL ".join(parts)

    def _partitions(self, name: str) -> dict[str, str]:
        pin = self.pins[name]
        kinds = {c.name: c.type for c in self.tables[name].columns}
        opened = storage.delta(pin.path, pin.version)
        return {column: kinds[column] for column in opened.metadata().partition_columns}

    def _intervals(self, name: str, spread: ByVersion, used: list[str]) -> None:
        """Turn net changes of versions into when a key is described otherwise than before, as
        ``changes.changed_intervals`` does.
        """
        values = [c for c in used if c not in (VALID_FROM, VALID_TO)]
        interval = [c for c in (VALID_FROM, VALID_TO) if spread.uses is None or c in spread.uses]
        same = listed([*values, *interval])
        steps = " UNION ALL ".join(
            f"SELECT {same}, {at} AS _from, {sign}_net AS _step FROM _{name}"
            for at, sign in ((VALID_FROM, ""), (VALID_TO, "-"))
        )
        self.duck.execute(
            f"CREATE OR REPLACE TEMP TABLE _{name} AS SELECT DISTINCT {listed(spread.columns)},"
            f" _from, _to FROM (SELECT *, lead(_from) OVER in_time AS _to,"
            f" sum(_step) OVER in_time AS _differs"
            f" FROM (SELECT {same}, _from, sum(_step) AS _step FROM ({steps}) GROUP BY ALL)"
            f" WINDOW in_time AS (PARTITION BY {same} ORDER BY _from)) WHERE _differs <> 0"
        )


def _any_of(spread: ByDay, held: Collection[date], of: str = "") -> str:
    """Whether a row of an input tells of days that are held."""
    read = dates(spread.read(held))
    return " OR ".join(f'{of}"{c}" IN ({read})' for c in spread.columns) if read else "false"
