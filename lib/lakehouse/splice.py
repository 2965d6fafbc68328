"""Columns of a Parquet file replaced, or put beside its own, and the others copied as they are.

Parquet holds a column of a group of rows in one piece, and its footer tells where. To make new
columns and a new footer takes a tenth of decoding and encoding all. Of the footer, a struct in
Thrift's compact protocol, only places and sizes are looked at; all else is passed on.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

_MAGIC = b"PAR1"
# Types of Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_I32, _I64 = 5, 6
# Fields by their numbers in Parquet's definition, format 2.
_SCHEMA, _FILE_ROWS, _GROUPS, _NOTES, _WRITER_OF, _ORDERS = 2, 3, 4, 5, 6, 7  # of a file
_NAME, _CHILDREN, _CONVERTED, _LOGICAL = 4, 5, 6, 10  # of an element of the schema
# Of it what says how values are held: type, length, whether they may lack, and what they mean.
_HELD = (1, 2, 3, _NAME, 5, _CONVERTED, 7, 8)
# Of what values mean: whole numbers of 4 and 8 bytes; times.
_WHOLE, _TIMES = (17, 18), (7, 8, 9, 10)
# Of a group of rows.
_COLUMNS, _BYTES, _ROWS, _SORTED_BY, _GROUP_AT, _COMPRESSED_BYTES, _ORDINAL = 1, 2, 3, 4, 5, 6, 7
_ELSEWHERE, _COLUMN_AT, _META, _INDEXES = 1, 2, 3, (4, 5, 6, 7)  # of a column in it
_PATH, _UNCOMPRESSED, _COMPRESSED = 3, 6, 7  # of what is told of that
_DATA_AT, _INDEX_AT, _WORDS_AT, _BLOOM = 9, 10, 11, (14, 15)

Struct = dict[int, tuple[int, Any]]


def splice(file: Path, columns: Path, output: Path, more: Path | None = None) -> bool:
    """Write ``output``: the rows of ``file`` with the columns of the file ``columns``, of the same
    rows in the same groups, instead of its own of those names; then the rows of the file ``more``.

    False, with nothing written, where groups, names or types differ. Raises OSError where a column
    ends early, ValueError where a footer is none.
    """
    with file.open("rb") as held, columns.open("rb") as new, (more or columns).open("rb") as last:
        footer, other, added = _footer(held), _footer(new), _footer(last)
        replaced = _replacements(footer, other)
        if replaced is None or (more and not _are_alike(footer, added)):
            return False
        with output.open("wb") as made:
            made.write(_MAGIC)
            for group, others in zip(_of(footer, _GROUPS), replaced, strict=True):
                own = [(_name(one), one) for one in _of(group, _COLUMNS)]
                pieces = [
                    (others[name], new) if name in others else (one, held) for name, one in own
                ]
                _write_group(group, pieces, made)
            for group in _of(added, _GROUPS) if more else ():
                _write_group(group, [(one, last) for one in _of(group, _COLUMNS)], made)
                _append(footer, group)
            _write_footer(footer, made)
    return True


def join(parts: Sequence[tuple[Path, Path]], output: Path) -> bool:
    """Write ``output``: the rows of files one after the other, each file beside one that holds more
    columns of the same rows in the same groups.

    False, with nothing written, where groups differ, or columns from file to file, or readers would
    not agree on what those of a file are. There is a part at least, and no column is in both files
    of one. Raises OSError where a column ends early, ValueError where a footer is none.
    """
    footers = [[_footer_of(file) for file in part] for part in parts]
    whole, more = footers[0]
    if not all(_fit(whole, more, *part) for part in footers):
        return False
    (root, *columns), others = _of(whole, _SCHEMA), _of(more, _SCHEMA)[1:]
    root[_CHILDREN] = (_I32, len(columns) + len(others))
    _of(whole, _SCHEMA).extend(others)
    if _ORDERS in whole and _ORDERS in more:
        _of(whole, _ORDERS).extend(_of(more, _ORDERS))
    else:
        whole.pop(_ORDERS, None)
    whole.pop(_NOTES, None)  # which tell of the columns of one file
    groups = [[_of(one, _GROUPS) for one in part] for part in footers]
    whole[_GROUPS], whole[_FILE_ROWS] = (_LIST, (_STRUCT, [])), (_I64, 0)
    with output.open("wb") as made:
        made.write(_MAGIC)
        for (file, other), pair in zip(parts, groups, strict=True):
            with file.open("rb") as held, other.open("rb") as new:
                for group, beside in zip(*pair, strict=True):
                    pieces = [(one, held) for one in _of(group, _COLUMNS)]
                    pieces += [(one, new) for one in _of(beside, _COLUMNS)]
                    _write_group(group, pieces, made)
                    _append(whole, group)
        _write_footer(whole, made)
    return True


def _fit(whole: Struct, more: Struct, footer: Struct, beside: Struct) -> bool:
    """Whether a file, and the one with more columns of its rows, are as the first ones."""
    held, added, elements = _of(footer, _GROUPS), _of(beside, _GROUPS), _of(footer, _SCHEMA)
    return (
        _are_alike(whole, footer)
        and _are_alike(more, beside)
        and _of(whole, _WRITER_OF) == _of(footer, _WRITER_OF)
        and [_of(one, _ROWS) for one in held] == [_of(one, _ROWS) for one in added]
        and not any(_ELSEWHERE in column for group in held for column in _of(group, _COLUMNS))
        # Of times that only the older way tells some readers think they are UTC, some do not.
        and not any(_of(e, _CONVERTED) in _TIMES and not _of(e, _LOGICAL) for e in elements)
    )


def _append(footer: Struct, group: Struct) -> None:
    group.pop(_ORDINAL, None)
    _of(footer, _GROUPS).append(group)
    footer[_FILE_ROWS] = (_I64, _of(footer, _FILE_ROWS) + _of(group, _ROWS))


def _write_footer(footer: Struct, made: BinaryIO) -> None:
    told = _Writer()
    told.struct(footer)
    made.write(bytes(told.data) + struct.pack("<I", len(told.data)) + _MAGIC)


def _replacements(footer: Struct, other: Struct) -> list[dict[bytes, Struct]] | None:
    """By group of rows the other file's columns by their names; None where files do not fit."""
    elements = {_of(one, _NAME): one for one in _of(footer, _SCHEMA)[1:]}
    groups, others = _of(footer, _GROUPS), _of(other, _GROUPS)
    fits = all(_is_alike(elements.get(_of(e, _NAME)), e) for e in _of(other, _SCHEMA)[1:])
    fits = fits and [_of(one, _ROWS) for one in groups] == [_of(one, _ROWS) for one in others]
    named = [{_name(one): one for one in _of(group, _COLUMNS)} for group in others]
    return named if fits else None


