"""Rows of whole numbers, column by column: what the generator computes before it forms texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retail.generator.hashing import Numbers

Rows = dict[str, NDArray[Any]]  # whole numbers and truths
NONE = np.iinfo(np.int64).min  # null


def where(rows: Rows, kept: NDArray[np.bool_]) -> Rows:
    """The rows for which a condition holds."""
    places = np.flatnonzero(kept)
    return {name: values[places] for name, values in rows.items()}


def ordered(rows: Rows, key: Numbers) -> Rows:
    """The rows by ascending key."""
    order = np.argsort(key, kind="stable")
    return {name: values[order] for name, values in rows.items()}


def stacked(parts: Sequence[Rows]) -> Rows:
    """The rows of several parts, one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def count(rows: Rows) -> int:
    """How many rows there are."""
    return len(next(iter(rows.values())))


def to_arrow(rows: Rows) -> pa.Table:
    """The rows as Arrow has them, NONE as null."""
    return pa.table({n: pa.array(v, mask=_nulls(v)) for n, v in rows.items()})


def _nulls(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    nulls = values == NONE
    return nulls if nulls.any() else None
