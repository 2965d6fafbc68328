"""Where a lake lies and how its tables are reached; the one setting ``lake`` says it.

A folder (``data/lake``), an object store (``s3a://bucket/lake``), or a catalogue that knows the
tables by name (``catalog:retail``: the table gold.fact_sales is retail.gold.fact_sales there, as in
Unity Catalog). Folders and object stores are read without Spark, in milliseconds; named tables
through Spark alone, which knows who may see what.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from pyspark.sql import DataFrame, DataFrameWriter, SparkSession

from lakehouse import named, plain
from lakehouse.duck import connected, parquet
from lakehouse.errors import LakehouseError
from lakehouse.named import Name

CATALOGUE = "catalog:"
# What makes a path a pattern for Spark.
_PATTERN = frozenset("*?[]{}")
# How Spark's Hadoop calls a store, and how the rest of the world does.
_SCHEMES = {"s3a": "s3", "s3": "s3", "abfss": "abfss", "gs": "gs"}


@dataclass(frozen=True)
class Uri:
    """A place in an object store, as Spark writes it: s3a://bucket/lake."""

    text: str

    def __truediv__(self, part: str) -> "Uri":
        return Uri(f"{self.text.rstrip('/')}/{part}")

    def __str__(self) -> str:
        return self.text


Place = Path | Uri | Name


def place(given: Path | str) -> Place:
    """A lake's place, as a person gives it."""
    text = str(given)
    return remote(text) if is_remote(text) else Path(text)


def lake_folder(path: Path) -> Path:
    """The folder of a lake.

    Raises LakehouseError for a path that Spark reads as a pattern: it would read files twice.
    """
    if odd := sorted(set(str(path)) & _PATTERN):
        raise LakehouseError(
            f"The path {path} holds {' '.join(odd)}, which Spark reads as a pattern; expected a"
            " folder for the lake whose path has none of * ? [ ] { }."
        )
    return path


def is_remote(text: str) -> bool:
    """Whether a setting of the lake means no folder."""
    return text.startswith(CATALOGUE) or "://" in text


def remote(text: str) -> Uri | Name:
    """The place of a lake that is no folder.

    Raises LakehouseError for a store that Spark is not set up for, or a catalogue without a name.
    """
    if text.startswith(CATALOGUE):
        name = text.removeprefix(CATALOGUE)
        if not name.replace("_", "").replace("-", "").isalnum():
            raise LakehouseError(f"The lake {text} names no catalogue; expected catalog:NAME.")
        return Name((name,))
    if text.split("://")[0] not in _SCHEMES:
        raise LakehouseError(
            f"The lake {text} is in no store that is known here; expected a folder, catalog:NAME,"
            f" or one of {', '.join(f'{scheme}://...' for scheme in _SCHEMES)}."
        )
    return Uri(text)


def holds(lake: Place, place: Place) -> bool:
    """Whether a place is in a lake."""
    if isinstance(lake, Path):
        return isinstance(place, Path) and place.is_relative_to(lake)
    return type(place) is type(lake) and str(place).startswith(str(lake))


def beside(place: Place, name: str) -> Place:
    """Another table of the same layer."""
    if isinstance(place, Path):
        return place.with_name(name)
    if isinstance(place, Uri):
        return Uri(f"{place.text.rpartition('/')[0]}/{name}")
    return Name((*place.parts[:-1], name))


def address(place: Place) -> str:
    """What deltalake opens."""
    if isinstance(place, Uri):
        scheme, rest = place.text.split("://", 1)
        return f"{_SCHEMES[scheme]}://{rest}"
    return str(place)


def sql(place: Place) -> str:
    """The table in a statement of Spark's."""
    return place.sql if isinstance(place, Name) else f"delta.`{place}`"


def read(spark: SparkSession, place: Place, version: int | None = None) -> DataFrame:
    """All rows, of a version or now."""
    if isinstance(place, Name):
        return named.read(spark, place, version)
    if isinstance(place, Path):
        rows = plain.read(spark, place, delta(place, version))
        if rows is not None:
            return rows
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    return reader.load(str(place))


def change_feed(spark: SparkSession, place: Place, first: int, last: int) -> DataFrame:
    """Images of rows that the commits from one version to another wrote."""
    if isinstance(place, Path) and (commits := _commits(place, first, last)):
        feed = plain.change_feed(spark, place, delta(place, last), commits)
        if feed is not None:
            return feed
    reader = spark.read.option("readChangeFeed", "true")
    reader = reader.option("startingVersion", first).option("endingVersion", last)
    if isinstance(place, Name):
        return reader.table(place.sql)
    return reader.format("delta").load(str(place))


