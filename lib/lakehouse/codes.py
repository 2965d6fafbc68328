"""Values of rows as whole numbers, by which arrays find and tell apart what texts say.

Parquet holds texts that many rows share once, and their numbers: Arrow reads these as they are.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

# At most so many bytes of a file tell a row's text where many rows share it: its number, and its
# part of the words.
_SHARED = 12


def shared(file: Path) -> set[str]:
    """The texts of a Parquet file that many of its rows share, as the bytes they take tell; of
    encodings that Arrow reads as numbers.
    """
    footer, schema = pq.read_metadata(file), pq.read_schema(file)
    group = footer.row_group(0) if footer.num_row_groups else None
    columns = [group.column(number) for number in range(footer.num_columns)] if group else []
    texts = {field.name for field in schema if field.type == pa.string()}
    return {
        column.path_in_schema
        for column in columns
        if column.path_in_schema in texts
        and column.total_uncompressed_size < _SHARED * column.num_values
        and not any(encoding.startswith("DELTA_") for encoding in column.encodings)
    }


def words(files: Sequence[Path], column: str) -> pa.Array | None:
    """The texts that the rows of files have in a column, each once; None where rows do not share
    them.
    """
    if not all(column in shared(file) for file in files):
        return None
    found = pa.array([], pa.string())
    for file in files:
        read = pq.read_table(file, columns=[column], read_dictionary=[column], partitioning=None)
        parts = [found, *(chunk.dictionary for chunk in read[column].chunks)]
        found = pa.chunked_array(parts).unique()
    return found


def codes(
    tables: Sequence[pa.Table], columns: Iterable[str]
) -> tuple[list[NDArray[np.int32 | np.int64]], int]:
    """A whole number for each row's values of the columns, the same for equal ones of all tables,
    and one that is above them all. Raises OverflowError where there are too many.

    >>> one, other = pa.table({"a": ["x", "y"]}), pa.table({"a": ["y", None]})
    >>> found, places = codes([one, other], ["a"])
    >>> [rows.tolist() for rows in found], places
    ([[0, 1], [1, 2]], 3)
    """
    places = 1
    found = [np.zeros(table.num_rows, np.int32) for table in tables]
    for name in columns:
        coded = [_coded(table[name]) for table in tables]
        values = pa.chunked_array([one.dictionary for one in coded]).unique()
        width = len(values) + 1
        places *= width
        if places > np.iinfo(np.int64).max:
            raise OverflowError(f"{name} has too many values beside those of the other columns.")
        kind = np.int32 if places <= np.iinfo(np.int32).max else np.int64
        found = [known.astype(kind, copy=False) for known in found]
        for known, one in zip(found, coded, strict=True):
            known *= kind(width)
            known += _numbers(one, values).astype(kind, copy=False)
    return found, places


def _numbers(column: pa.DictionaryArray, values: pa.Array) -> NDArray[np.int32]:
    """The place of each text among ``values``, behind the last where there is none."""
    places = pc.index_in(column.dictionary, values).fill_null(len(values)).to_numpy()
    indices = column.indices
    if indices.null_count:
        indices = indices.fill_null(len(column.dictionary))
    return np.append(places, np.int32(len(values))).take(indices.to_numpy())


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.combine_chunks()
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
