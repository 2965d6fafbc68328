"""MERGE into a table in a folder: rows that Spark or DuckDB made, merged by DuckDB (decision 0035).

Copy on write, as Delta does it: files that hold changed rows are written again. Spark would join
the whole of them with the new rows, and sort and move it all; DuckDB hashes the few rows that
differ, and copies the others.
"""

import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction
from pyspark.sql import DataFrame

from lakehouse import actions, register
from lakehouse.bounds import added
from lakehouse.duck import connected, copy, listed, parquet, spread, told_alike
from lakehouse.errors import LakehouseError
from lakehouse.log import Record
from lakehouse.plain import CHANGE_TYPE, FEED
from lakehouse.rewriting import rewrite
from lakehouse.schema import literal
from lakehouse.storage import Place

# Rows of days are merged where that spares at least so many rows, a merged one costing as much as
# so many others.
WORTH = (50_000, 4)
# Where rows, keys and files are written first, in the folder of the table: no reader looks there.
_BESIDE = "_merging"
# Types whose text Spark and DuckDB write alike: keys are told as text.
_TOLD_ALIKE = {"string", "date", "byte", "short", "integer", "long", "boolean"}
# At most so many rows that are new where they lie go into a file that is written again anyway.
_HOSTED = 50_000
_KEEPS_FEED = "delta.enableChangeDataFeed"


def opened(place: Place, told: Iterable[str] = ()) -> DeltaTable | None:
    """The table, for its caller to merge into by keys whose columns ``told`` are, where that takes
    no Spark; else None.
    """
    table = register.opened(place)
    if table is None or "=" in str(place):  # what a folder above says would be taken for a column
        return None
    if table.metadata().configuration.get("delta.appendOnly") == "true":
        return None
    types = {field.name: field.type for field in table.schema().fields}
    are_scalar = all(isinstance(one, PrimitiveType) for one in types.values())
    return table if are_scalar and all(types[name].type in _TOLD_ALIKE for name in told) else None


def merge(
    rows: DataFrame,
    keys: DataFrame,
    table: DeltaTable,
    place: Path,
    key: Sequence[str],
    bounded: Iterable[str],
    days: Iterable[str],
    record: Record,
) -> bool:
    """Turn the present rows of ``keys``, distinct and told as text, into ``rows``, by one commit;
    False, with nothing committed, where they are equal.

    ``key`` tells rows apart; of the columns ``bounded`` the log tells bounds. ``days`` are values
    of the first partition among which the present rows lie; none for all. Raises LakehouseError
    where a key repeats, CommitFailedError where another commit came first, duckdb.Error where
    DuckDB cannot; files written by then are in no version, and VACUUM removes them.
    """
    beside = place / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    try:
        rows.write.parquet(str(beside / "rows"))
        keys.write.parquet(str(beside / "keys"))
        with connected() as duck:
            came, told = (parquet(sorted((beside / n).glob("*.parquet"))) for n in ("rows", "keys"))
            merging = Merging(duck, table, place, tuple(key), tuple(bounded))
            return merging.commit(came, told, keys.columns, record, days)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@dataclass(frozen=True)