def images(place: Place, first: int, last: int) -> list[plain.Images] | None:
    """The files with the images that commits wrote, where they are plain ones in a folder."""
    if not isinstance(place, Path) or (commits := _commits(place, first, last)) is None:
        return None
    return plain.images(place, delta(place, last), commits)


def _commits(place: Path, first: int, last: int) -> dict[int, list[dict[str, Any]]] | None:
    """What commits say; None where one of them is gone."""
    try:
        return {version: actions(place, version) for version in range(first, last + 1)}
    except FileNotFoundError:
        return None


def save(writer: DataFrameWriter, place: Place) -> None:
    """Write into a table that exists."""
    if isinstance(place, Name):
        writer.saveAsTable(place.sql)
    else:
        writer.save(str(place))


def is_table(place: Place) -> bool:
    """Whether a Delta table is there."""
    if isinstance(place, Name):
        return named.exists(place)
    if isinstance(place, Path) and _commit(place / "_delta_log"):
        return True
    return DeltaTable.is_deltatable(address(place))


def delta(place: Place, version: int | None = None) -> Any:
    """The table's state and log: a DeltaTable, or what answers as one; for reading only.

    In a folder, who asks for the same version is given the same object: builds ask a hundred times.
    """
    if isinstance(place, Path) and (commit := _commit(place / "_delta_log", version)):
        return _as_committed(place, *commit)
    return fresh(place, version)


def fresh(place: Place, version: int | None = None) -> Any:
    """The same for its caller alone, to commit to or to move to another version."""
    if isinstance(place, Name):
        return named.Delta(place, version)
    return DeltaTable(address(place), version=version)


