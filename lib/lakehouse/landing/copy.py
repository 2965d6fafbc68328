"""Landed parquet files that fit their raw table as they are: copied without Spark, in one commit.

Nothing of such a file is mapped or converted: its columns are taken over byte by byte, or decoded
and encoded by Arrow, which costs an eighth of what Spark's rows cost (docs/decisions/0017, 0038).
Files that need more go through Spark (bronze.py).
"""

import os
import shutil
import uuid
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake
from deltalake.transaction import AddAction

from lakehouse import register, storage
from lakehouse.bounds import added
from lakehouse.codes import shared
from lakehouse.declare import BATCH_ID, INGESTED_AT, LOADING, ROW, SOURCE_FILE
from lakehouse.landing.bronze import Batch, safe_name
from lakehouse.landing.probe import Probe
from lakehouse.landing.source import EntityMapping
from lakehouse.log import Record, commit_properties
from lakehouse.named import Name
from lakehouse.schema import arrow, parse
from lakehouse.splice import join
from lakehouse.storage import Place

# What Arrow, Parquet, Delta and Spark name alike; all else is converted by Spark.
_TYPES = {
    *(pa.string(), pa.bool_(), pa.date32(), pa.float32(), pa.float64()),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.timestamp("us"), pa.timestamp("us", "UTC")),
}
# Rows decoded at a time, and those of a row group.
_ROWS = 524_288
# Landed files are taken over as they lie whose groups have so many rows, at least on average and at
# most: with fewer a reader has little to do at a time, with more few can share the work.
_LEAST_ROWS, _MOST_ROWS = 16_384, 4_194_304
# What Arrow, DuckDB and Spark all read.
_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"}
_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE", "RLE_DICTIONARY", "BIT_PACKED"}
# Where columns that landed files lack are written, in the folder of a table: no reader looks there.
_BESIDE = "_copying"
# Bytes of landed files that become one file of the table.
_FILE = 256 * 1024 * 1024
# Texts that many rows share are passed on by their numbers.
_CODED = pa.dictionary(pa.int32(), pa.string())
# Places in a file count up by one: their differences take next to no room.
_ENCODING = {ROW: "DELTA_BINARY_PACKED"}


def fitting(
    landing: Path, mapping: EntityMapping, probes: dict[str, Probe], table: Place
) -> pa.Schema | None:
    """The raw table's schema, where every file has its columns and types; None where one has not.

    ``probes`` are by path below ``landing``; ``table`` may not exist yet.
    """
    if isinstance(table, Name):  # only Spark writes it
        return None
    if mapping.columns or mapping.where or any(p.format != "parquet" for p in probes.values()):
        return None
    landed = _in_common(pq.read_schema(landing / path) for path in probes)
    if landed is None or not _are_named_right(landed, mapping):
        return None
    if storage.is_table(table):
        present = pa.schema(storage.delta(table).schema().to_arrow())
        wanted = {field.name: field.type for field in present}
        return present if landed.items() <= wanted.items() else None
    contract, loading = arrow(mapping.contract.columns), arrow(parse(LOADING))
    order = {field.name: landed.get(field.name, field.type) for field in contract} | landed
    return pa.schema([*order.items(), *((field.name, field.type) for field in loading)])


def _in_common(schemas: Iterable[pa.Schema]) -> dict[str, pa.DataType] | None:
    """Every column of the files by name; None where files disagree on a type, or one is unusual."""
    types: dict[str, pa.DataType] = {}
    for schema in schemas:
        for field in schema:
            usual = field.type in _TYPES or pa.types.is_decimal128(field.type)
            if not usual or types.setdefault(field.name, field.type) != field.type:
                return None
    return types


def _are_named_right(names: Iterable[str], mapping: EntityMapping) -> bool:
    """Contract columns to the letter, and others by names that a raw table takes."""
    own = {column.name.lower(): column.name for column in mapping.contract.columns}
    found = list(names)
    alone = len({name.lower() for name in found}) == len(found)
    return alone and all(own.get(name.lower(), safe_name(name)) == name for name in found)


def append(
    table: Place,
    landing: Path,
    paths: Iterable[str],
    schema: pa.Schema,
    batch: Batch,
    record: Record,
) -> None:
    """Add the files' rows to the raw table, which exists, in one commit that carries the record."""
    opened = register.opened(table)
    if opened is None:
        write_deltalake(
            storage.address(table),
            pa.RecordBatchReader.from_batches(schema, _batches(landing, paths, schema, batch)),
            mode="append",
            commit_properties=commit_properties(record),
        )
        return
    place = cast(Path, table)

    def write(files: Sequence[str]) -> AddAction | None:
        return _write(place, landing, files, schema, batch)

    shutil.rmtree(place / _BESIDE, ignore_errors=True)
    (place / _BESIDE).mkdir()
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = [file for file in pool.map(write, _together(landing, paths)) if file]
    finally:
        shutil.rmtree(place / _BESIDE, ignore_errors=True)
    register.commit(opened, made, None, record, "append")


def _together(landing: Path, paths: Iterable[str]) -> Iterator[list[str]]:
    """Files in their order, so many at a time as become one."""
    some, size = list[str](), 0
    for path in paths:
        some.append(path)
        size += (landing / path).stat().st_size
        if size >= _FILE:
            yield some
            some, size = [], 0
    if some:
        yield some


