"""Questions to some tables of a lake, in DuckDB's SQL."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb
import sqlglot

from lakehouse import storage
from lakehouse.checks.rules import Rule, render
from lakehouse.declare import Expectation
from lakehouse.errors import LakehouseError, first_line
from lakehouse.feed import Pinned, change_feed
from lakehouse.named import Name
from lakehouse.plain import CHANGE_TYPE
from lakehouse.query import delta_connection, rows_of
from lakehouse.schema import literal
from lakehouse.session import current
from lakehouse.storage import Place

Row = tuple[Any, ...]
Ask = Callable[[str], list[Row]]


# Images of rows that came.
_CAME = f"{CHANGE_TYPE} IN ('insert', 'update_postimage')"


@contextmanager
def asking(**sources: Place | Pinned) -> Iterator[Ask]:
    """A function from SQL over the tables, by their names here, to its rows.

    Of a pinned table these are the rows that came since the version built from. DuckDB answers, and
    Spark where it alone knows the tables. The function raises LakehouseError for SQL that DuckDB
    does not understand.
    """
    with delta_connection() as connection:
        selects = {name: _select(connection, source, name) for name, source in sources.items()}
        if None in selects.values():
            yield _asking_spark(sources)
            return
        for alias, select in selects.items():
            connection.execute(f"CREATE VIEW {alias} AS {select}")

        def ask(sql: str) -> list[Row]:
            try:
                return connection.execute(sql).fetchall()
            except duckdb.Error as error:
                raise LakehouseError(
                    f"DuckDB cannot judge a rule ({first_line(error)}); say it in SQL that Spark"
                    " and DuckDB both know."
                ) from None

        yield ask


def _select(
    connection: duckdb.DuckDBPyConnection, source: Place | Pinned, alias: str
) -> str | None:
    """A SELECT of the rows asked about; None where DuckDB cannot read them."""
    if isinstance(source, Name):
        return None
    if not isinstance(source, Pinned):
        return rows_of(connection, source, f"_{alias}")
    images = storage.images(source.path, (source.built or 0) + 1, source.version)
    if images is None:
        return None
    selects = []
    for part in images:
        files = ", ".join(map(literal, part.files))
        rows = f"FROM read_parquet([{files}], hive_partitioning = true)"
        if part.kind == "insert":
            selects.append(f"SELECT * {rows}")
        elif not part.kind:
            selects.append(f"SELECT * EXCLUDE ({CHANGE_TYPE}) {rows} WHERE {_CAME}")
    nothing = f"SELECT * FROM ({rows_of(connection, source.path, f'_{alias}')}) LIMIT 0"
    return " UNION ALL BY NAME ".join(selects) or nothing


def _asking_spark(sources: Mapping[str, Place | Pinned]) -> Ask:
    spark = current()
    for alias, source in sources.items():
        if isinstance(source, Pinned):
            rows = change_feed(spark, source).where(_CAME)
        else:
            rows = storage.read(spark, source)
        rows.createOrReplaceTempView(alias)
    return lambda sql: [tuple(row) for row in spark.sql(_in_spark(sql)).collect()]


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
