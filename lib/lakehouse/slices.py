"""A slice of a carried table: what its kernel reads, and the files that its days become.

All of this runs in the tasks of a cluster, on Arrow and numpy; nothing is sent back but the names
and statistics of the files written. A task that is tried again writes files of other names, and
those of the failed attempt are in no commit: VACUUM removes them.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from lakehouse.bounds import added
from lakehouse.declare import Kernel
from lakehouse.quality import STOP

# Rows of a row group: what Spark's tasks share out among them.
_ROWS = 1_048_576
# A file's name begins so, followed by a hash of its keys in their order.
_ORDER = "keys-"
Files = Mapping[date | None, Sequence[str]]


@dataclass(frozen=True)
class Slice:
    """The days of one value of the table's ``within`` that a kernel has to make.

    ``unchanged`` are the days whose rows the table holds and no change reaches. ``files`` are by
    input, and by day where the input spreads by day. ``held`` are the days that an input holds in
    any slice.
    """

    table: str
    part: str
    days: tuple[date, ...]
    unchanged: tuple[date, ...]
    files: Mapping[str, Files]
    held: Mapping[str, tuple[date, ...]]
    schemas: Mapping[str, pa.Schema]
    settings: Mapping[str, Any]

    @property
    def base(self) -> date | None:
        """The newest day before those to make that can be carried from, if there is one."""
        return max((day for day in self.unchanged if day < self.days[0]), default=None)

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


def make(spark: SparkSession, slices: Sequence[Slice], kernel: Kernel, layout: Layout) -> list[Any]:
    """Write the days of the slices, each slice in a task; the add actions of their files.

    A single slice is made where the build runs, which saves a task's start.
    """
    if len(slices) <= 1:
        return [action for slice_ in slices for action in _made(slice_, kernel, layout)]

    def task(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                actions = [json.dumps(a) for a in _made(slices[number], kernel, layout)]
                yield pa.RecordBatch.from_pydict({"action": pa.array(actions, pa.string())})

    numbers = spark.range(0, len(slices), 1, len(slices))
    return [json.loads(action) for (action,) in numbers.mapInArrow(task, "action string").collect()]


def _made(slice_: Slice, kernel: Kernel, layout: Layout) -> Iterator[dict[str, Any]]:
    for day, rows in kernel(slice_):
        if rows.num_rows:
            rows = _shaped(rows, layout)
            _check(rows, layout)
            yield _write(rows, layout, (str(day), slice_.part))


def _shaped(rows: pa.Table, layout: Layout) -> pa.Table:
    """The declared columns in their order; texts may be dictionaries.

    Raises TypeError where a kernel makes another type than the table declares.
    """
    rows = rows.select(layout.schema.names)
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


def _write(rows: pa.Table, layout: Layout, values: tuple[str, ...]) -> dict[str, Any]:
    """One Parquet file; its add action."""
    partition = dict(zip(layout.partitions, values, strict=True))
    folder = "/".join(f"{name}={value}" for name, value in partition.items())
    name = f"{_ORDER}{_order(rows, layout.key)}-{uuid.uuid4()}.snappy.parquet"
    path = Path(layout.path) / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    # Few values, told by dictionaries, leave little to compress: two fifths cheaper than plain ones
    # by zstd, as small, and read in half the time.
    pq.write_table(
        rows,
        path,
        row_group_size=_ROWS,
        compression="snappy",
        write_statistics=[name for name in layout.key if name in rows.column_names],
        store_schema=False,
        store_decimal_as_integer=True,
    )
    return asdict(added(path, Path(layout.path), layout.key))


def _order(rows: pa.Table, key: Iterable[str]) -> str:
    """A hash of the keys in their order."""
    found = hashlib.blake2b(digest_size=16)
    for column in (rows[name].combine_chunks() for name in key if name in rows.column_names):
        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        found.update(repr(coded.dictionary.to_pylist()).encode())
        found.update(np.ascontiguousarray(coded.indices.to_numpy()).tobytes())
    return found.hexdigest()
