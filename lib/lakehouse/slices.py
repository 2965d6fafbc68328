"""A slice of a table with a kernel: what its kernel reads, and the files that its days become.

All of this runs in the tasks of a cluster, on Arrow and numpy; nothing is sent back but the names
and statistics of the files written. A task that is tried again writes files of other names, and
those of the failed attempt are in no commit: VACUUM removes them.
"""

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from lakehouse.bounds import added
from lakehouse.declare import Kernel
from lakehouse.feed import NET
from lakehouse.patches import among, patched
from lakehouse.plain import FEED
from lakehouse.quality import STOP
from lakehouse.rewriting import spliced

# Rows of a row group: what Spark's tasks share out among them.
_ROWS = 1_048_576
# Few values, told by dictionaries, leave little to compress: two fifths cheaper than plain ones by
# zstd, as small, and read in half the time.
_WRITTEN: dict[str, Any] = {
    "compression": "snappy",
    "store_schema": False,
    "store_decimal_as_integer": True,
}
# A file's name begins so, followed by a hash of its keys in their order.
_ORDER = "keys-"
_PATCHED = "patched"
Files = Mapping[date | None, Sequence[str]]


@dataclass(frozen=True)
class Slice:
    """The days of one value of the table's ``within`` that a kernel has to make.

    ``unchanged`` are the days whose rows the table holds and no change reaches. ``files`` are by
    input, and by day where the input spreads by day. ``held`` are the days that an input holds in
    any slice. Of days that the table holds and few changes reach, ``reached`` are files of the keys
    whose rows are to be made. The days ``amendable`` can be carried from by who takes account of
    rows of the inputs that are others now than when they were made: of ``amendments``, files by
    input.
    """

    table: str
    part: str
    days: tuple[date, ...]
    unchanged: tuple[date, ...]
    files: Mapping[str, Files]
    held: Mapping[str, tuple[date, ...]]
    schemas: Mapping[str, pa.Schema]
    settings: Mapping[str, Any]
    reached: Mapping[date, Sequence[str]] = field(default_factory=dict)
    amendable: tuple[date, ...] = ()
    amendments: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def base(self) -> date | None:
        """The newest day that those to make can be carried from, if there is one."""
        return base_of(self.days[0], self.unchanged, self.amendable)

    def amended_rows(self, name: str) -> tuple[pa.Table, pa.Table]:
        """Rows of an input that are others now than when those of the base were made: as they were
        before, and as they are after. They have the columns that the table uses; some may be of
        days after the base.
        """
        if self.base not in self.amendable:
            empty = self.schemas[name].empty_table()
            return empty, empty
        return self._amendments(name)

    def _amendments(self, name: str) -> tuple[pa.Table, pa.Table]:
        if not (files := self.amendments.get(name)):
            empty = self.schemas[name].empty_table()
            return empty, empty
        rows = pa.concat_tables(pq.read_table(file, partitioning=None) for file in files)
        is_after = pc.greater(rows[NET], 0)
        return rows.filter(pc.invert(is_after)), rows.filter(is_after)

    def order(self, name: str, day: date) -> tuple[str, ...] | None:
        """What the names of a day's files tell of its keys and their order, if we wrote them.

        Days that say the same have the same keys in the same rows, which then need not be read.
        """
        names = [Path(file).name for file in self.files[name].get(day, ())]
        ours = [name.split("-")[1] for name in names if name.startswith(_ORDER)]
        return tuple(ours) if ours and len(ours) == len(names) else None

    def read(self, name: str, day: date | None, columns: Sequence[str]) -> pa.Table:
        """Columns of an input, or of the table itself, on a day; texts as dictionaries."""
        wanted = pa.schema([self.schemas[name].field(column) for column in columns])
        texts = [field.name for field in wanted if pa.types.is_string(field.type)]
        coded = pa.dictionary(pa.int32(), pa.string())
        # Files say, each writer in its way, which columns lack nulls and how texts are best held.
        alike = pa.schema([(f.name, coded if f.name in texts else f.type) for f in wanted])
        parts = [
            pq.read_table(
                file, columns=list(columns), read_dictionary=texts, partitioning=None
            ).cast(alike)
            for file in self.files[name].get(day, ())
        ]
        return pa.concat_tables(parts) if parts else wanted.empty_table()

    def read_wanted(self, name: str, day: date, columns: Sequence[str]) -> pa.Table:
        """The same of a day to be made; where few changes reach it, the rows of those."""
        if day not in self.reached:
            return self.read(name, day, columns)
        rows = self.read(name, day, columns)
        return rows.filter(pa.array(among(rows, self.keys(day))))

    def keys(self, day: date) -> pa.Table:
        """The distinct keys of which a day that few changes reach is to be made."""
        return pa.concat_tables(
            pq.read_table(file, partitioning=None) for file in self.reached[day]
        )


