"""Chance as a pure function: whole numbers from hashes, the same in any order and any place.

The hash is Spark's xxhash64 over BIGINT values, so that a table of the lake can be asked the same.
"""

import zlib
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]
Whole: TypeAlias = int | Numbers

_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_SPARK_SEED = 42


def salt(seed: int, purpose: str) -> int:
    """What keeps the draws of one purpose, under one seed, apart from all others."""
    return zlib.crc32(f"{seed}:{purpose}".encode())


def draw(seed: int, purpose: str, bound: Whole, *parts: Whole) -> Numbers:
    """Whole numbers in [0, bound), by the seed, the purpose and the parts alone.

    Parts of different shapes spread as numpy's do: what the first ones share is hashed once.

    >>> draw(42, "doc", 100, np.array([1, 2, 3])).tolist()
    [33, 98, 21]
    """
    hashed = np.full(1, _SPARK_SEED, np.uint64)
    for part in (salt(seed, purpose), *parts):
        hashed = _hashed(hashed, np.atleast_1d(np.asarray(part, np.int64)).view(np.uint64))
    hashed >>= np.uint64(33)
    if isinstance(bound, int):  # numpy divides by one number far faster than it takes remainders
        hashed -= hashed // np.uint64(bound) * np.uint64(bound)
        return hashed.view(np.int64)
    return hashed.view(np.int64) % bound


def pick(values: Sequence[int], index: Whole) -> Numbers:
    """The values at the indexes, counted from 0."""
    return np.array(values, np.int64)[index]


def _hashed(seed: NDArray[np.uint64], value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One value more in the hash, in as few arrays as can be: this is where the time goes."""
    mixed = value * np.uint64(_P2)
    _rotate(mixed, 31)
    mixed *= np.uint64(_P1)
    mixed = mixed ^ (seed + np.uint64(_P5 + 8))
    spare = _rotate(mixed, 27)
    mixed *= np.uint64(_P1)
    mixed += np.uint64(_P4)
    for shift, factor in ((33, _P2), (29, _P3)):
        mixed ^= np.right_shift(mixed, np.uint64(shift), out=spare)
        mixed *= np.uint64(factor)
    mixed ^= np.right_shift(mixed, np.uint64(32), out=spare)
    return mixed


def _rotate(values: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    """Rotate in place; the array that this took may be used again."""
    spare = values >> np.uint64(64 - bits)
    values <<= np.uint64(bits)
    values |= spare
    return spare
