"""Questions to some tables of a lake, in DuckDB's SQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import sqlglot

from lakehouse import storage
from lakehouse.errors import LakehouseError, first_line
from lakehouse.named import Name
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
        spark = current()
        for alias, place in places.items():
            storage.read(spark, place).createOrReplaceTempView(alias)
        yield lambda sql: [tuple(row) for row in spark.sql(_in_spark(sql)).collect()]
        return
    with delta_connection() as connection:
        for alias, place in places.items():
            rows = rows_of(connection, place, f"_{alias}")
            connection.execute(f"CREATE VIEW {alias} AS {rows}")

        def ask(sql: str) -> list[Row]:
            try:
                return connection.execute(sql).fetchall()
            except duckdb.Error as error:
                raise LakehouseError(
                    f"DuckDB cannot judge a rule ({first_line(error)}); say it in SQL that Spark"
                    " and DuckDB both know."
                ) from None

        yield ask


def in_duckdb(sql: str) -> str:
    """SQL of Spark's as DuckDB says it."""
    return sqlglot.transpile(sql, read="spark", write="duckdb")[0]


def _in_spark(sql: str) -> str:
    return sqlglot.transpile(sql, read="duckdb", write="spark")[0]
