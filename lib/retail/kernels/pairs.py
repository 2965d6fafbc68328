"""Pairs of store and product as whole numbers, so that what is known of them lies in flat arrays."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Array = NDArray[np.generic]


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
        self._store = np.empty(0, np.int32)
        self._product = np.empty(0, np.int32)

    def __len__(self) -> int:
        return len(self._store)

    def numbers(self, rows: pa.Table) -> NDArray[np.int32]:
        """The number of each row's pair; pairs not met before get the next ones."""
        store = self._stores.numbers(rows["store_id"])
        product = self._products.numbers(rows["product_id"])
        self._make_room()
        found = self._numbers[store, product]
        if (new := np.flatnonzero(found < 0)).size:
            width = np.int64(self._numbers.shape[1])
            codes = store[new] * width + product[new]
            # The first place of each code, without sorting: written from the last to the first.
            at = np.arange(codes.size, dtype=np.int32)
            self._numbers.ravel()[codes[::-1]] = at[::-1]
            codes = codes[self._numbers.ravel()[codes] == at]
            numbers = np.arange(len(self), len(self) + codes.size, dtype=np.int32)
            self._numbers.ravel()[codes] = numbers
            self._store = np.concatenate([self._store, (codes // width).astype(np.int32)])
            self._product = np.concatenate([self._product, (codes % width).astype(np.int32)])
            found = self._numbers[store, product]
        return found

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

    def ids(self, numbers: NDArray[np.int64]) -> dict[str, pa.DictionaryArray]:
        """The two ids of pairs, as columns that hold whole numbers."""
        coded = {
            "store_id": (self._store, self._stores),
            "product_id": (self._product, self._products),
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