def _are_alike(footer: Struct, other: Struct) -> bool:
    """Whether two files have the same columns, in the same order."""
    ours, theirs = _of(footer, _SCHEMA)[1:], _of(other, _SCHEMA)[1:]
    return len(ours) == len(theirs) and all(map(_is_alike, ours, theirs))


def _is_alike(ours: Struct | None, theirs: Struct) -> bool:
    """Whether a column of one writer is held as that of another: some say of whole numbers that
    they are, and what is said in the newer way not every writer says in the older one too.
    """
    if ours is None or any(_told(ours, one) != _told(theirs, one) for one in _HELD):
        return False
    both = ours.get(_LOGICAL), theirs.get(_LOGICAL)
    are_whole = any(_of(one, _CONVERTED) in _WHOLE for one in (ours, theirs))
    return None in both or both[0] == both[1] or are_whole


def _told(element: Struct, number: int) -> Any:
    value = _of(element, number)
    return None if number == _CONVERTED and value in _WHOLE else value


def _write_group(group: Struct, pieces: Sequence[tuple[Struct, BinaryIO]], made: BinaryIO) -> None:
    """Copy the columns of a group of rows from where they lie, and tell where they lie now."""
    begins, size, compressed = made.tell(), 0, 0
    for column, source in pieces:
        meta: Struct = _of(column, _META)
        places = [_of(meta, at) for at in (_WORDS_AT, _INDEX_AT, _DATA_AT) if _of(meta, at)]
        moved = made.tell() - min(places)
        _copy(source, min(places), _of(meta, _COMPRESSED), made)
        for at in (_WORDS_AT, _INDEX_AT, _DATA_AT):
            if _of(meta, at):
                meta[at] = (_I64, _of(meta, at) + moved)
        column[_COLUMN_AT] = (_I64, 0)
        for gone in _INDEXES:
            column.pop(gone, None)
        for gone in _BLOOM:
            meta.pop(gone, None)
        size, compressed = size + _of(meta, _UNCOMPRESSED), compressed + _of(meta, _COMPRESSED)
    group.pop(_SORTED_BY, None)
    group[_COLUMNS] = (_LIST, (_STRUCT, [column for column, _ in pieces]))
    group[_BYTES] = (_I64, size)
    group[_COMPRESSED_BYTES] = (_I64, compressed)
    group[_GROUP_AT] = (_I64, begins)