def _write(
    place: Path, landing: Path, paths: Sequence[str], schema: pa.Schema, batch: Batch
) -> AddAction | None:
    """One file of the table, in no version yet, with the rows of landed files; None of no rows."""
    file = place / f"copied-{uuid.uuid4()}.parquet"
    if not _joined(file, landing, paths, schema, batch):
        texts = set.intersection(*(shared(landing / path) for path in paths))
        coded = _coded(schema, texts | {SOURCE_FILE, BATCH_ID})
        with _writer(file, coded) as writer:
            for rows in _gathered(_batches(landing, paths, coded, batch)):
                writer.write_table(rows, row_group_size=_ROWS)
    if pq.read_metadata(file).num_rows:
        return added(file, place, [SOURCE_FILE])
    file.unlink()
    return None


def _joined(
    file: Path, landing: Path, paths: Sequence[str], schema: pa.Schema, batch: Batch
) -> bool:
    """Copy the columns of landed files byte by byte, and write those that they lack beside them.

    False, with nothing written, where files are held otherwise than all readers read well, or
    differ; and where what was made cannot be read.
    """
    if not _is_read_well([pq.read_metadata(landing / path) for path in paths]):
        return False
    beside = [file.parent / _BESIDE / f"{number}-{file.name}" for number in range(len(paths))]
    try:
        for path, other in zip(paths, beside, strict=True):
            _write_lacking(other, landing, path, schema, batch)
        if not join([(landing / p, other) for p, other in zip(paths, beside, strict=True)], file):
            return False
        # What is broken within a column is found where it lands, not where it is used.
        for _ in pq.ParquetFile(file, read_dictionary=list(shared(file))).iter_batches(_ROWS):
            pass
        return True
    except (OSError, ValueError):
        file.unlink(missing_ok=True)
        return False
    finally:
        for other in beside:
            other.unlink(missing_ok=True)


def _is_read_well(footers: Sequence[pq.FileMetaData]) -> bool:
    """Whether every reader knows how files hold their columns, in groups of rows of a good size."""
    groups = [one.row_group(n) for one in footers for n in range(one.num_row_groups)]
    counts = [group.num_rows for group in groups]
    if not counts or max(counts) > _MOST_ROWS or sum(counts) < len(counts) * _LEAST_ROWS:
        return False
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    return all(
        column.compression in _CODECS and _ENCODINGS.issuperset(column.encodings)
        for column in columns
    )


def _write_lacking(output: Path, landing: Path, path: str, schema: pa.Schema, batch: Batch) -> None:
    """Write the columns of the table that a landed file lacks, in its groups of rows."""
    held, footer = set(pq.read_schema(landing / path).names), pq.read_metadata(landing / path)
    lacking = pa.schema([field for field in schema if field.name not in held])
    lacking, row = _coded(lacking, {SOURCE_FILE, BATCH_ID}), 1
    with _writer(output, lacking) as writer:
        for group in range(footer.num_row_groups):
            count = footer.row_group(group).num_rows
            rows = _lacking(lacking, path, batch, row, count)
            writer.write_batch(rows, row_group_size=max(count, 1))
            row += count


def _coded(schema: pa.Schema, texts: Container[str]) -> pa.Schema:
    return pa.schema([(f.name, _CODED if f.name in texts else f.type) for f in schema])


def _writer(file: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        file,
        schema,
        compression="snappy",
        use_dictionary=[f.name for f in schema if f.type != pa.string() and f.name != ROW],
        column_encoding=_ENCODING if ROW in schema.names else None,
        store_schema=False,
        store_decimal_as_integer=True,
    )


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches together, as many as become a row group."""
    some, count = list[pa.RecordBatch](), 0
    for batch in batches:
        if some and count + batch.num_rows > _ROWS:
            yield pa.Table.from_batches(some).unify_dictionaries()
            some, count = [], 0
        some.append(batch)
        count += batch.num_rows
    if count:
        yield pa.Table.from_batches(some).unify_dictionaries()


def _batches(
    landing: Path, paths: Iterable[str], schema: pa.Schema, batch: Batch
) -> Iterator[pa.RecordBatch]:
    """The files' rows in the table's columns, each with its file, its place there and its batch."""
    for path in paths:
        held = set(pq.read_schema(landing / path).names)
        coded = [f.name for f in schema if f.type == _CODED and f.name in held]
        lacking = pa.schema([field for field in schema if field.name not in held])
        row = 1
        for rows in pq.ParquetFile(landing / path, read_dictionary=coded).iter_batches(_ROWS):
            more = _lacking(lacking, path, batch, row, rows.num_rows)
            row += rows.num_rows
            columns = [(rows if f.name in held else more).column(f.name) for f in schema]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _lacking(schema: pa.Schema, path: str, batch: Batch, row: int, count: int) -> pa.RecordBatch:
    """Columns that a file lacks, of so many rows from one on: its name, the places of its rows and
    its batch; others are empty.
    """
    told = {
        SOURCE_FILE: path,
        INGESTED_AT: batch.ingested_at(path),
        BATCH_ID: batch.id,
        ROW: np.arange(row, row + count),
    }
    columns = [_column(told.get(field.name), field.type, count) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(value: Any, kind: pa.DataType, count: int) -> pa.Array:
    """Values, or one so many times."""
    if isinstance(value, np.ndarray):
        return pa.array(value, kind)
    if kind == _CODED:
        return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([value]))
    return pa.repeat(pa.scalar(value, kind), count)
