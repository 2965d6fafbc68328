"""SQL over the lake: every table and view as ``layer.name``, in DuckDB or in Spark."""

import csv
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from lakehouse import storage
from lakehouse.catalogue import Catalogue
from lakehouse.declare import History
from lakehouse.errors import LakehouseError
from lakehouse.named import Name
from lakehouse.reading import Lake, spark_errors, tables_of
from lakehouse.schema import literal
from lakehouse.session import start
from lakehouse.storage import Place
from lakehouse.type2 import holds_at

Row = tuple[Any, ...]


def connect(
    lake: Place,
    catalogue: Catalogue,
    valid_at: datetime | None = None,
    known: Mapping[str, pa.Table] | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in which the lake's tables and the catalogue's views have their names.

    Of history tables it shows the versions ``valid_at`` an instant, where one is given; the rows of
    ``known``, by layer.name, stand in for those of the lake.

    Raises LakehouseError where the place holds no lake, or only Spark can read it.
    """
    if isinstance(lake, Name):
        raise LakehouseError(
            f"DuckDB cannot read the catalogue {lake}, whose tables Spark knows by name; ask Spark"
            " with --engine spark."
        )
    found, connection = tables_of(lake), delta_connection()
    for layer, name, path in found:
        full_name = f"{layer}.{name}"
        if known and full_name in known:
            rows = f"SELECT * FROM _{layer}_{name}"
            connection.register(f"_{layer}_{name}", known[full_name])
        else:
            rows = rows_of(connection, path, f"_{layer}_{name}")
        if valid_at and is_history(catalogue, full_name):
            moment = f"TIMESTAMPTZ '{valid_at.isoformat()}'"
            rows = f"SELECT * FROM ({rows}) WHERE {holds_at(moment)}"
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
        connection.execute(f"CREATE VIEW {full_name} AS {rows}")
    for view in catalogue.views_over(f"{layer}.{name}" for layer, name, _ in found):
        connection.execute(f"CREATE VIEW {view.full_name} AS {view.sql}")
    return connection


def delta_connection() -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that reads Delta tables, its clock in UTC."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"LOAD '{_extension()}'")
    return connection


def rows_of(connection: duckdb.DuckDBPyConnection, path: Place, alias: str) -> str:
    """A SELECT of all rows of a Delta table; of one in a store by Arrow, which has its keys."""
    table = storage.delta(path)
    has_files = table.file_uris()
    if has_files and not isinstance(path, Path):
        connection.register(alias, table.to_pyarrow_dataset())
        return f"SELECT * FROM {alias}"
    return f"SELECT * FROM delta_scan({literal(str(path))})" if has_files else _empty(path)


def is_history(catalogue: Catalogue, full_name: str) -> bool:
    """Whether a name, as layer.name, is that of a history table."""
    table = catalogue.tables.get(full_name.split(".")[1])
    return table is not None and isinstance(table.declaration.scope, History)


def _extension() -> Path:
    """The extension that reads Delta, from its wheel: nothing is fetched."""
    import duckdb_extension_delta

    folder = Path(duckdb_extension_delta.__file__).parent / "extensions"
    return next(folder.rglob("delta.duckdb_extension"))


def _empty(path: Place) -> str:
    """A table without files, which the extension does not read, by its schema."""
    types = {"long": "BIGINT", "integer": "INT", "string": "VARCHAR", "timestamp": "TIMESTAMPTZ",
             "timestamp_ntz": "TIMESTAMP", "boolean": "BOOLEAN", "double": "DOUBLE",
             "date": "DATE"}  # fmt: skip
    columns = []
    for column in storage.delta(path).schema().fields:
        element = getattr(column.type, "element_type", column.type)
        kind = types.get(element.type, element.type) + ("[]" if element != column.type else "")
        columns.append(f'CAST(NULL AS {kind}) AS "{column.name}"')
    return f"SELECT {', '.join(columns)} WHERE false"


def in_spark(
    conf: Mapping[str, Any], lake: Place, catalogue: Catalogue, sql: str
) -> tuple[list[str], list[Row]]:
    """Columns and rows of a query that Spark answers.

    Raises LakehouseError where Spark refuses it.
    """
    tables_of(lake)
    answer = Lake(lake, catalogue, start(conf)).sql(sql)
    with spark_errors():
        return answer.columns, [tuple(row) for row in answer.collect()]


def in_duckdb(
    lake: Place,
    catalogue: Catalogue,
    sql: str,
    valid_at: datetime | None = None,
    known: Mapping[str, pa.Table] | None = None,
) -> tuple[list[str], list[Row]]:
    """Columns and rows of a query that DuckDB answers; see ``connect``.

    Raises LakehouseError where DuckDB refuses it.
    """
    try:
        answer = connect(lake, catalogue, valid_at, known).execute(sql)
        return [column[0] for column in answer.description or []], answer.fetchall()
    except duckdb.Error as error:
        raise LakehouseError(f"The query failed: {error}") from None


def show(columns: list[str], rows: list[Row], form: str = "table", title: str = "") -> None:
    """Print rows as a table for people, or as CSV or JSON lines for programs."""
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif form == "json":
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=True)), default=str))
    else:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
        for index, name in enumerate(columns):
            numeric = bool(rows) and isinstance(rows[0][index], int | float | Decimal)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*[_cell(value) for value in row])
        Console(width=None if sys.stdout.isatty() else 200).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return f"{value:,}" if number else str(value)
