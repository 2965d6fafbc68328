"""Many landed rows of a table by keys: those whose keys are new and come once need no MERGE
(decision 0033).
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from lakehouse import plain, register, storage
from lakehouse.catalogue import is_direct
from lakehouse.changes import Affected
from lakehouse.declare import Keys
from lakehouse.feed import Pinned, change_feed
from lakehouse.frame import Frame, Verdict
from lakehouse.repeats import write_known_keys
from lakehouse.split import is_large
from lakehouse.write import Target

# A folder in that of the table, where the keys to merge are written: no reader looks there.
_BESIDE = "_keys"
# At most so many keys are broadcast for the anti-join; for more the rows are shuffled.
_BROADCAST_KEYS = 2_000_000


@dataclass(frozen=True)
class Arrivals:
    """Rows of the input ``driver`` to be ``appended``, whose keys are new and come once; ``merged``
    are the keys of all other rows that landed. Keys are new to the ``version`` of the table. The
    landed ``files`` hold both, the file ``known`` those keys.
    """

    version: int
    driver: str
    appended: DataFrame
    merged: Affected
    files: list[str]
    known: Path


@contextmanager
def arrived(
    spark: SparkSession, frame: Frame, verdict: Verdict, target: Target
) -> Iterator[Arrivals | None]:
    """What landed since the table was built; None where anything but many new rows changed, or they
    do not lie in plain files.
    """
    pin = _landed_pin(frame, verdict, target)
    if pin is None:
        yield None
        return
    beside = cast(Path, target.path) / _BESIDE
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    try:
        yield _split(spark, verdict, target, pin, beside / "keys.parquet")
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _landed_pin(frame: Frame, verdict: Verdict, target: Target) -> Pinned | None:
    """The landed input, where all that changed is that many rows came to it."""
    table = verdict.table
    scope, driver = table.declaration.scope, next(iter(table.inputs))
    keeps_newest = table.is_staging and table.declaration.ties == "newest"
    if not keeps_newest or not isinstance(scope, Keys):
        return None
    if verdict.whole or verdict.changed != (driver,) or frame.again.get(table.name):
        return None
    by_keys = is_direct(table, table.inputs[driver])
    fits = by_keys and is_large(verdict) and register.opened(target.path) is not None
    return verdict.pins[driver] if fits and target.is_declared else None


def _split(
    spark: SparkSession, verdict: Verdict, target: Target, pin: Pinned, found: Path
) -> Arrivals | None:
    """The rows to append and the keys to merge; None where keys are no text, files are not plain,
    or DuckDB cannot tell.
    """
    table = verdict.table
    key = cast(Keys, table.declaration.scope).columns
    images = storage.images(pin.path, cast(int, pin.built) + 1, pin.version)
    everything = pin.read(spark)
    landed_kinds, kinds = dict(everything.dtypes), {c.name: c.type for c in table.columns}
    if not images or any((landed_kinds[k], kinds[k]) != ("string", "STRING") for k in key):
        return None
    there = storage.delta(target.path)
    paths = there.get_add_actions(flatten=True).column("path").to_pylist()
    held = [cast(Path, target.path) / path for path in paths]
    new = [Path(file) for one in images for file in one.files]
    if (told := write_known_keys(new, held, key, found)) is None:
        return None
    count, least, most = told
    columns = StructType([StructField(name, StringType()) for name in key])
    keys = plain.parquet(spark, found.parent, columns, [str(found)])
    known = F.broadcast(keys) if count <= _BROADCAST_KEYS else keys
    # A row that lacks a part of its key is among the others, to be rejected.
    landed = change_feed(spark, pin).select(*everything.columns).dropna(subset=list(key))
    rows = landed.join(known, list(key), "left_anti").select(*everything.columns)
    bounds = (least, most) if least is not None and most is not None else None
    merged = Affected(None, keys, count, bounds)
    files = list(map(str, new))
    return Arrivals(there.version(), next(iter(table.inputs)), rows, merged, files, found)
