"""Landed files as Spark reads them, mapped to their contract, in one raw table's columns.

Raw columns keep the type that landed (text stays text). Where files disagree on a column's type,
the column widens to one that holds both, text at the last; staging casts to the contract.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import BinaryType, DataType, LongType, StringType

from lakehouse.declare import BATCH_ID, INGESTED_AT, ROW, SOURCE_FILE
from lakehouse.expressions import content
from lakehouse.landing.probe import Probe
from lakehouse.landing.scan import CORRUPT, scan
from lakehouse.landing.source import EntityMapping
from lakehouse.schema import struct

_WHOLE_NUMBERS = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class Batch:
    """The build that loads, and by path the build that first saw the file's content.

    The id of the one and the time of the other stand on every row: a file that is loaded again
    was known no later for that.
    """

    id: str
    seen_by: Mapping[str, str]

    def ingested_at(self, path: str) -> datetime:
        """The time of the build that first saw the file, which is what its id says."""
        return datetime.strptime(self.seen_by[path], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)


def read(
    spark: SparkSession,
    landing: Path,
    mapping: EntityMapping,
    probes: dict[str, Probe],
    batch: Batch,
    present: dict[str, DataType],
) -> DataFrame:
    """Records of the files (path: probe) mapped to the contract, typed as ``present`` or wider.

    Files of equal shape are read together, so one odd file hurts nobody.
    """
    groups: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for path, probe in probes.items():
        groups[(probe.format, probe.shape, path.count("/"))].append(path)
    named = {name.lower(): name for name in present}
    frames = []
    for paths in groups.values():
        frame = _mapped(scan(spark, landing, mapping, probes[paths[0]], paths), mapping)
        # Delta's names differ by more than letter case: a column keeps the name it first had.
        known_names = {name: named.setdefault(name.lower(), name) for name in frame.columns}
        frames.append(frame.withColumnsRenamed(known_names))
    types: dict[str, DataType] = {ROW: LongType()} | dict(present)
    for column in struct(mapping.contract.columns).fields:
        if not any(column.name in frame.columns for frame in frames):
            types.setdefault(column.name, column.dataType)
    for frame in frames:
        for column in frame.schema.fields:
            known = types.get(column.name, column.dataType)
            types[column.name] = _wider(known, column.dataType)
    order = [c.name for c in mapping.contract.columns]
    order += [n for n in types if n not in order and not n.startswith("_")]
    always = (SOURCE_FILE, ROW, INGESTED_AT, BATCH_ID)
    order += [n for n in types if n not in order and n not in always] + [SOURCE_FILE, ROW]
    aligned = [
        frame.select(*[_column(frame, name, types[name]).alias(name) for name in order])
        for frame in frames
    ]
    rows = _timed(spark, reduce(DataFrame.unionByName, aligned), probes, batch)
    return rows.select(*order, INGESTED_AT, F.lit(batch.id).alias(BATCH_ID))


def _timed(spark: SparkSession, rows: DataFrame, paths: Iterable[str], batch: Batch) -> DataFrame:
    """Rows with the time of their file; one literal where one build first saw all, as is usual."""
    times = {path: batch.ingested_at(path) for path in paths}
    if len(set(times.values())) == 1:
        return rows.withColumn(INGESTED_AT, F.lit(next(iter(times.values()))).cast("timestamp"))
    ddl = f"{SOURCE_FILE} STRING, {INGESTED_AT} TIMESTAMP"
    by_file = spark.createDataFrame([*times.items()], ddl)
    return rows.join(F.broadcast(by_file), SOURCE_FILE, "left")


def _column(frame: DataFrame, name: str, kind: DataType) -> Column:
    """A column as a type; of bytes made text, those that are no UTF-8 are replaced."""
    if name not in frame.columns:
        return F.lit(None).cast(kind)
    column = F.col(name).cast(kind)
    is_decoded = isinstance(frame.schema[name].dataType, BinaryType) and kind == StringType()
    return F.make_valid_utf8(column) if is_decoded else column


def _mapped(frame: DataFrame, mapping: EntityMapping) -> DataFrame:
    """Contract columns by their expressions, then the landed columns that are none of them."""
    # Of a line that is broken nobody can tell whether it counts: it is kept, and rejected.
    is_broken = F.col(CORRUPT).isNotNull() if CORRUPT in frame.columns else F.lit(False)
    for condition in mapping.where:
        counts = F.expr(condition)
        frame = frame.where(counts if mapping.distinct else is_broken | counts)
    contract = struct(mapping.contract.columns)
    own = {name.lower() for name in contract.names}
    extras = [name for name in frame.columns if name.lower() not in own and name[0] != "_"]
    kept = [F.col(f"`{name}`").alias(safe) for name, safe in _safe_names(extras, own).items()]
    internal = [name for name in (CORRUPT, SOURCE_FILE, ROW) if name in frame.columns]
    if not mapping.columns:
        landed = {name.lower(): name for name in frame.columns}
        mine = [
            F.col(f"`{landed[f.name.lower()]}`").alias(f.name)
            for f in contract.fields
            if f.name.lower() in landed
        ]
        return frame.select(*mine, *kept, *internal)
    mine = [
        F.expr(mapping.columns[f.name]).alias(f.name)
        for f in contract.fields
        if f.name in mapping.columns
    ]
    if mapping.distinct:
        records = _typed_nulls(frame.select(*mine, SOURCE_FILE).distinct(), contract.names)
        in_file = Window.partitionBy(SOURCE_FILE).orderBy(content(records.columns))
        return records.withColumn(ROW, F.row_number().over(in_file).cast("bigint"))
    return _typed_nulls(frame.select(*mine, *kept, *internal), contract.names)


def _typed_nulls(frame: DataFrame, names: Iterable[str]) -> DataFrame:
    """Drop columns mapped to a bare null: the contract's own type stands in for them."""
    void = [f.name for f in frame.schema.fields if f.dataType.simpleString() == "void"]
    return frame.drop(*void)


def _safe_names(extras: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Names that Delta takes, by the landed ones; a name that another column has is lengthened."""
    used, names = set(taken), dict[str, str]()
    for extra in extras:
        name = safe_name(extra)
        while name.lower() in used:
            name += "_"
        used.add(name.lower())
        names[extra] = name
    return names


def safe_name(name: str) -> str:
    """A name that Delta takes: no spaces, brackets or commas, and no leading underscore."""
    return re.sub(r"[^\w]", "_", name, flags=re.ASCII).lstrip("_") or "column"


def _wider(one: DataType, other: DataType) -> DataType:
    """A type that holds both without loss: the larger whole number, else text."""
    a, b = one.simpleString(), other.simpleString()
    if a == b:
        return one
    if a in _WHOLE_NUMBERS and b in _WHOLE_NUMBERS:
        return max(one, other, key=lambda t: _WHOLE_NUMBERS.index(t.simpleString()))
    return StringType()
