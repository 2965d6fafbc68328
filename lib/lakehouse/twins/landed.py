"""Landed rows judged and typed by DuckDB, where a table says its rows in SQL too (decision 0036).

Spark makes a staging table of landed rows whatever they hold. Most hold what their contract says:
a vectorised engine makes those for a tenth of what Spark's rows cost. The first row that is not so
leaves all of them to Spark.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse import merging, quarantine, storage
from lakehouse.checks.asking import in_duckdb
from lakehouse.checks.rules import declared, render
from lakehouse.codes import words
from lakehouse.declare import SOURCE_FILE, Days, Keys
from lakehouse.duck import listed, parquet
from lakehouse.frame import Frame, Verdict
from lakehouse.landing.scan import CORRUPT
from lakehouse.log import Log, Record
from lakehouse.plan import date_in
from lakehouse.repeats import repeats
from lakehouse.schema import arrow
from lakehouse.twins.twin import Twin, is_said, row_count, twin_of
from lakehouse.write import Target, WrittenDays

# What the landed rows are called in a table's SQL; when their file says that they happened, UTC.
LANDED, FILE_DATE = "landed", "file_date"
_NO_DATE = "1900-01-01"
# Characters on which patterns of Java and of DuckDB differ: ends of lines, and some that are blank.
_CONTROL = r"[\x00-\x1F\x7F\x{85}\x{2028}\x{2029}]"
# What patterns of Java and of DuckDB mean otherwise: flags, classes in brackets, ends of words.
_ARE_READ_OTHERWISE = re.compile(r"\(\?[a-zA-Z-]+[:)]|\[\[|&&|\\b")


@dataclass(frozen=True)
class Staged:
    """Files of rows, in no version yet, and how many landed rows were judged for them.

    They replace ``days``, some of which the table holds, if there are any.
    """

    made: WrittenDays
    judged: int
    days: frozenset[date] = frozenset()


def staged(frame: Frame, verdict: Verdict, target: Target) -> Staged | None:
    """Files of all that landed since the table was built, or ever; None where Spark is to judge it.

    So it is where a table does not say its rows in SQL, a row does not fit or is not made, keys
    come again (of a table by days, or with nothing that tells which row is newer), an earlier
    reject may pass now, or files are not plain.
    """
    is_by_day = isinstance(target.table.declaration.scope, Days)
    if not (is_by_day or verdict.whole) or not (files := _files_to_judge(frame, verdict, target)):
        return None
    with _staging(frame, verdict, target) as staging:
        staging.twin.go_easy(sum(Path(file).stat().st_size for file in files))
        staging.know_landed(parquet(files))
        if verdict.whole and staging.rejected():
            return None
        good = staging.write() if is_by_day else staging.write_newest()
        if good is None or verdict.whole or not staging.meets_others(good):
            return good
        staging.discard(good.made)
        return staging.write() if staging.go_by_days(good) else None
    return None


def appended(
    frame: Frame, verdict: Verdict, target: Target, files: Sequence[str], known: Path
) -> Staged | None:
    """Files of the landed rows whose keys are not ``known``, each of which is new and comes once;
    None as ``staged`` does.
    """
    if not _files_to_judge(frame, verdict, target):
        return None
    with _staging(frame, verdict, target) as staging:
        keys = listed(staging.keys)
        new = f"{parquet(files)} came ANTI JOIN {parquet([known])} known USING ({keys})"
        there = " AND ".join(f'"{name}" IS NOT NULL' for name in staging.keys)
        staging.know_landed(f"(SELECT * FROM {new} WHERE {there})")
        return staging.write(are_single=True)
    return None


def merged(
    frame: Frame, verdict: Verdict, target: Target, record: Record, known: Path | None = None
) -> int | None:
    """Merge the newest state of the keys that landed, or of those ``known``; how many landed rows
    were judged for it. None, with nothing committed, as ``staged`` does.
    """
    if isinstance(target.table.declaration.scope, Days) or verdict.whole:
        return None
    if not (files := _files_to_judge(frame, verdict, target)):
        return None
    pin = verdict.pins[next(iter(target.table.inputs))]
    every = _fitting(pin.files, frame, verdict)
    with _staging(frame, verdict, target) as staging:
        opened = merging.opened(target.path, staging.keys)
        if not every or not opened or not staging.keep_keys(parquet([known] if known else files)):
            return None
        staging.twin.keep(
            "_landed", f"FROM {parquet(every)} came SEMI JOIN _keys USING ({listed(staging.keys)})"
        )
        staging.know_landed("_landed")
        if not staging.are_all():
            return None
        staging.twin.keep("_kept", staging.twin.shaped(staging.newest()))
        judged = staging.twin.count(LANDED)
        for name in ("_landed", "_good"):  # which take the memory that merging needs
            staging.twin.duck.execute(f"DROP TABLE {name}")
        place, bounded = cast(Path, target.path), tuple(target.table.filtered)
        merger = merging.Merging(staging.twin.duck, opened, place, staging.key, bounded)
        merger.commit("_kept", "_keys", staging.keys, record)
        return judged
    return None


@contextmanager
def _staging(frame: Frame, verdict: Verdict, target: Target) -> Iterator["_Staging"]:
    with twin_of(frame, verdict, target) as twin:
        yield _Staging(twin)


def _files_to_judge(frame: Frame, verdict: Verdict, target: Target) -> list[str] | None:
    """Files of the landed rows to judge, of a table that says its rows in SQL; None where anything
    else changed, rows went as well, or files do not hold what their contract says.
    """
    table = target.table
    driver = next(iter(table.inputs), "")
    if frame.again.get(table.name) or not (verdict.whole or verdict.changed == (driver,)):
        return None
    if not table.is_staging or table.declaration.ties != "newest":
        return None
    if _ARE_READ_OTHERWISE.search(" ".join(_pattern_texts(frame, verdict))):
        return None
    if not is_said(frame, verdict, target):
        return None
    pin = verdict.pins[driver]
    if verdict.whole:
        return _fitting(pin.files, frame, verdict)
    images = storage.images(pin.path, cast(int, pin.built) + 1, pin.version)
    if not images or any(part.kind != "insert" for part in images):
        return None
    return _fitting([file for part in images for file in part.files], frame, verdict)


def _pattern_texts(frame: Frame, verdict: Verdict) -> list[str]:
    """The rules that are patterns, with their settings."""
    rules = declared(verdict.table)
    return [render(rule, frame.conf) for rule in rules if rule.kind == "pattern"]


def _fitting(files: list[str] | None, frame: Frame, verdict: Verdict) -> list[str] | None:
    """The files, where each holds what its contract says, and no line that may not be whole."""
    if not files:
        return None
    raw = frame.catalogue.tables[next(iter(verdict.table.inputs))]
    contract = _types(arrow(raw.columns))
    for file in files:
        held = _types(pq.read_schema(file))
        if CORRUPT in held or not contract.items() <= held.items():
            return None
    return files


def _types(schema: pa.Schema) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in schema}


@dataclass
class _Staging:
    """A staging table's SQL over landed rows; of some ``days`` alone, if there are any."""

    twin: Twin
    days: frozenset[str] = frozenset()

    @property
    def target(self) -> Target:
        return self.twin.target

    @property
    def key(self) -> tuple[str, ...]:
        return self.target.table.declaration.key

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns by whose values rows are replaced."""
        return cast(Keys, self.target.table.declaration.scope).columns

    def know_landed(self, raw: str) -> None:
        """Let the SQL know the landed rows, with the date of their file, and the other inputs.

        Of what landed beside the contract's columns it knows nothing: names may be the table's own.
        """
        paths = self.twin.values(f"SELECT DISTINCT {SOURCE_FILE} FROM {raw}")
        dates = [str(date_in(path) or _NO_DATE) for path in paths]
        rows, dated = f"{raw} raw", f"'{dates[0] if dates else _NO_DATE}'"
        if len(set(dates)) > 1:  # else no row need be told its own
            files = pa.table({"_path": pa.array(paths, pa.string()), "_dated": dates})
            self.twin.duck.register("_files", files)
            rows, dated = f"{rows} JOIN _files ON raw.{SOURCE_FILE} = _path", "_dated"
        driver = self.twin.frame.catalogue.tables[next(iter(self.target.table.inputs))]
        own = listed(column.name for column in driver.columns)
        self.twin.duck.execute(
            f"CREATE OR REPLACE TEMP VIEW {LANDED} AS"
            f" SELECT {own}, CAST(CAST({dated} AS DATE) AS TIMESTAMPTZ) AS {FILE_DATE} FROM {rows}"
        )
        for name in list(self.target.table.inputs)[1:]:
            self.twin.know(name)

    def meets_others(self, good: Staged) -> bool:
        """Whether the table holds a day of the files, or a record of such a day was rejected."""
        days = self._days_of(good)
        held = {str(day) for day in Log(self.target.path).days(str(self.target.partition))}
        return not days.isdisjoint(held | self._rejected_days())

    def go_by_days(self, good: Staged) -> bool:
        """Turn to all that ever landed of the days of files; False where a record of such a day was
        rejected, which may pass now.
        """
        days = self._days_of(good)
        pin = self.twin.verdict.pins[next(iter(self.target.table.inputs))]
        every = _fitting(pin.files, self.twin.frame, self.twin.verdict)
        if not every or not days.isdisjoint(self._rejected_days()):
            return False
        self.know_landed(parquet(every))
        self.days = frozenset(days)
        among = ", ".join(f"DATE '{day}'" for day in sorted(days))
        self.twin.where = f"WHERE {self.target.partition} IN ({among})"
        return True

    def _days_of(self, good: Staged) -> set[str]:
        column = str(self.target.partition)
        return {str(add.partition_values[column]) for add in good.made.files}

    def _rejected_days(self) -> set[str]:
        return {str(key.get(str(self.target.partition))) for key in self.rejected()}

    def keep_keys(self, came: str) -> bool:
        """Keep the keys of rows; False where one lacks a part, or a record of it was rejected."""
        keys, rejected = listed(self.keys), self.rejected()
        self.twin.keep("_keys", f"SELECT DISTINCT {keys} FROM {came}")
        lacking = " OR ".join(f'"{name}" IS NULL' for name in self.keys)
        columns = {
            name: pa.array([str(k.get(name)) for k in rejected], pa.string()) for name in self.keys
        }
        self.twin.duck.register("_rejected", pa.table(columns))
        known = self.twin.count(f"_keys SEMI JOIN _rejected USING ({keys})")
        return not known and not self.twin.count(f"_keys WHERE {lacking}")

    def rejected(self) -> list[dict[str, Any]]:
        """What the records rejected so far say of the scope: their day, or their key."""
        where = {"table_name": self.target.table.name, "status": "quarantined"}
        keys = storage.rows(quarantine.ensure(self.twin.frame.lake), ["record_key"], where)[
            "record_key"
        ]
        return [json.loads(key or "{}") for key in keys.to_pylist()]

    def are_all(self) -> bool:
        """Whether the SQL makes as many rows as landed."""
        return self.twin.count(f"({self.twin.said})") == self.twin.count(LANDED)

    def write(self, are_single: bool = False) -> Staged | None:
        """Files of the rows; None where some are not made, or their keys repeat, though they are
        not said to be single.
        """
        made = self.twin.write(self.twin.good("quarantine", but="pattern"))
        files = [cast(Path, self.target.path) / add.path for add in made.files]
        fits = False
        try:
            # Of held days the new rows were counted before, and the old ones when they came.
            are_all = self.days or row_count(made) == self.twin.count(LANDED)
            fits = bool(are_all) and self._fit_patterns(files)
            fits = fits and (are_single or not repeats(files, self.key))
        finally:
            if not fits:
                self.discard(made)
        days = frozenset(map(date.fromisoformat, self.days))
        return Staged(made, row_count(made), days) if fits else None

    def discard(self, made: WrittenDays) -> None:
        """Remove files that are in no version."""
        for add in made.files:
            (cast(Path, self.target.path) / add.path).unlink()

    def _fit_patterns(self, files: Sequence[Path]) -> bool:
        """Whether texts match their patterns: of many rows the few distinct ones are asked."""
        if not files:
            return True
        for columns, condition in self._patterns().items():
            texts = f"(SELECT DISTINCT {listed(columns)} FROM {parquet(files)})"
            if len(columns) == 1 and (found := words(files, columns[0])) is not None:
                texts = self._known(columns[0], found)
            if self.twin.count(f"{texts} WHERE NOT ({condition})"):
                return False
        return True

    def _known(self, column: str, texts: pa.Array) -> str:
        """Texts as a table of the connection."""
        self.twin.duck.register("_texts", pa.table({column: texts}))
        return "_texts"

    def _patterns(self) -> dict[tuple[str, ...], str]:
        """By columns the rules that are patterns, and that no sign is odd."""
        conf, found = self.twin.frame.conf, dict[tuple[str, ...], str]()
        for rule in declared(self.target.table):
            if rule.kind == "pattern" and rule.severity == "quarantine":
                plain = [
                    f"NOT coalesce(regexp_matches({c}, '{_CONTROL}'), false)" for c in rule.columns
                ]
                said = [f"coalesce({in_duckdb(render(rule, conf))}, true)", *plain]
                before = [found[rule.columns]] if rule.columns in found else []
                found[rule.columns] = " AND ".join([*before, *said])
        return found

    def write_newest(self) -> Staged | None:
        """Files of the newest row of each key; None where rows are not made."""
        if not self.are_all():
            return None
        return Staged(self.twin.write(self.newest()), self.twin.count(LANDED))

    def newest(self) -> str:
        """One row per key, the last by the table's ``newest`` columns; an error where two are.

        Which it is, is told from few columns: rows are wide.
        """
        declaration, key = self.target.table.declaration, listed(self.key)
        good = self.twin.good("quarantine", self._patterns().values(), but="pattern")
        self.twin.keep("_good", good)
        at = ", ".join(f'"{name}" IS NOT NULL, "{name}"' for name in declaration.newest)
        firsts = "".join(f', min("{c}") AS "_first_{c}"' for c in declaration.earliest)
        states = (
            f"SELECT {key}, ROW({at}) AS _at, min(rowid) AS _number,"
            f" min(hash(_all)) = max(hash(_all)) AS _alike{firsts}"
            f" FROM _good _all GROUP BY {key}, {listed(declaration.newest)}"
        )
        firsts = "".join(f', min("_first_{c}") AS "_first_{c}"' for c in declaration.earliest)
        last = (
            "SELECT arg_max(_number, _at) AS _number, arg_max(_alike, _at) AS _alike"
            f"{firsts} FROM ({states}) GROUP BY {key}"
        )
        first = ", ".join(
            f'CASE WHEN g."{c}" IS NOT NULL THEN "_first_{c}" END AS "{c}"'
            for c in declaration.earliest
        )
        rows = (
            f"SELECT g.*{f' REPLACE ({first})' if first else ''}, _alike"
            f" FROM _good g JOIN ({last}) l ON g.rowid = l._number"
        )
        return f"SELECT * FROM ({rows}) WHERE {self.twin.or_error('_alike')}"
