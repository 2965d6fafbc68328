"""Tables and commits of few files, read as the plain Parquet that they are.

To look into the log of a table Spark runs jobs of its own, which cost more than reading so few;
what the log says was read in a millisecond before (decision 0026).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, IntegerType, LongType, StructType

# Of more files Delta's statistics tell which to read. A feed is read whole, so may have more; each
# part is a scan of its own, and many cost more to plan than Delta's one.
FEW_FILES, FEED_FILES, FEED_PARTS = 64, 512, 4
CHANGE_TYPE = "_change_type"
FEED = "_change_data"
_PLAIN_FEATURES = {"timestampNtz"}
_TOLD = (DateType, IntegerType, LongType)  # by the name of a folder
_GLOB = "__globPaths__"  # a star in the name of a lake's folder is a star


def read(spark: SparkSession, place: Path, table: DeltaTable) -> DataFrame | None:
    """All rows of a table at its version; None where files are many, or tell not all."""
    paths = table.get_add_actions(flatten=True).column("path").to_pylist()
    if len(paths) > FEW_FILES or (columns := schema(table)) is None:
        return None
    if not paths:
        nulls = [F.lit(None).cast(c.dataType).alias(c.name) for c in columns]
        return spark.range(0).where("false").select(*nulls)
    found = _files(place, table, paths)
    return parquet(spark, place, columns, found) if found else None


def change_feed(
    spark: SparkSession,
    place: Path,
    table: DeltaTable,
    commits: Mapping[int, Sequence[Mapping[str, Any]]],
) -> DataFrame | None:
    """Images of rows that the actions of ``commits``, by version, wrote; None as ``read`` does.

    By Delta's protocol these are the change files of a commit, and of one that has none the rows of
    the files that it added, inserted, and of those that it removed, deleted. ``table`` is as the
    last of them left it. None too where a commit changed what the table is, or a file is gone.
    """
    parts, columns = images(place, table, commits), schema(table)
    count = sum(len(part.files) for part in parts or ())
    if not parts or len(parts) > FEED_PARTS or count > FEED_FILES or columns is None:
        return None
    frames = []
    for part in parts:
        base, held = place, columns
        if not part.kind:
            base, held = place / FEED, StructType([*columns.fields]).add(CHANGE_TYPE, "string")
        rows = parquet(spark, base, held, part.files)
        told = rows if not part.kind else rows.withColumn(CHANGE_TYPE, F.lit(part.kind))
        frames.append(told.withColumn("_commit_version", F.lit(part.version).cast("bigint")))
    return reduce(DataFrame.unionByName, frames)


Kind = Literal["insert", "delete", ""]


@dataclass(frozen=True)
class Images:
    """Files with images of rows of one commit: inserted or deleted, or the rows tell it."""

    version: int
    kind: Kind
    files: tuple[str, ...]


def images(
    place: Path, table: DeltaTable, commits: Mapping[int, Sequence[Mapping[str, Any]]]
) -> list[Images] | None:
    """The files with the images that the actions of ``commits`` wrote.

    None where some are no plain files, or a commit changed what the table is.
    """
    if schema(table) is None:
        return None
    if any("metaData" in one or "protocol" in one for c in commits.values() for one in c):
        return None
    parts = []
    for version, actions in commits.items():
        for kind, paths in _kinds(actions):
            base = place if kind else place / FEED
            if (files := _files(base, table, [p.removeprefix(f"{FEED}/") for p in paths])) is None:
                return None
            parts.append(Images(version, kind, tuple(files)))
    return parts


def schema(table: DeltaTable) -> StructType | None:
    """The columns, where the files of a table are plain Parquet in folders that are read alike.

    Reader version 1 knows no deletion vectors, and no columns of other names; times without a zone
    take a later version, and the same files. Days and whole numbers are read alike by all from the
    name of a folder; other values may be escaped.
    """
    protocol = table.protocol()
    if protocol.min_reader_version > 1 and set(protocol.reader_features or ("",)) - _PLAIN_FEATURES:
        return None
    columns = StructType.fromJson(json.loads(table.schema().to_json()))
    partitions = table.metadata().partition_columns
    return columns if all(isinstance(columns[c].dataType, _TOLD) for c in partitions) else None


def _files(base: Path, table: DeltaTable, paths: Sequence[str]) -> list[str] | None:
    """Files that are all there, in folders that tell their partitions; else None."""
    columns = table.metadata().partition_columns
    for path in paths:
        told = [folder.partition("=")[0] for folder in path.split("/")[:-1]]
        if told != columns or not (base / path).is_file():
            return None
    return [str(base / path) for path in paths]


def _kinds(actions: Sequence[Mapping[str, Any]]) -> list[tuple[Kind, list[str]]]:
    """Kind of image and files that hold them; no kind where the rows tell it themselves."""

    def paths(action: str) -> list[str]:
        found = [one[action] for one in actions if action in one]
        return [unquote(one["path"]) for one in found if action == "cdc" or one["dataChange"]]

    if changes := paths("cdc"):
        return [("", changes)]
    found: list[tuple[Kind, list[str]]] = [("insert", paths("add")), ("delete", paths("remove"))]
    return [(kind, files) for kind, files in found if files]


def parquet(
    spark: SparkSession, base: Path, columns: StructType, files: Sequence[str]
) -> DataFrame:
    """The rows of files below ``base``, whose other folders tell partitions."""
    reader = spark.read.schema(columns).option("basePath", str(base)).option(_GLOB, "false")
    rows = reader.parquet(*files)
    # What folders tell comes last.
    return rows if rows.columns == columns.names else rows.select(*columns.names)
