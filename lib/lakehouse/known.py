"""What was true at an instant, and what was believed at one; nothing is written."""

from datetime import datetime

import sqlglot
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sqlglot import exp

from lakehouse import quality, storage
from lakehouse.catalogue import Catalogue
from lakehouse.changes import used_columns
from lakehouse.declare import INGESTED_AT, Changelog
from lakehouse.errors import LakehouseError, did_you_mean, first_line
from lakehouse.frame import Frame
from lakehouse.invoke import invoke
from lakehouse.log import Log
from lakehouse.query import Row, in_duckdb, is_history
from lakehouse.session import start
from lakehouse.type2 import holds
from lakehouse.write import shaped


def as_valid(dimension: DataFrame, instant: datetime) -> DataFrame:
    """The versions of a history table that are valid at an instant; at most one row per key."""
    return dimension.where(holds(F.lit(instant).cast("timestamp")))


def as_known(spark: SparkSession, frame: Frame, name: str, instant: datetime) -> DataFrame:
    """The table ``name`` as of what had been ingested by an instant, in its declared shape.

    It is made again, by today's code and settings, from the landed records in bronze, so it
    needs no old version of any table and outlives VACUUM. A landed file counts from the build that
    first saw its content, however often it was loaded since; one that was corrected, from its
    correction on: what it said before is gone.

    Raises LakehouseError for a name that is no table, for a log of what happened, for tables that
    follow the as-of day, which was another one then, and where the lake lacks what landed.
    """
    _check(frame, name)
    for ancestor in sorted(frame.catalogue.ancestors(name)):
        _check(frame, ancestor)
    return _made(spark, frame, name, instant, {})


def _made(
    spark: SparkSession, frame: Frame, name: str, instant: datetime, made: dict[str, DataFrame]
) -> DataFrame:
    """``as_known``, each upstream table made once."""
    if name not in made:
        table = frame.catalogue.tables[name]
        if table.entity:
            raw = storage.read(spark, frame.path(table))
            made[name] = raw.where(F.col(INGESTED_AT) <= F.lit(instant).cast("timestamp"))
        else:
            inputs = {}
            for upstream, spread in table.inputs.items():
                rows = _made(spark, frame, upstream, instant, made)
                is_raw = frame.catalogue.tables[upstream].layer == "bronze"
                used = used_columns(frame.catalogue.tables[upstream], spread)
                inputs[upstream] = rows if is_raw else rows.select(*used)
            rows = invoke(table, inputs, frame.conf, None)
            if table.is_staging:
                rows = quality.kept(rows, table, frame.conf)
            made[name] = shaped(rows, table)
    return made[name]


def _check(frame: Frame, name: str) -> None:
    tables = frame.catalogue.tables
    if name not in tables:
        raise LakehouseError(
            f"There is no table {name} to show as it was known; {did_you_mean(name, tables)}."
        )
    if isinstance(tables[name].declaration.scope, Changelog):
        raise LakehouseError(
            f"{name} is a log of what happened and knows nothing else than it did; ask it without"
            " --known-at, by its own times."
        )
    if tables[name].takes_as_of:
        raise LakehouseError(
            f"{name} follows the last business day, which was another one then; it cannot be shown"
            " as it was known, so ask for the tables it is made from."
        )
    if tables[name].entity and not Log(frame.path(tables[name])).exists:
        raise LakehouseError(
            f"{frame.lake} does not hold {name}, from which the answer is made; build it first."
        )


def as_then(
    frame: Frame, sql: str, valid_at: datetime | None, known_at: datetime | None
) -> tuple[list[str], list[Row]]:
    """A query's answer, by DuckDB, over the versions valid at one instant, as known at another.

    Raises LakehouseError where nothing it reads has versions, where it reads them through a view,
    or where it cannot be known (as_known).
    """
    named = _named(sql)
    read = _behind(named, frame.catalogue)
    if valid_at:
        _check_valid(frame.catalogue, named, read)
    known = {}
    if known_at:
        spark = start(frame.conf)
        for name in sorted(read):
            known[name] = as_known(spark, frame, name.split(".")[1], known_at).toArrow()
    return in_duckdb(frame.lake, frame.catalogue, sql, valid_at, known)


def _named(sql: str) -> set[str]:
    """The tables and views that a query names, as layer.name.

    Raises LakehouseError for what is no query.
    """
    try:
        found = sqlglot.parse_one(sql, read="duckdb").find_all(exp.Table)
    except sqlglot.errors.SqlglotError as error:
        raise LakehouseError(f"The query cannot be read: {first_line(error)}") from None
    return {f"{table.db}.{table.name}".lower() for table in found if table.db}


def _behind(names: set[str], catalogue: Catalogue) -> set[str]:
    """The tables that tables and views are read from."""
    views = {view.full_name: view for view in catalogue.views.values()}
    while through := names & views.keys():
        names = (names - through).union(*(views[name].inputs for name in through))
    return names


def _check_valid(catalogue: Catalogue, named: set[str], read: set[str]) -> None:
    if not any(is_history(catalogue, name) for name in read):
        raise LakehouseError(
            f"Nothing in the query has versions ({', '.join(sorted(read))}), so --valid-at means"
            " nothing to it; leave it out, or read a history table such as gold.dim_product."
        )
    for view in sorted(named - read):
        behind = sorted(n for n in _behind({view}, catalogue) if is_history(catalogue, n))
        if histories := ", ".join(behind):
            raise LakehouseError(
                f"The view {view} chooses among the versions of {histories} by itself, so that"
                f" versions valid at the instant would be missing; ask {histories} itself, or leave"
                " --valid-at out."
            )
