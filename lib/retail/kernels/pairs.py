"""Pairs of store and product as whole numbers, so that what is known of them lies in flat arrays."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[np.generic]
# Rows made at a time: what is worked out for so few stays near the processor.
_BLOCK = 131_072


class Vocabulary:
    """Texts numbered in the order in which they first came."""

    def __init__(self) -> None:
        self.values: pa.Array = pa.array([], pa.string())
        # What the last column called them: a day's files mostly do as those of the day before.
        self._words, self._numbers = self.values, np.empty(0, np.int32)

    def numbers(self, column: pa.ChunkedArray) -> NDArray[np.int32]:
        """The number of each text; texts not met before get the next ones."""
        if not len(column):
            return np.empty(0, np.int32)
        coded = column.combine_chunks()
        if not pa.types.is_dictionary(coded.type):
            coded = coded.dictionary_encode()
        if not coded.dictionary.equals(self._words):
            self._words = coded.dictionary
            known = pc.index_in(self._words, value_set=self.values)
            if known.null_count:
                self.values = pa.concat_arrays([self.values, self._words.filter(known.is_null())])
                known = pc.index_in(self._words, value_set=self.values)
            self._numbers = known.to_numpy()
        return self._numbers[coded.indices.to_numpy()]


class Pairs:
    """A number for every pair met so far, from 0 in the order in which pairs first came."""

    def __init__(self) -> None:
        self._stores, self._products = Vocabulary(), Vocabulary()
        self._numbers = np.empty((0, 0), np.int32)
        self._count = 0
        # Of every pair, with room for more.
        self._store = np.empty(0, np.int32)
        self._product = np.empty(0, np.int32)

    def __len__(self) -> int:
        return self._count

    def numbers(self, rows: pa.Table) -> NDArray[np.int32]:
        """The number of each row's pair; pairs not met before get the next ones."""
        store = self._stores.numbers(rows["store_id"])
        product = self._products.numbers(rows["product_id"])
        self._make_room()
        numbers = self._numbers.ravel()
        wide = np.int32 if numbers.size <= np.iinfo(np.int32).max else np.int64
        width = wide(self._numbers.shape[1])
        codes = store * width + product
        found = numbers.take(codes)
        if (new := np.flatnonzero(found < 0)).size:
            codes_of_new = codes if new.size == codes.size else codes[new]
            # The first place of each code, without sorting: written from the last to the first.
            at = np.arange(new.size, dtype=np.int32)
            numbers[codes_of_new[::-1]] = at[::-1]
            first = codes_of_new[numbers[codes_of_new] == at]
            numbers[first] = self._add(first // width, first % width)
            found = numbers.take(codes)
        return found

    def _add(self, store: Array, product: Array) -> NDArray[np.int32]:
        """The numbers of pairs that are new."""
        count = self._count + store.size
        self._store, self._product = roomy(self._store, count, 0), roomy(self._product, count, 0)
        self._store[self._count : count], self._product[self._count : count] = store, product
        before, self._count = self._count, count
        return np.arange(before, count, dtype=np.int32)

    @property
    def product_count(self) -> int:
        return len(self._products.values)

    def product_numbers(self, column: pa.ChunkedArray) -> NDArray[np.int32]:
        """The number of each product; those not met before get the next ones."""
        found = self._products.numbers(column)
        self._make_room()
        return found

    def products_of(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """The product of each pair."""
        return self._product[numbers]

    def ids(self, numbers: NDArray[np.int64] | slice) -> dict[str, pa.DictionaryArray]:
        """The two ids of pairs, as columns that hold whole numbers."""
        coded = {
            "store_id": (self._store[: self._count], self._stores),
            "product_id": (self._product[: self._count], self._products),
        }
        return {
            name: pa.DictionaryArray.from_arrays(pa.array(codes[numbers]), words.values)
            for name, (codes, words) in coded.items()
        }

    def _make_room(self) -> None:
        wanted = len(self._stores.values), len(self._products.values)
        if self._numbers.shape != wanted:
            grown = np.full(wanted, -1, np.int32)
            stores, products = self._numbers.shape
            grown[:stores, :products] = self._numbers
            self._numbers = grown


def blocks(count: int) -> list[slice]:
    """Rows in blocks, one even of none.

    >>> blocks(0)
    [slice(0, 0, None)]
    """
    return [slice(at, min(at + _BLOCK, count)) for at in range(0, max(count, 1), _BLOCK)]


def roomy(values: NDArray[Any], count: int, nothing: int) -> NDArray[Any]:
    """The same array where it holds ``count`` places, else one with those and room for more.

    >>> roomy(np.array([7, 8]), 2, 0).tolist()
    [7, 8]
    >>> roomy(np.array([7, 8]), 3, 0).size > 3
    True
    """
    if values.size >= count:
        return values
    grown = np.full(count + count // 4 + 64, nothing, values.dtype)
    grown[: values.size] = values
    return grown
