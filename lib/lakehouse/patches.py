"""Few rows of a large file turned into others, in their places.

What else a file holds stays as it is coded, so that writing it again costs little.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lakehouse.codes import codes
from lakehouse.plain import CHANGE_TYPE

Read = Callable[[Sequence[str]], pa.Table]


@dataclass(frozen=True)
class Patch:
    """Columns as they are now: those in which rows differ, or all where rows came or went. Images
    of the rows that differ, for a change feed, and their counts.
    """

    columns: Mapping[str, pa.Array]
    images: pa.Table
    inserted: int
    updated: int
    deleted: int

    @property
    def keeps_places(self) -> bool:
        """Whether no row came or went."""
        return not (self.inserted or self.deleted)


def among(rows: pa.Table, keys: pa.Table) -> NDArray[np.bool_]:
    """Which rows are equal to one of the keys, in the columns of these."""
    (ours, theirs), _ = codes((rows, keys), keys.column_names)
    return np.isin(ours, theirs)


def patched(
    read: Read, names: Sequence[str], keys: pa.Table, rows: pa.Table, key: Sequence[str]
) -> Patch | None:
    """Turn the rows with one of the ``keys`` into ``rows``, told apart by ``key``; None where they
    are equal. Rows that are new come last.

    ``read`` gives columns of the file, whose names are ``names``: one after another, as together
    they take much memory.
    """
    places = np.flatnonzero(among(read(keys.column_names), keys))
    old = _uncoded(pa.table({name: _whole(read([name])[name]).take(places) for name in names}))
    new = _uncoded(rows.select(names))
    (old_codes, new_codes), _ = codes((old, new), key)
    for told, name in ((old_codes, "holds"), (new_codes, "would get")):
        if len(np.unique(told)) < len(told):
            raise RuntimeError(f"A file {name} several rows of one key ({', '.join(key)}).")
    _, was, now = np.intersect1d(old_codes, new_codes, assume_unique=True, return_indices=True)
    by_place = np.argsort(was)
    was, now = was[by_place], now[by_place]
    differs = {name: ~_equal(old[name].take(was), new[name].take(now)) for name in names}
    is_other = np.logical_or.reduce([*differs.values(), np.zeros(len(was), bool)])
    updated, becomes = was[is_other], now[is_other]
    deleted = np.setdiff1d(np.arange(len(old_codes)), was)
    inserted = np.setdiff1d(np.arange(len(new_codes)), now)
    if not (len(updated) or len(deleted) or len(inserted)):
        return None
    columns = {
        name: put(_whole(read([name])[name]), places[updated], new[name].take(becomes))
        for name in names
        if differs[name].any()
    }
    if len(deleted) or len(inserted):
        every = {name: columns.get(name, _whole(read([name])[name])) for name in names}
        columns = _moved(every, places[deleted], new.take(inserted))
    images = [
        _image(old.take(updated), "update_preimage"),
        _image(new.take(becomes), "update_postimage"),
        _image(old.take(deleted), "delete"),
        _image(new.take(inserted), "insert"),
    ]
    return Patch(columns, pa.concat_tables(images), len(inserted), len(updated), len(deleted))


def _moved(
    columns: Mapping[str, pa.Array], gone: NDArray[Any], come: pa.Table
) -> dict[str, pa.Array]:
    """Columns without the rows of some places, and with others at their end."""
    stays = np.ones(len(next(iter(columns.values()))), bool)
    stays[gone] = False
    rows = {}
    for name, column in columns.items():
        more = _whole(come[name])
        if pa.types.is_dictionary(column.type):
            more = more.dictionary_encode().cast(column.type)
        kept = column.filter(pa.array(stays))
        rows[name] = _whole(pa.chunked_array([kept, more]).unify_dictionaries())
    return rows


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _uncoded(rows: pa.Table) -> pa.Table:
    """The same, with texts as they are."""
    kinds = [
        (f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
        for f in rows.schema
    ]
    return rows.cast(pa.schema(kinds))


def _equal(one: pa.ChunkedArray, other: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Whether values are equal, null to null, and what is no number to its like."""
    same = pc.fill_null(pc.equal(one, other), False)
    is_float = pa.types.is_floating(one.type)
    both = pc.and_(pc.is_null(one, nan_is_null=is_float), pc.is_null(other, nan_is_null=is_float))
    told = pc.equal(pc.is_null(one), pc.is_null(other))  # NaN is not null
    return pc.or_(same, pc.and_(both, told)).to_numpy().astype(bool)


def put(whole: pa.Array, places: NDArray[Any], column: pa.ChunkedArray) -> pa.Array:
    """A column with other values in places, which ascend."""
    values = _whole(column)
    mask = np.zeros(len(whole), bool)
    mask[places] = True
    if not pa.types.is_dictionary(whole.type):
        return pc.replace_with_mask(whole, mask, values)
    more = values.drop_null().unique()
    more = more.filter(pc.invert(pc.is_in(more, whole.dictionary)))
    words = pa.concat_arrays([whole.dictionary, more])
    numbers = pc.index_in(values, words).cast(whole.indices.type)
    return pa.DictionaryArray.from_arrays(pc.replace_with_mask(whole.indices, mask, numbers), words)


def _image(rows: pa.Table, kind: str) -> pa.Table:
    return rows.append_column(CHANGE_TYPE, pa.array([kind] * rows.num_rows, pa.string()))
