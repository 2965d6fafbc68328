"""Questions to some tables of a lake, in DuckDB's SQL."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import duckdb
import sqlglot

from lakehouse import storage
from lakehouse.checks.rules import Rule, render
from lakehouse.declare import Expectation
from lakehouse.duck import parquet
from lakehouse.errors import LakehouseError, first_line
from lakehouse.feed import CAME, Pinned
from lakehouse.named import Name
from lakehouse.plain import CHANGE_TYPE
from lakehouse.query import delta_connection, rows_of
from lakehouse.session import current
from lakehouse.storage import Place

Row = tuple[Any, ...]
Ask = Callable[[str], list[Row]]


@contextmanager
def asking(**places: Place) -> Iterator[Ask]:
    """A function from SQL over the tables, by their names here, to its rows.

    DuckDB answers, and Spark where it alone knows the tables by name. The function raises
    LakehouseError for SQL that DuckDB does not understand.
    """
    if any(isinstance(place, Name) for place in places.values()):
        spark = current().newSession()  # views of its own: tables are judged side by side
        for alias, place in places.items():
            storage.read(spark, place).createOrReplaceTempView(alias)
        yield lambda sql: [tuple(row) for row in spark.sql(_in_spark(sql)).collect()]
        return
    with delta_connection() as connection:
        for alias, place in places.items():
            rows = rows_of(connection, place, f"_{alias}")
            connection.execute(f"CREATE VIEW {alias} AS {rows}")
        yield _ask(connection)


@contextmanager
def asking_of_came(pin: Pinned) -> Iterator[Ask | None]:
    """The same of the rows, named t, that came to a table since its ``built`` version.

    None where they do not lie in plain files whose folders DuckDB reads as they are meant.
    """
    if (select := _came(pin)) is None:
        yield None
        return
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE VIEW t AS {select}")
        yield _ask(connection)


def _came(pin: Pinned) -> str | None:
    # A folder above the table may look like a partition of it, or like a pattern.
    if set(str(pin.path)) & set("=*?["):
        return None
    images = storage.images(pin.path, cast(int, pin.built) + 1, pin.version)
    if not images:
        return None
    table = storage.delta(pin.path, pin.version)
    kinds = {field.name: field.type.type for field in table.schema().fields}
    types = {name: kinds[name] for name in table.metadata().partition_columns}
    selects = []
    for part in images:
        if part.kind == "insert":
            selects.append(f"SELECT * FROM {parquet(part.files, types)}")
        elif not part.kind:
            rows = f"FROM {parquet(part.files, types)} WHERE {CAME}"
            selects.append(f"SELECT * EXCLUDE ({CHANGE_TYPE}) {rows}")
    return " UNION ALL BY NAME ".join(selects) or None


def _ask(connection: duckdb.DuckDBPyConnection) -> Ask:
    def ask(sql: str) -> list[Row]:
        try:
            return connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise LakehouseError(
                f"DuckDB cannot judge a rule ({first_line(error)}); say it in SQL that Spark"
                " and DuckDB both know."
            ) from None

    return ask


def count_broken(
    ask: Ask, rules: Iterable[Rule | Expectation], conf: Mapping[str, Any]
) -> tuple[int, list[int]]:
    """How many rows the table t has, and how many of them break each rule over one row."""
    sqls = [in_duckdb(render(rule, conf)) for rule in rules]
    counts = [f"count(*) FILTER (WHERE NOT coalesce({sql}, true))" for sql in sqls]
    ((checked, *failed),) = ask(f"SELECT {', '.join(['count(*)', *counts])} FROM t")
    return checked, failed


def in_duckdb(sql: str) -> str:
    """SQL of Spark's as DuckDB says it."""
    return sqlglot.transpile(sql, read="spark", write="duckdb")[0]


def _in_spark(sql: str) -> str:
    return sqlglot.transpile(sql, read="duckdb", write="spark")[0]
