"""Landed parquet files that fit their raw table as they are: copied by Arrow, in one commit.

Nothing of such a file is mapped or converted, and decoding and encoding it by Arrow costs an eighth
of what Spark's rows cost (docs/decisions/0017). Files that need more go through Spark (bronze.py).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import ColumnProperties, WriterProperties, write_deltalake

from lakehouse import storage
from lakehouse.declare import BATCH_ID, INGESTED_AT, LOADING, ROW, SOURCE_FILE
from lakehouse.landing.bronze import Batch, safe_name
from lakehouse.landing.probe import Probe
from lakehouse.landing.source import EntityMapping
from lakehouse.log import Record, commit_properties
from lakehouse.named import Name
from lakehouse.schema import arrow, parse
from lakehouse.storage import Place

# What Arrow, Parquet, Delta and Spark name alike; all else is converted by Spark.
_TYPES = {
    *(pa.string(), pa.bool_(), pa.date32(), pa.float32(), pa.float64()),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.timestamp("us"), pa.timestamp("us", "UTC")),
}
# Rows decoded at a time, and those of a row group: what Spark's tasks share out among them.
_ROWS = 131_072
# Places in a file count up by one: their differences take next to no room.
_PLACES = ColumnProperties(encoding="DELTA_BINARY_PACKED", dictionary_enabled=False)


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
    write_deltalake(
        storage.address(table),
        pa.RecordBatchReader.from_batches(schema, _rows(landing, paths, schema, batch)),
        mode="append",
        commit_properties=commit_properties(record),
        writer_properties=WriterProperties(
            max_row_group_size=_ROWS, column_properties={ROW: _PLACES}
        ),
    )


def _rows(
    landing: Path, paths: Iterable[str], schema: pa.Schema, batch: Batch
) -> Iterator[pa.RecordBatch]:
    """The files' rows in the table's columns, each with its file, its place there and its batch."""
    for path in paths:
        fixed = {SOURCE_FILE: path, INGESTED_AT: batch.ingested_at(path), BATCH_ID: batch.id}
        place = 1
        for rows in pq.ParquetFile(landing / path).iter_batches(_ROWS):
            places = np.arange(place, place := place + rows.num_rows)
            numbered = rows.append_column(ROW, pa.array(places))
            columns = [
                numbered.column(field.name)
                if field.name in numbered.schema.names
                else pa.repeat(pa.scalar(fixed.get(field.name), field.type), rows.num_rows)
                for field in schema
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
