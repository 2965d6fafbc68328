"""Many landed rows of a table by keys: those whose keys are new and come once need no MERGE."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import register, storage
from lakehouse.catalogue import is_direct
from lakehouse.changes import Affected
from lakehouse.declare import Keys
from lakehouse.feed import Pinned, change_feed
from lakehouse.frame import Frame, Verdict
from lakehouse.repeats import not_new
from lakehouse.split import is_large
from lakehouse.write import Target

# Where keys are told that are not new, in the folder of the table: no reader looks there.
_BESIDE = "_keys"
# So many of them are sent to every task, to be looked up.
_FEW = 2_000_000


@dataclass(frozen=True)
class Arrivals:
    """Rows of the input ``driver`` whose keys are new and come once; ``others`` are the keys of all
    other rows that came.
    """

    driver: str
    rows: DataFrame
    others: Affected


@contextmanager
def arrived(
    spark: SparkSession, frame: Frame, verdict: Verdict, target: Target
) -> Iterator[Arrivals | None]:
    """What came since the table was built; None where it is not many rows that came and no more, or
    they do not lie in plain files.
    """
    pin = _many(frame, verdict, target)
    if pin is None:
        yield None
        return
    beside = cast(Path, target.path) / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        yield _told(spark, verdict, target, pin, beside / "keys.parquet")
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _many(frame: Frame, verdict: Verdict, target: Target) -> Pinned | None:
    """The landed input, where all that changed is that many rows came to it."""
    table = verdict.table
    scope, driver = table.declaration.scope, next(iter(table.inputs))
    is_one = table.is_staging and table.declaration.ties == "newest"
    if not is_one or not isinstance(scope, Keys):
        return None
    if verdict.whole or verdict.changed != (driver,) or frame.again.get(table.name):
        return None
    by_keys = is_direct(table, table.inputs[driver])
    fits = by_keys and is_large(verdict) and register.opened(target.path) is not None
    return verdict.pins[driver] if fits and target.is_declared else None


def _told(
    spark: SparkSession, verdict: Verdict, target: Target, pin: Pinned, found: Path
) -> Arrivals | None:
    table = verdict.table
    key = cast(Keys, table.declaration.scope).columns
    landed = change_feed(spark, pin).select(*pin.read(spark).columns)
    kinds = {c.name: c.type for c in table.columns} | dict(landed.dtypes)
    images = storage.images(pin.path, cast(int, pin.built) + 1, pin.version)
    if not images or any(kinds[name] != "string" for name in key):
        return None
    paths = storage.delta(target.path).get_add_actions(flatten=True).column("path").to_pylist()
    old = [cast(Path, target.path) / unquote(path) for path in paths]
    told = not_new([Path(file) for one in images for file in one.files], old, key, found)
    if told is None:
        return None
    count, least, most = told
    keys = spark.read.schema(", ".join(f"`{name}` STRING" for name in key)).parquet(str(found))
    others = F.broadcast(keys) if count <= _FEW else keys
    # A row without a key is among the others, to be rejected.
    rows = landed.join(others, list(key), "left_anti").where(f"`{key[0]}` IS NOT NULL")
    bounds = (least, most) if least is not None and most is not None else None
    return Arrivals(next(iter(table.inputs)), rows, Affected(None, keys, count, bounds))
