"""Landed files as Spark reads them: a record a line or row, each with its file and place there."""

import re
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from lakehouse.declare import ROW, SOURCE_FILE
from lakehouse.landing.probe import Probe
from lakehouse.landing.source import EntityMapping

CORRUPT = "_corrupt_record"
# A line of more columns than Spark expects would end the whole read.
_CSV = {"header": "true", "escape": '"', "maxColumns": "1000000"}


def scan(
    spark: SparkSession, landing: Path, mapping: EntityMapping, probe: Probe, paths: list[str]
) -> DataFrame:
    """Files of one shape: text formats as text, parquet with nanoseconds made micros."""
    full = [_literally(landing / path) for path in paths]
    levels = paths[0].count("/") + 1
    names = [f"`{name.replace('`', '``')}`" for name in probe.columns or ()]
    fields = [f"{name} STRING" for name in names]
    schema = ", ".join([*fields, f"{CORRUPT} STRING"])
    options = {"columnNameOfCorruptRecord": CORRUPT} | dict(mapping.options)
    if probe.format == "parquet":
        rows = spark.read.parquet(*full).withColumns(_nanoseconds(landing / paths[0]))
        placed = rows.withColumn(SOURCE_FILE, _relative_path(levels))
        return placed.withColumn(ROW, F.col("_metadata.row_index") + 1)
    if probe.format == "csv":
        records = spark.read.schema(schema).options(**_CSV | options).csv(full)
    elif mapping.options:
        records = spark.read.schema(schema).options(**options).json(full)
    else:
        objects = [f"{name}: STRING" for name in names]
        return _objects(_numbered(_lines(spark, full), levels), objects, options)
    return _numbered(records, levels)


def _lines(spark: SparkSession, paths: list[str]) -> DataFrame:
    """Lines that are not blank; bytes that are no UTF-8 replaced, as in CSV."""
    lines = spark.read.text(paths).withColumn("value", F.make_valid_utf8("value"))
    return lines.where(~F.col("value").rlike(r"^[ \t\r]*\z"))


def _objects(lines: DataFrame, fields: list[str], options: dict[str, str]) -> DataFrame:
    """A record a line, which must be one object and nothing else.

    Spark's reader makes several records of an array, none of an empty one, and forgets what follows
    an object: as the one element of an array, it has to be alone.
    """
    inside = F.concat(F.lit("["), "value", F.lit("]"))
    said = F.from_json(inside, f"ARRAY<STRUCT<{', '.join(fields)}>>", options)
    read = lines.withColumn("_said", said)
    record = F.get("_said", F.lit(0))
    whole = (F.size("_said") == 1) & record.isNotNull()
    corrupt = F.when(~F.coalesce(whole, F.lit(False)), F.col("value")).alias(CORRUPT)
    return read.select(F.when(whole, record).alias("_said"), corrupt, SOURCE_FILE, ROW).select(
        "_said.*", CORRUPT, SOURCE_FILE, ROW
    )


def _numbered(records: DataFrame, levels: int) -> DataFrame:
    """Records of text files with their file and place there, which Spark does not tell.

    A file is read by blocks, each by one task, from its first line to its last.
    """
    order = {
        "_block": F.col("_metadata.file_block_start"),
        "_line": F.monotonically_increasing_id(),
    }
    in_file = Window.partitionBy(SOURCE_FILE).orderBy("_block", "_line")
    place = F.row_number().over(in_file).cast("bigint")
    placed = records.withColumn(SOURCE_FILE, _relative_path(levels))
    return placed.withColumns(order).withColumn(ROW, place).drop(*order)


def _literally(path: Path) -> str:
    """The path with what Spark takes for a pattern, as in sales[1].csv, meaning itself."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", str(path))


def _nanoseconds(path: Path) -> dict[str, Column]:
    """Spark reads nanosecond timestamps as whole numbers; give them back their type."""
    converted = {}
    for column in pq.read_schema(path):
        if str(column.type).startswith("timestamp[ns"):
            moment = F.timestamp_micros(F.expr(f"`{column.name}` div 1000"))
            converted[column.name] = moment if column.type.tz else moment.cast("timestamp_ntz")
    return converted


def _relative_path(parts: int) -> Column:
    """The last ``parts`` of the file's path; Spark gives it as an encoded URI."""
    encoded = F.substring_index("_metadata.file_path", "/", -parts)
    decoded = F.url_decode(F.replace(encoded, F.lit("+"), F.lit("%2B")))
    return F.when(encoded.contains("%"), decoded).otherwise(encoded)
