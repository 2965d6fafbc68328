"""What changed in a table between two of its versions: images of rows that came and that went."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, cast

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import storage
from lakehouse.errors import first_line
from lakehouse.expressions import any_of, content
from lakehouse.named import Name
from lakehouse.plain import CHANGE_TYPE
from lakehouse.storage import Place

NET, LEFT = "_net", "_left"
_SIGN = "_sign"
# Images of rows that came, in SQL.
CAME = f"{CHANGE_TYPE} IN ('insert', 'update_postimage')"


@dataclass(frozen=True)
class Pinned:
    """One input at the version that will be recorded, and the version last built from."""

    path: Place
    version: int
    built: int | None

    @cached_property
    def actions(self) -> list[dict[str, Any]]:
        """What the commits since the version built from say, of a table whose log can be read."""
        assert self.built is not None
        assert not isinstance(self.path, Name)
        versions = range(self.built + 1, self.version + 1)
        return [one for version in versions for one in storage.actions(self.path, version)]

    @cached_property
    def added(self) -> list[int] | None:
        """Sizes of the files added since the version built from; None where more was done."""
        if self.built is None or isinstance(self.path, Name):
            return None
        try:
            actions = self.actions
        except FileNotFoundError:
            return None
        if any("cdc" in action or "remove" in action for action in actions):
            return None
        return [int(action["add"]["size"]) for action in actions if "add" in action]

    @cached_property
    def files(self) -> list[str] | None:
        """The files at its version; None where they are not plain ones in a folder."""
        return storage.files(self.path, self.version)

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
    feed = change_feed(spark, pin).groupBy(*key).agg(F.sum(_image(columns, pin)).alias(NET))
    return feed.where(f"{NET} <> 0").select(*key)


def changed_days(
    spark: SparkSession,
    columns: Sequence[str],
    pin: Pinned,
    days: Sequence[Column],
    among: Iterable[date] | None = None,
) -> DataFrame:
    """The distinct ``day`` of rows that are others than before; null where a row has none.

    ``among`` these days only, where given. Images that are equal cancel in a signed sum of hashes a
    day: nothing wide is moved.
    """
    feed = change_feed(spark, pin)
    if among is not None:
        feed = feed.where(any_of(day.isin(sorted(among)) for day in days))
    dated = feed.select(F.explode(F.array(*days)).alias("day"), _image(columns, pin).alias(NET))
    return dated.groupBy("day").agg(F.sum(NET).alias(NET)).where(f"{NET} <> 0").select("day")


def changed_rows_of_days(
    spark: SparkSession,
    columns: Sequence[str],
    pin: Pinned,
    days: Sequence[Column],
    by: Sequence[str],
    known: Iterable[date],
) -> DataFrame:
    """The distinct ``day`` and columns ``by`` of rows that are others than before, and whether
    there are fewer, ``_left``.

    Only of ``known`` days are they told apart. Of others, whose rows may be many, ``by`` is null,
    and any image is a change.
    """
    is_known = F.col("day").isin(sorted(known))
    dated = change_feed(spark, pin).select(
        F.explode(F.array(*days)).alias("day"), *by, _image(columns, pin).alias(NET), _sign()
    )
    told = dated.select(
        "day",
        *[F.when(is_known, F.col(name)).alias(name) for name in by],
        F.when(is_known, F.col(NET)).otherwise(1).alias(NET),
        F.when(is_known, F.col(_SIGN)).otherwise(1).alias(_SIGN),
    )
    left = (F.sum(_SIGN) < 0).alias(LEFT)
    sums = told.groupBy("day", *by).agg(F.sum(NET).alias(NET), left)
    return sums.where(f"{NET} <> 0").drop(NET)


def _image(columns: Sequence[str], pin: Pinned) -> Column:
    """What an image adds to a sum in which equal ones cancel: its content, by its sign.

    Where rows only came, nothing cancels: 1, and no column need be read.
    """
    if pin.added is not None:
        return F.lit(1)
    return content(columns).cast("decimal(38,0)") * _sign()


def change_feed(spark: SparkSession, pin: Pinned) -> DataFrame:
    """Images of rows, before and after, that the commits since the version built from wrote."""
    return storage.change_feed(spark, pin.path, cast(int, pin.built) + 1, pin.version)


def net(feed: DataFrame, columns: list[str]) -> DataFrame:
    """Images that do not cancel out; ``_net`` is above 0 for inserted, below 0 for deleted."""
    return feed.groupBy(*columns).agg(F.sum(_sign()).alias(NET)).where(f"{NET} <> 0")


def _sign() -> Column:
    """1 for an image of a row that came, -1 for one of a row that went."""
    return F.when(F.expr(CAME), 1).otherwise(-1).alias(_SIGN)


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