def _copy(source: BinaryIO, start: int, size: int, made: BinaryIO) -> None:
    made.flush()
    while size:
        copied = os.sendfile(made.fileno(), source.fileno(), start, size)
        if not copied:
            raise OSError(f"{source.name} ends within a column; expected {size} bytes more.")
        start, size = start + copied, size - copied
    made.seek(0, os.SEEK_END)


def _footer(file: BinaryIO) -> Struct:
    file.seek(-8, os.SEEK_END)
    length, magic = struct.unpack("<I4s", file.read(8))
    if magic != _MAGIC:
        raise ValueError(f"{file.name} is no Parquet file: it ends with {magic!r}.")
    file.seek(-8 - length, os.SEEK_END)
    try:
        return _Reader(file.read(length)).struct()
    except IndexError:
        raise ValueError(f"{file.name} has a footer that ends early.") from None


def _footer_of(path: Path) -> Struct:
    with path.open("rb") as file:
        return _footer(file)


def _of(one: Struct, number: int) -> Any:
    """A field; of a list its values. None where there is none."""
    kind, value = one.get(number, (0, None))
    return value[1] if kind == _LIST else value


def _name(column: Struct) -> bytes:
    return b".".join(_of(_of(column, _META), _PATH))


@dataclass
class _Reader:
    """Values of Thrift's compact protocol: a struct is its fields by number, each with its type, a
    list the type of its values and these.
    """

    data: bytes
    at: int = 0

    def struct(self) -> Struct:
        found: Struct = {}
        number = 0
        while header := self._byte():
            kind = header & 15
            number = number + (header >> 4) if header >> 4 else self._zigzag()
            found[number] = (kind, self._value(kind, of_list=False))
        return found

    def _value(self, kind: int, of_list: bool = True) -> Any:
        if kind in (_TRUE, _FALSE):
            return (self._byte() == _TRUE) if of_list else kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in _INTEGERS:
            return self._zigzag()
        if kind == _DOUBLE:
            return self._bytes(8)
        if kind == _BINARY:
            return self._bytes(self._varint())
        if kind in (_LIST, _SET):
            header = self._byte()
            size = self._varint() if header >> 4 == 15 else header >> 4
            return header & 15, [self._value(header & 15) for _ in range(size)]
        if kind == _STRUCT:
            return self.struct()
        raise ValueError(f"A footer holds a value of Thrift's type {kind}; expected 1 to 10 or 12.")

    def _byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def _bytes(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)


@dataclass
class _Writer:
    """What ``_Reader`` reads."""

    data: bytearray = field(default_factory=bytearray)

    def struct(self, fields: Struct) -> None:
        before = 0
        for number, (kind, value) in sorted(fields.items()):
            told = (_TRUE if value else _FALSE) if kind in (_TRUE, _FALSE) else kind
            if 0 < number - before < 16:
                self.data.append((number - before) << 4 | told)
            else:
                self.data.append(told)
                self._zigzag(number)
            before = number
            if kind not in (_TRUE, _FALSE):
                self._value(kind, value)
        self.data.append(0)

    def _value(self, kind: int, value: Any) -> None:
        if kind in (_TRUE, _FALSE):
            self.data.append(_TRUE if value else _FALSE)
        elif kind == _BYTE:
            self.data.append(value)
        elif kind in _INTEGERS:
            self._zigzag(value)
        elif kind == _DOUBLE:
            self.data += value
        elif kind == _BINARY:
            self._varint(len(value))
            self.data += value
        elif kind in (_LIST, _SET):
            of, values = value
            if len(values) < 15:
                self.data.append(len(values) << 4 | of)
            else:
                self.data.append(15 << 4 | of)
                self._varint(len(values))
            for one in values:
                self._value(of, one)
        else:
            self.struct(value)

    def _varint(self, value: int) -> None:
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def _zigzag(self, value: int) -> None:
        self._varint(value << 1 if value >= 0 else (-value << 1) - 1)