def base_of(first: date, unchanged: Collection[date], amendable: Collection[date]) -> date | None:
    """The day to carry a day and those that follow from: the newest of the unchanged ones before it
    and the amendable ones, itself among them; but the day before, where that is unchanged.

    >>> days = [date(2026, 6, day) for day in (7, 8)]
    >>> base_of(date(2026, 6, 8), days[:1], days[1:]), base_of(date(2026, 6, 9), days[:1], days[1:])
    (datetime.date(2026, 6, 7), datetime.date(2026, 6, 8))
    """
    if (before := first - timedelta(1)) in unchanged:
        return before
    days = [day for day in unchanged if day < first]
    return max([*days, *(day for day in amendable if day <= first)], default=None)


@dataclass(frozen=True)
class Layout:
    """What the files of a table must be: its folder, columns, partitions and stop rules.

    ``schema`` lacks the partition columns; ``rules`` are names and SQL of DuckDB.
    """

    full_name: str
    path: str
    schema: pa.Schema
    partitions: tuple[str, ...]
    key: tuple[str, ...]
    required: frozenset[str]
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Written:
    """A file of a table by its add action, None where it would have no row. Where it takes the
    place of the file ``instead_of``, ``feed`` is the add action of the images of the rows that
    differ, and ``counts`` are those inserted, updated and deleted.
    """

    add: dict[str, Any] | None
    instead_of: str = ""
    feed: dict[str, Any] | None = None
    counts: Sequence[int] = ()


def make(
    spark: SparkSession, slices: Sequence[Slice], kernel: Kernel, layout: Layout
) -> list[Written]:
    """Write the days of the slices, each slice in a task; the files.

    A single slice is made where the build runs, which saves a task's start.
    """
    if len(slices) <= 1:
        return [file for slice_ in slices for file in _made(slice_, kernel, layout)]

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                files = [json.dumps(asdict(one)) for one in _made(slices[number], kernel, layout)]
                yield pa.RecordBatch.from_pydict({"file": pa.array(files, pa.string())})

    numbers = spark.range(0, len(slices), 1, len(slices))
    files = numbers.mapInArrow(task, "file string").collect()
    return [Written(**json.loads(file)) for (file,) in files]


def _made(slice_: Slice, kernel: Kernel, layout: Layout) -> Iterator[Written]:
    for day, rows in kernel(slice_):
        values = (str(day), slice_.part)
        if day in slice_.reached:
            if written := _patch(slice_, day, rows, layout, values):
                yield written
        elif rows.num_rows:
            rows = _shaped(rows, layout)
            _check(rows, layout)
            yield Written(_write(rows, layout, values))