def _commit(log: Path, version: int | None = None) -> tuple[int, tuple[int, int]] | None:
    """A version, or the newest, and which file says it; None where none is found."""
    try:
        if version is None:
            told = (name[:-5] for name in os.listdir(log) if name.endswith(".json"))
            version = max(int(name) for name in told if name.isdecimal())
        state = (log / f"{version:020}.json").stat()
    except (OSError, ValueError):
        return None
    return version, (state.st_ino, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _as_committed(place: Path, version: int, commit: tuple[int, int]) -> Any:
    """The same object to all: ``commit`` tells a table made again from the one before."""
    return fresh(place, version)


def create(
    place: Place,
    schema: str,
    comment: str,
    partitions: Sequence[str],
    properties: Mapping[str, str],
) -> None:
    """An empty table by its schema as JSON; nothing where one exists."""
    if isinstance(place, Name):
        named.create(place, schema, comment, partitions, properties)
        return
    DeltaTable.create(
        address(place),
        schema=Schema.from_json(schema),
        mode="ignore",
        partition_by=list(partitions) or None,
        description=comment,
        configuration=dict(properties),
    )


def add_columns(place: Place, schema: str) -> None:
    """Columns, by their schema as JSON, that a table is to have besides its own."""
    if isinstance(place, Name):
        named.add_columns(place, schema)
    else:
        fresh(place).alter.add_columns(Schema.from_json(schema).fields)


def restore(place: Place, version: int) -> None:
    """Make a table what it was at a version, by a commit that says so."""
    if isinstance(place, Name):
        named.restore(place, version)
    else:
        fresh(place).restore(version)


def write_arrow(
    place: Place, rows: pa.Table, mode: Literal["append", "overwrite"], metadata: str
) -> None:
    """Add rows, or replace all, in one commit that carries ``metadata``."""
    if isinstance(place, Name):
        named.write_arrow(place, rows, mode, metadata)
        return
    properties = CommitProperties(custom_metadata={"userMetadata": metadata})
    write_deltalake(address(place), rows, mode=mode, commit_properties=properties)


def rows(place: Place, columns: Sequence[str], where: Mapping[str, Any] | None = None) -> pa.Table:
    """Some columns of the rows whose others are as given: for tables that fit the driver."""
    if isinstance(place, Name):
        return named.filtered(place, where or {}).select(*columns).toArrow()
    wanted = None
    for column, value in (where or {}).items():
        is_it = ds.field(column) == value
        wanted = is_it if wanted is None else wanted & is_it
    dataset = delta(place).to_pyarrow_dataset()
    return dataset.to_table(list(columns), filter=wanted)


def files(place: Place, version: int | None = None) -> list[str] | None:
    """The files of a table at a version, the newest by default; None where they are not plain ones
    in a folder.

    The largest comes first: by that DuckDB tells how many threads a scan has work for.
    """
    if not isinstance(place, Path) or "=" in str(place):  # taken for a column
        return None
    table = delta(place, version)
    if plain.schema(table) is None:
        return None
    adds = pa.table(table.get_add_actions(flatten=True)).sort_by([("size_bytes", "descending")])
    return [str(place / path) for path in adds["path"].to_pylist()]


def counted(place: Place, by: str, where: Mapping[str, Any] | None = None) -> dict[Any, int]:
    """How many rows there are of each value of a column, where others are as given."""
    if isinstance(place, Name):
        found = named.filtered(place, where or {}).groupBy(by).count().collect()
        return {row[by]: row["count"] for row in found}
    if held := files(place):  # by DuckDB, to which texts that rows share are numbers
        alike = " AND ".join(["true", *(f'"{column}" = ?' for column in where or {})])
        sql = f'SELECT "{by}", count(*) FROM {parquet(held)} WHERE {alike} GROUP BY ALL'
        with connected() as duck:
            return dict(duck.execute(sql, [*(where or {}).values()]).fetchall())
    found = rows(place, [by], where)[by]
    return {e["values"]: e["counts"] for e in pc.value_counts(found).to_pylist()}


@dataclass(frozen=True)
class Added:
    """What a commit added: rows, as the files' statistics say, files, and their bytes."""

    rows: int
    files: int
    bytes: int


def added(place: Place, version: int, metrics: Mapping[str, int]) -> Added:
    """What a commit added; ``metrics`` are those it tells of itself."""
    if isinstance(place, Name):
        return Added(metrics.get("numOutputRows", 0), *named.added(metrics))
    found = [action["add"] for action in actions(place, version) if "add" in action]
    counts = [json.loads(add.get("stats") or "{}").get("numRecords", 0) for add in found]
    return Added(sum(counts), len(found), sum(int(add["size"]) for add in found))


def size(place: Place) -> tuple[int, int]:
    """How many files a table has now, and their bytes."""
    if isinstance(place, Name):
        return named.Delta(place).size()
    sizes = delta(place).get_add_actions(flatten=True).column("size_bytes")
    return len(sizes), sum(size.as_py() for size in sizes)


def row_count(place: Place, column: str = "", values: Iterable[str] = ()) -> int:
    """Rows of a table, or of some values of a partition column, as its statistics say."""
    if isinstance(place, Name):
        return named.row_count(place, column, list(values))
    files = pa.table(delta(place).get_add_actions(flatten=True))
    if column:
        found = pc.cast(files[f"partition.{column}"], pa.string())
        files = files.filter(pc.is_in(found, pa.array([*values], pa.string())))
    return int(pc.sum(files["num_records"]).as_py() or 0)


def actions(place: Path | Uri, version: int) -> list[dict[str, Any]]:
    """What a commit says, file by file, where the log can be read."""
    entry = f"_delta_log/{version:020}.json"
    text = _text(place, entry) if isinstance(place, Uri) else (place / entry).read_text("utf-8")
    lines = text.split("\n")  # a text in it may hold what else separates lines
    return [json.loads(line) for line in lines if line]


def tables_in(lake: Place) -> Iterator[tuple[str, str, Place]]:
    """Layer, name and place of every Delta table in the lake."""
    if isinstance(lake, Name):
        yield from named.tables_in(lake)
    elif isinstance(lake, Uri):
        for layer, name in _folders(lake):
            yield layer, name, lake / layer / name
    else:
        for log in sorted(lake.glob("*/*/_delta_log")):
            yield log.parent.parent.name, log.parent.name, log.parent


def _text(place: Uri, entry: str) -> str:
    from deltalake.fs import DeltaStorageHandler

    with DeltaStorageHandler(address(place)).open_input_file(entry) as file:
        return str(file.read().decode())


def _folders(lake: Uri) -> Iterator[tuple[str, str]]:
    """Layer and name of what is a table two levels down, from listings of the store."""
    from deltalake.fs import DeltaStorageHandler
    from pyarrow.fs import FileSelector, FileType, PyFileSystem

    store = PyFileSystem(DeltaStorageHandler(address(lake)))

    def below(path: str) -> list[str]:
        found = store.get_file_info(FileSelector(path, allow_not_found=True))
        return sorted(f.path.strip("/") for f in found if f.type == FileType.Directory)

    for layer in below(""):
        for path in below(layer):
            name = path.rpartition("/")[2]
            if is_table(lake / layer / name):
                yield layer, name
