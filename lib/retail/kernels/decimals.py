"""Decimals of Arrow as whole numbers of their last place, and back."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def unscaled(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The values in units of the last place, 0 for null, and which are not null.

    For precisions up to 18, whose 16 bytes begin with the value as a whole number of 8.

    >>> from decimal import Decimal
    >>> prices = pa.array([Decimal("-1.5000"), None, Decimal("7.2500")], pa.decimal128(18, 4))
    >>> values, there = unscaled(pa.chunked_array([prices]))
    >>> values.tolist(), there.tolist()
    ([-15000, 0, 72500], [True, False, True])
    """
    parts = [np.empty(0, np.int64)]
    for chunk in column.chunks:
        low = np.frombuffer(chunk.buffers()[1], np.int64)[::2]
        parts.append(low[chunk.offset : chunk.offset + len(chunk)])
    values = np.concatenate(parts)
    if not column.null_count:
        return values, np.ones(len(values), bool)
    there = np.asarray(column.is_valid())
    values[~there] = 0
    return values, there


def decimals(
    values: NDArray[np.int64],
    there: NDArray[np.bool_] | None = None,
    scale: int = 4,
    precision: int = 18,
) -> pa.Array:
    """DECIMAL(precision,scale) of whole numbers of the last place; null where not ``there``.

    >>> decimals(np.array([-15000, 0]), np.array([True, False])).to_pylist()
    [Decimal('-1.5000'), None]
    """
    wide = np.empty((len(values), 2), np.int64)
    wide[:, 0], wide[:, 1] = values, values >> 63
    bits = None if there is None else pa.py_buffer(np.packbits(there, bitorder="little"))
    return pa.Array.from_buffers(
        pa.decimal128(precision, scale), len(values), [bits, pa.py_buffer(wide)]
    )
