"""Chance as a pure function: whole numbers from hashes, the same in any order and any place."""

import zlib
from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def salt(seed: int, purpose: str) -> int:
    """What keeps the draws of one purpose, under one seed, apart from all others."""
    return zlib.crc32(f"{seed}:{purpose}".encode())


def whole(value: Column | int) -> Column:
    """The value as BIGINT: hashes of INT and BIGINT differ."""
    return (F.lit(value) if isinstance(value, int) else value).cast("bigint")


def draw(seed: int, purpose: str, bound: Column | int, *parts: Column | int) -> Column:
    """A whole number in [0, bound), by the seed, the purpose and the parts alone.

    >>> spark.range(1, 4).select(draw(42, "doc", 100, F.col("id")).alias("drawn")).show()
    +-----+
    |drawn|
    +-----+
    |   33|
    |   98|
    |   21|
    +-----+
    <BLANKLINE>
    """
    hashed = F.xxhash64(whole(salt(seed, purpose)), *[whole(part) for part in parts])
    return F.shiftrightunsigned(hashed, 33) % whole(bound)


def div(dividend: Column, divisor: Column | int) -> Column:
    """Whole division, without a detour over DOUBLE."""
    return F.call_function("div", dividend, whole(divisor))


def numbers(values: Sequence[int], index: Column) -> Column:
    """The value at an index, counted from 0, of a fixed list."""
    fixed = F.split(F.lit(",".join(map(str, values))), ",").cast("array<bigint>")
    return F.get(fixed, index.cast("int"))


def texts(values: Sequence[str], index: Column) -> Column:
    """The text at an index, counted from 0, of a fixed list."""
    return F.get(F.split(F.lit("|".join(values)), r"\|"), index.cast("int"))


def padded(prefix: str, number: Column, width: int) -> Column:
    """An id: the prefix and the number with leading zeros."""
    return F.concat(F.lit(prefix), F.lpad(number.cast("string"), width, "0"))


def amount(number: Column, digits: int, scale: int = 2) -> Column:
    """Money from a whole number whose last ``digits`` are decimals, exactly."""
    return (number.cast("decimal(18,0)") * F.lit(f"1e-{digits}").cast("decimal(18,4)")).cast(
        f"decimal(18,{scale})"
    )