def _patch(
    slice_: Slice, day: date, rows: pa.Table, layout: Layout, values: tuple[str, ...]
) -> Written | None:
    """Write the file of a day with the rows of its reached keys as they are now, and their images;
    None where they are as they were.
    """
    rows = _shaped(rows, layout)
    _check(rows, layout)
    names, key = layout.schema.names, [name for name in layout.key if name in rows.column_names]

    def read(columns: Sequence[str]) -> pa.Table:
        return slice_.read(slice_.table, day, columns)

    patch = patched(read, names, slice_.keys(day), rows, key)
    if patch is None:
        return None
    (file,) = slice_.files[slice_.table][day]
    images = _write(patch.images, replace(layout, path=f"{layout.path}/{FEED}"), values, _PATCHED)
    counts = patch.inserted, patch.updated, patch.deleted
    if patch.keeps_places:
        add = _spliced(Path(file), patch.columns, layout)
        if add is None:
            every = {name: patch.columns.get(name, read([name])[name]) for name in names}
            add = _write(pa.table(every), layout, values)
        return Written(add, file, images, counts)
    left = pa.table(dict(patch.columns))
    return Written(_write(left, layout, values) if left.num_rows else None, file, images, counts)


def _spliced(file: Path, columns: Mapping[str, pa.Array], layout: Layout) -> dict[str, Any] | None:
    """A file beside another, with other columns; None where these do not fit. What its name begins
    with tells the same order of keys, which no patch alters.
    """
    begins = "-".join(file.name.split("-")[:2]) if file.name.startswith(_ORDER) else _PATCHED
    made = file.with_name(f"{begins}-{uuid.uuid4()}.snappy.parquet")
    fits = spliced(file, pa.table(dict(columns)), made, **_WRITTEN, write_statistics=False)
    return asdict(added(made, Path(layout.path), layout.key)) if fits else None


def _shaped(rows: pa.Table, layout: Layout) -> pa.Table:
    """The declared columns in their order; texts may be dictionaries.

    Raises TypeError where a kernel makes another type than the table declares.
    """
    # Parquet writes texts plain where chunks of a column have different dictionaries.
    rows = rows.select(layout.schema.names).unify_dictionaries()
    for made, declared in zip(rows.schema, layout.schema, strict=True):
        kind = made.type.value_type if pa.types.is_dictionary(made.type) else made.type
        if kind != declared.type:
            raise TypeError(
                f"the kernel of {layout.full_name} makes {made.name} as {made.type}; expected"
                f" {declared.type}, as its schema declares"
            )
    return rows


def _check(rows: pa.Table, layout: Layout) -> None:
    """Raise where a row breaks a stop rule or lacks a required value."""
    broken = [
        (f"{name} is not null", f"{name} IS NULL")
        for name in layout.schema.names
        if name in layout.required and rows[name].null_count
    ]
    connection = duckdb.connect()
    connection.register("made", rows)
    for name, rule in [*broken, *((name, f"NOT ({sql})") for name, sql in layout.rules)]:
        key = ", ".join(name for name in layout.key if name in rows.column_names)
        found = connection.execute(f"SELECT {key} FROM made WHERE {rule} LIMIT 1").fetchone()
        if found:
            # Not LakehouseError: the same text comes back from a task as Spark's exception.
            raise RuntimeError(
                f"{STOP} {layout.full_name}: '{name}' is broken at {', '.join(map(str, found))}"
            )


def _write(
    rows: pa.Table, layout: Layout, values: tuple[str, ...], name: str = ""
) -> dict[str, Any]:
    """One Parquet file; its add action. What its name begins with tells the order of its keys."""
    partition = dict(zip(layout.partitions, values, strict=True))
    folder = "/".join(f"{name}={value}" for name, value in partition.items())
    begins = name or f"{_ORDER}{_order(rows, layout.key)}"
    path = Path(layout.path) / folder / f"{begins}-{uuid.uuid4()}.snappy.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    bounded = [name for name in layout.key if name in rows.column_names]
    pq.write_table(rows, path, row_group_size=_ROWS, write_statistics=bounded, **_WRITTEN)
    return asdict(added(path, Path(layout.path), layout.key))


def _order(rows: pa.Table, key: Iterable[str]) -> str:
    """A hash of the keys in their order."""
    found = hashlib.blake2b(digest_size=16)
    for column in (rows[name].combine_chunks() for name in key if name in rows.column_names):
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        found.update(repr(coded.dictionary.to_pylist()).encode())
        found.update(np.ascontiguousarray(coded.indices.to_numpy()).tobytes())
    return found.hexdigest()
