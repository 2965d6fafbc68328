"""What changed in a table between two of its versions: images of rows that came and that went."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import storage
from lakehouse.errors import first_line
from lakehouse.expressions import any_of, content
from lakehouse.storage import Place

NET = "_net"


@dataclass(frozen=True)
class Pinned:
    """One input at the version that will be recorded, and the version last built from."""

    path: Place
    version: int
    built: int | None

    def read(self, spark: SparkSession) -> DataFrame:
        return storage.read(spark, self.path, self.version)


def changed_rows(spark: SparkSession, columns: list[str], pin: Pinned) -> DataFrame:
    """Rows inserted or deleted since the version built from, equal images cancelled.

    ``_net`` says how often: above 0 inserted, below 0 deleted.
    """
    return net(change_feed(spark, pin), columns)


def changed_keys(
    spark: SparkSession, columns: list[str], pin: Pinned, key: Sequence[str]
) -> DataFrame:
    """The distinct keys whose rows are others than before.

    Images that are equal cancel in a signed sum of hashes: one narrow shuffle, by key.
    """
    image = content(columns).cast("decimal(38,0)")
    feed = change_feed(spark, pin).groupBy(*key).agg(F.sum(image * _sign()).alias(NET))
    return feed.where(f"{NET} <> 0").select(*key)


def changed_days(
    spark: SparkSession,
    columns: Sequence[str],
    pin: Pinned,
    days: Sequence[Column],
    by: Sequence[str] = (),
    among: Iterable[date] | None = None,
) -> DataFrame:
    """The distinct ``day`` of rows that are others than before; null where a row has none.

    Each stands with those values of the columns ``by`` that such rows of it have; ``among`` these
    days only, where given. Images that are equal cancel in a signed sum of hashes a day: nothing
    wide is moved.
    """
    image = content(columns).cast("decimal(38,0)") * _sign()
    feed = change_feed(spark, pin)
    if among is not None:
        feed = feed.where(any_of(day.isin(sorted(among)) for day in days))
    dated = feed.select(F.explode(F.array(*days)).alias("day"), *by, image.alias(NET))
    sums = dated.groupBy("day", *by).agg(F.sum(NET).alias(NET))
    return sums.where(f"{NET} <> 0").select("day", *by)


def change_feed(spark: SparkSession, pin: Pinned) -> DataFrame:
    """Images of rows, before and after, that the commits since the version built from wrote."""
    return storage.change_feed(spark, pin.path, cast(int, pin.built) + 1, pin.version)


def net(feed: DataFrame, columns: list[str]) -> DataFrame:
    """Images that do not cancel out; ``_net`` is above 0 for inserted, below 0 for deleted."""
    return feed.groupBy(*columns).agg(F.sum(_sign()).alias(NET)).where(f"{NET} <> 0")


def _sign() -> Column:
    """1 for an image of a row that came, -1 for one of a row that went."""
    came = F.col("_change_type").isin("insert", "update_postimage")
    return F.when(came, 1).otherwise(-1)


def unreadable(error: Exception) -> str | None:
    """Why a change feed cannot be read, where that is what the error says; else None."""
    if isinstance(error, PySparkException) and (error.getCondition() or "").startswith("DELTA"):
        return f"the change feed cannot be read ({first_line(error)[:120]})"
    # A vacuumed change file surfaces as a Py4J error.
    if "FileNotFound" in str(error) or "FILE_NOT_EXIST" in str(error):
        return "its change files are gone"
    if "SchemaColumnConvertNotSupported" in str(error):
        return "its columns had other types before"
    return None