class Merging:
    """One MERGE, in tables of DuckDB: ``changed`` has the rows that differ, as they were (old_, in
    the place _row of the file _file) and as they are (new_, where they _are); ``new`` those that
    are new where they lie, and the file that takes them in, their _host.
    """

    duck: duckdb.DuckDBPyConnection
    table: DeltaTable
    place: Path
    key: tuple[str, ...]
    bounded: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.table.schema().fields]

    @property
    def partitions(self) -> list[str]:
        return list(self.table.metadata().partition_columns)

    def commit(
        self, rows: str, keys: str, by: Sequence[str], record: Record, days: Iterable[str] = ()
    ) -> bool:
        """As ``merge``, of the rows and keys that the connection knows by these names; ``by`` are
        the columns of the keys.
        """
        self._compare(rows, keys, by, self._held(set(days)))
        counts = self._counts()
        if not any(counts):
            return False
        try:
            files = self._write()
        finally:
            shutil.rmtree(self.place / _BESIDE, ignore_errors=True)
        actions.commit(self.table, self.place, *files, counts, record)
        return True

    def _held(self, days: set[str]) -> dict[str, Mapping[str, Any]]:
        """The files of the table by their paths, where given of some values of its partition."""
        return {
            path: add
            for path, add in actions.files_of(self.table, self.place).items()
            if not days or str(add["partition"][self.partitions[0]]) in days
        }

    def _compare(self, rows: str, keys: str, by: Sequence[str], held: Iterable[str]) -> None:
        """Find the rows that differ, of the keys whose columns are ``by``."""
        names = self.names
        told = [told_alike(column, "t", "keys") for column in by]
        present = (
            f"SELECT _file, file_row_number AS _row, {listed(names)} FROM {self._read(held)} t"
        )
        present += f" SEMI JOIN {keys} keys ON {' AND '.join(told)}"
        if not held:
            none = "NULL::VARCHAR AS _file, NULL::BIGINT AS _row"
            present = f"SELECT {none}, {listed(names)} FROM {rows} LIMIT 0"
        images = [f'old."{name}" AS "old_{name}", new."{name}" AS "new_{name}"' for name in names]
        same_row, equal = _same(self.key, "old.", "new."), _same(names, "old.", "new.")
        stays = _same(self.partitions, "old.", "new.")
        self._keep("present", present)
        self._refuse_repeats("present", "holds", "build it with --full-refresh")
        self._refuse_repeats(rows, "would get", "its key does not tell its rows apart")
        self._keep(
            "changed",
            f"WITH old AS (FROM present), new AS (SELECT true AS _are, {listed(names)} FROM {rows})"
            f" SELECT _file, _row, coalesce(_are, false) AS _are, {', '.join(images)},"
            f" NOT ({stays}) AS _moved"
            f" FROM old FULL JOIN new ON {same_row}"
            f" WHERE _file IS NULL OR _are IS NULL OR NOT ({equal})",
        )
        in_folder, new = _same(self.partitions, "hosts.old_", "came.new_"), _image("new", names)
        hosts = ", ".join(["max(_file) AS _host", *(f'"old_{c}"' for c in self.partitions)])
        self._keep(
            "new",
            f"WITH hosts AS (SELECT {hosts} FROM changed WHERE _file IS NOT NULL GROUP BY ALL),"
            " came AS (SELECT * FROM changed WHERE _are AND (_file IS NULL OR _moved))"
            f" SELECT {new},"
            f" CASE WHEN (SELECT count(*) FROM came) <= {_HOSTED} THEN _host END AS _host"
            f" FROM came LEFT JOIN hosts ON {in_folder}",
        )

    def _refuse_repeats(self, rows: str, verb: str, advice: str) -> None:
        key = listed(self.key)
        repeated = f"SELECT {key} FROM {rows} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
        if found := self.duck.execute(repeated).fetchone():
            at = ", ".join(f"{name} = {value}" for name, value in zip(self.key, found, strict=True))
            raise LakehouseError(f"{self.place.name} {verb} several rows at {at}; {advice}.")

    def _counts(self) -> tuple[int, ...]:
        """How many rows are inserted, updated and deleted."""
        return self._one(
            "SELECT count(*) FILTER (_file IS NULL), count(*) FILTER (_are AND _file IS NOT NULL),"
            " count(*) FILTER (NOT _are) FROM changed"
        )

    def _write(self) -> tuple[list[str], list[AddAction], list[AddAction]]:
        """Write files, and say which go for them, which they are, and which hold images."""
        found = self.duck.execute("SELECT DISTINCT _file FROM changed WHERE _file IS NOT NULL")
        gone = sorted(file for (file,) in found.fetchall())
        written = [
            new
            for file in gone
            if (new := self._spliced(Path(file)) or self._rewritten(Path(file)))
        ]
        come = [added(file, self.place, self.bounded) for file in (*written, *self._new())]
        # Of rows that all are new the files tell themselves.
        return gone, come, self._feed() if gone else []

    def _spliced(self, file: Path) -> Path | None:
        """A file in which only columns that differ are written again, with the rows that it takes
        in as a group at its end; None where rows leave it, or it is of a kind that cannot be cut.
        """
        own = [name for name in self.names if name not in self.partitions]
        of_file = f"FROM changed WHERE _file = {literal(str(file))}"
        differ = ", ".join(f'bool_or("old_{n}" IS DISTINCT FROM "new_{n}")' for n in own)
        leaving, *differs = self._one(f"SELECT bool_or(NOT _are OR _moved), {differ} {of_file}")
        names = [name for name, other in zip(own, differs, strict=True) if other]
        if leaving or not names or 2 * len(names) > len(own):
            return None
        come = f"FROM new WHERE _host = {literal(str(file))}"
        taken = self.duck.execute(f"SELECT {listed(own)} {come}").to_arrow_table()
        changes = self.duck.execute(
            f"SELECT _row, {_image('new', names)} {of_file} ORDER BY _row"
        ).to_arrow_table()
        return rewrite(file, changes["_row"].to_numpy(), changes.select(names), taken)

    def _one(self, sql: str) -> tuple[Any, ...]:
        found = self.duck.execute(sql).fetchone()
        assert found is not None
        return found

    def _rewritten(self, file: Path) -> Path | None:
        """A file with its rows as they are now, and those it takes in; None where none is left.

        Rows keep their order but for the two thousand of a vector of DuckDB's, so that groups of
        rows keep their bounds; those taken in come last.
        """
        own = [name for name in self.names if name not in self.partitions]
        values = [f'CASE WHEN _are THEN "new_{n}" ELSE t."{n}" END AS "{n}"' for n in own]
        told, same_row = literal(str(file)), _same(self.key, "t.", "c.old_")
        new = file.with_name(f"merged-{uuid.uuid4()}.parquet")
        copy(
            self.duck,
            f"SELECT {', '.join(values)} FROM {self._read([file])} t"
            f" LEFT JOIN (SELECT * FROM changed WHERE _file = {told}) c"
            f" ON {same_row} WHERE c._file IS NULL OR (_are AND NOT _moved)"
            f" UNION ALL SELECT {listed(own)} FROM new WHERE _host = {told}",
            new,
        )
        if pq.read_metadata(new).num_rows:
            return new
        new.unlink()
        return None

    def _new(self) -> list[Path]:
        """Files of the rows that are new where they lie, and that no other takes in."""
        rows = (
            f"SELECT {listed(self.names)} FROM new WHERE _host IS NULL ORDER BY {listed(self.key)}"
        )
        return self._spread("new", rows, self.place)

    def _feed(self) -> list[AddAction]:
        """Files of the images of rows, where the table keeps a change feed."""
        if self.table.metadata().configuration.get(_KEEPS_FEED) != "true":
            return []
        old, new = _image("old", self.names), _image("new", self.names)
        images = (
            f"SELECT {old},"
            f" CASE WHEN _are THEN 'update_preimage' ELSE 'delete' END AS {CHANGE_TYPE}"
            " FROM changed WHERE _file IS NOT NULL UNION ALL"
            f" SELECT {new},"
            " CASE WHEN _file IS NULL THEN 'insert' ELSE 'update_postimage' END"
            " FROM changed WHERE _are"
        )
        base = self.place / FEED
        return [added(file, base, ()) for file in self._spread("feed", images, base)]

    def _spread(self, name: str, rows: str, base: Path) -> list[Path]:
        """Files of the rows of a query, below ``base`` in the folders of their partitions."""
        beside = self.place / _BESIDE / name
        return spread(self.duck, rows, base, self.partitions, beside, "merged")

    def _read(self, files: Iterable[Path | str]) -> str:
        """Files of the table, with what their folders tell and, as _file, which they are."""
        types = {
            field.name: str(getattr(field.type, "type", "")) for field in self.table.schema().fields
        }
        partitions = {name: types[name] for name in self.partitions}
        return parquet(files, partitions, "_file", are_numbered=True)

    def _keep(self, name: str, rows: str) -> None:
        self.duck.execute(f"CREATE TEMP TABLE {name} AS {rows}")


def _same(columns: Iterable[str], one: str, other: str) -> str:
    """Whether two rows are equal in the columns, null to null: those of one table, as ``t.``, or of
    one image, as ``old_``, and of another.
    """
    equal = [
        f"{_column(one, name)} IS NOT DISTINCT FROM {_column(other, name)}" for name in columns
    ]
    return " AND ".join(["true", *equal])


def _column(of: str, name: str) -> str:
    table, dot, image = of.rpartition(".")
    return f'{table}{dot}"{image}{name}"'


def _image(kind: str, names: Iterable[str]) -> str:
    """The columns of one image of changed rows, old or new."""
    return ", ".join(f'"{kind}_{name}" AS "{name}"' for name in names)
