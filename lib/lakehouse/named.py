"""Delta tables that a catalogue knows by name, as Unity Catalog does: read and written by Spark.

``Delta`` answers what the engine asks deltalake's DeltaTable of tables that lie in folders.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from lakehouse.catalogue import LAYERS
from lakehouse.schema import quoted
from lakehouse.session import current


@dataclass(frozen=True)
class Name:
    """A catalogue, a schema in it, or a table in that."""

    parts: tuple[str, ...]

    def __truediv__(self, part: str) -> "Name":
        return Name((*self.parts, part))

    def __str__(self) -> str:
        return ".".join(self.parts)

    @property
    def sql(self) -> str:
        return ".".join(f"`{part}`" for part in self.parts)


class Delta:
    """A named table as it stands when this object is made, or at a version."""

    def __init__(self, name: Name, version: int | None = None):
        self.name = name
        self._version = version

    @cached_property
    def _detail(self) -> Any:
        return current().sql(f"DESCRIBE DETAIL {self.name.sql}").first()

    @cached_property
    def _history(self) -> list[dict[str, Any]]:
        wanted = ("version", "timestamp", "operation", "operationParameters", "userMetadata",
                  "operationMetrics")  # fmt: skip
        told = current().sql(f"DESCRIBE HISTORY {self.name.sql}").select(*wanted)
        # Of a replaced table Spark says that it was created, which moves no row elsewhere.
        return [
            row.asDict()
            | {
                "timestamp": int(row.timestamp.timestamp() * 1000),
                "operation": row.operation.removeprefix("CREATE OR "),
            }
            for row in told.collect()
        ]

    def history(self) -> list[dict[str, Any]]:
        """Commits, newest first."""
        return self._history

    def version(self) -> int:
        return int(self._history[0]["version"]) if self._version is None else self._version

    def load_as_version(self, moment: str) -> None:
        """Go to the version that stood at a time."""
        limit = datetime.fromisoformat(moment).timestamp() * 1000
        self._version = next(c["version"] for c in self._history if c["timestamp"] <= limit)

    def metadata(self) -> Any:
        detail = self._detail
        return SimpleNamespace(id=detail.id, partition_columns=list(detail.partitionColumns))

    def schema(self) -> Any:
        text = current().table(self.name.sql).schema.json()
        return SimpleNamespace(to_json=lambda: text)

    def file_uris(self) -> range:
        """As many as there are files; only Spark knows where they lie."""
        return range(self._detail.numFiles)

    def size(self) -> tuple[int, int]:
        """Files and bytes of the newest version."""
        return int(self._detail.numFiles), int(self._detail.sizeInBytes)

    def count(self) -> int:
        return read(current(), self.name, self._version).count()

    def partitions(self) -> list[dict[str, Any]]:
        columns = self._detail.partitionColumns
        rows = read(current(), self.name, self._version).select(*columns).distinct()
        return [row.asDict() for row in rows.collect()]

    def to_pyarrow_table(self) -> pa.Table:
        return read(current(), self.name, self._version).toArrow()


def read(spark: SparkSession, name: Name, version: int | None) -> DataFrame:
    """All rows, of a version or now."""
    if version is None:
        return spark.table(name.sql)
    return spark.sql(f"SELECT * FROM {name.sql} VERSION AS OF {version}")


def exists(name: Name) -> bool:
    return bool(current().catalog.tableExists(name.sql))


def create(
    name: Name,
    schema: str,
    comment: str,
    partitions: Sequence[str],
    properties: Mapping[str, str],
) -> None:
    """An empty table, and its schema in the catalogue; nothing where it exists."""
    spark = current()
    told = ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in properties.items())
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS {Name(name.parts[:-1]).sql}")
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {name.sql} ({_columns(schema)}) USING delta"
        + (f" PARTITIONED BY ({', '.join(partitions)})" if partitions else "")
        + f" COMMENT {quoted(comment)} TBLPROPERTIES ({told})"
    )


def add_columns(name: Name, schema: str) -> None:
    """Columns that a table is to have besides its own."""
    current().sql(f"ALTER TABLE {name.sql} ADD COLUMNS ({_columns(schema)})")


def restore(name: Name, version: int) -> None:
    """Make a table what it was at a version."""
    current().sql(f"RESTORE TABLE {name.sql} TO VERSION AS OF {version}")


def _columns(schema: str) -> str:
    """The columns of a schema, given as JSON, in DDL."""
    return ", ".join(
        f"`{f.name}` {f.dataType.simpleString()} COMMENT {quoted(f.metadata.get('comment', ''))}"
        for f in StructType.fromJson(json.loads(schema)).fields
    )


def write_arrow(name: Name, rows: pa.Table, mode: str, metadata: str) -> None:
    """Add rows, or replace all, in one commit that carries ``metadata``."""
    frame = current().createDataFrame(rows)
    frame.write.format("delta").mode(mode).option("userMetadata", metadata).saveAsTable(name.sql)


def filtered(name: Name, where: Mapping[str, Any]) -> DataFrame:
    """The rows whose columns are as given."""
    rows = current().table(name.sql)
    for column, value in where.items():
        rows = rows.where(F.col(column) == F.lit(value))
    return rows


def row_count(name: Name, column: str, values: Sequence[str]) -> int:
    """Rows of a table, or of some values of a column."""
    rows = current().table(name.sql)
    return (rows.where(F.col(column).cast("string").isin(*values)) if column else rows).count()


def added(metrics: Mapping[str, int]) -> tuple[int, int]:
    """Files and bytes that a commit added, as it says of itself."""
    names = (("numTargetFilesAdded", "numTargetBytesAdded"), ("numFiles", "numOutputBytes"))
    return next(((metrics[f], metrics.get(b, 0)) for f, b in names if f in metrics), (0, 0))


def tables_in(catalogue: Name) -> Iterator[tuple[str, str, Name]]:
    """Schema, name and full name of every Delta table of a catalogue."""
    spark = current()
    schemas = {name for (name,) in spark.sql(f"SHOW SCHEMAS IN {catalogue.sql}").collect()}
    for layer in sorted(schemas.intersection(LAYERS)):
        told = spark.sql(f"SHOW VIEWS IN {(catalogue / layer).sql}").collect()
        views = {view.viewName for view in told if not view.isTemporary}
        for row in spark.sql(f"SHOW TABLES IN {(catalogue / layer).sql}").collect():
            # A session's temporary views are told in every schema.
            if row.isTemporary or row.tableName in views:
                continue
            yield layer, row.tableName, catalogue / layer / row.tableName
