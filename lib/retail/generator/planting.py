"""Clean landing files with faults planted, and the answer key that says what must become of each.

Which records and files are hit follows from the seed alone. The key lies in ``_labels`` beside the
files, where no source looks.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse import LakehouseError
from retail.generator.answer_key import LABELS, Label, read, record, write
from retail.generator.faults import FAULTS, FILE_FAULTS, Fault, FileFault, Row, as_text

# Entities with a file a day, whose files may be hit; and those of which the first is made text.
DAILY = ("inventory_snapshots", "page_views", "products", "transactions")
AS_TEXT = ("customers", "transactions")


@dataclass
class _File:
    """A file with what is planted in it: records by their place in the clean file, and new ones."""

    entity: str
    name: str
    path: Path
    table: pa.Table
    is_text: bool
    fault: FileFault | None = None
    changed: dict[int, tuple[Row, Fault]] = field(default_factory=dict)
    twins: dict[int, Fault] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    added: list[tuple[Row, Fault, str, int]] = field(default_factory=list)

    @property
    def landed(self) -> str:
        return self.name.replace(".parquet", ".csv") if self.is_text else self.name


def plant(landing: Path, rate: float | None, seed: int) -> list[Label]:
    """Plant faults into clean parquet files, in ``rate`` of their records; what was planted.

    The files were written anew: what an earlier planting left beside them goes, and its key.
    """
    _clear(landing)
    if rate is None:
        return []
    chance = np.random.default_rng([seed, 20_260])
    files = _files(landing)
    whole = _hit_files(files, chance)
    for entity in FAULTS:
        _hit_records([f for f in whole if f.entity == entity], FAULTS[entity], rate, chance)
    labels = [label for one in files for label in _written(one)]
    write(labels, landing)
    return labels


def told(labels: list[Label]) -> str:
    """How many faults were planted, and the kinds that found no file or record to be planted in."""
    planted = {label.fault for label in labels}
    known = [fault.name for faults in FAULTS.values() for fault in faults]
    known += [fault.name for fault in FILE_FAULTS]
    missing = [name for name in dict.fromkeys(known) if name not in planted]
    none_of = f"; none of {', '.join(missing)}: too few files or records"
    return f"{len(labels):,} faults planted{none_of if labels and missing else ''}"


def _clear(landing: Path) -> None:
    """Remove what an earlier planting left beside files that were written anew, and its key."""
    if (landing / LABELS).is_file():
        for name in {label.file for label in read(landing / LABELS) if label.file.endswith(".csv")}:
            if (landing / name).with_suffix(".parquet").is_file():
                (landing / name).unlink(missing_ok=True)
        (landing / LABELS).unlink()


def rate(text: str) -> float:
    """The share of records to spoil, as an option says it.

    Raises LakehouseError for a text that is no share, or one that leaves less than half clean.
    """
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 0.5:
        raise LakehouseError(f"--faults {text} is no rate; expected a share up to 0.5, as 0.01.")
    return share


def _files(landing: Path) -> list[_File]:
    found = []
    for entity in FAULTS:
        paths = sorted((landing / entity).rglob("*.parquet"))
        for path in paths:
            name = path.relative_to(landing).as_posix()
            is_text = entity in AS_TEXT and path == paths[0]
            found.append(_File(entity, name, path, pq.read_table(path), is_text))
    return found


def _hit_files(files: list[_File], chance: np.random.Generator) -> list[_File]:
    """Give each file fault a file of its own, never the first of an entity; those still whole."""
    first = {
        entity: next(f for f in files if f.entity == entity) for entity in {f.entity for f in files}
    }
    open_ = [f for f in files if f.entity in DAILY and f is not first[f.entity]]
    # Of few days fewer files: ``told`` says which faults found none.
    for fault, place in zip(FILE_FAULTS, chance.permutation(len(open_)), strict=False):
        open_[place].fault = fault
    return [f for f in files if f.fault is None or f.fault.answer == "accept"]


def _hit_records(
    files: list[_File], faults: list[Fault], rate: float, chance: np.random.Generator
) -> None:
    """Plant the faults in turn, each into a record that no other has hit."""
    turns = {text: cycle([f for f in faults if text or not f.text_only]) for text in (True, False)}
    for number, one in enumerate(files):
        count = one.table.num_rows
        if not count:
            continue
        hits = chance.choice(count, min(count, max(1, round(rate * count))), replace=False)
        for place in sorted(int(hit) for hit in hits):
            fault = next(turns[one.is_text])
            row = record(one.table, place)
            values = fault.values(row)
            later = files[number + 1 :]
            if values is None or (fault.how in ("moved", "added later") and not later):
                continue
            if fault.how == "changed":
                one.changed[place] = (values, fault)
            elif fault.how == "moved":
                one.gone.add(place)
                target = later[int(chance.integers(len(later)))]
                target.added.append((row, fault, one.name, place))
            else:
                is_later = fault.how == "added later"
                target = later[int(chance.integers(len(later)))] if is_later else one
                target.added.append((row | values, fault, "", place))
                if fault.takes_twin:
                    one.twins[place] = fault


def _written(one: _File) -> Iterator[Label]:
    """Write the file as it is to land, and say what was planted in it."""
    if one.fault:
        yield Label(one.entity, one.landed, None, one.fault.name, one.fault.answer, "", one.name)
    if one.fault and one.fault.table is None:
        content = one.path.read_bytes()
        one.path.write_bytes(content[: len(content) // 2])
        return
    table = one.table
    kept = [place for place in range(table.num_rows) if place not in one.gone]
    places = {place: number for number, place in enumerate(kept, start=1)}
    for place, fault in one.twins.items():
        yield _label(one, places[place], fault, one.name, place)
    for place, (values, fault) in one.changed.items():
        yield _label(one, places[place], fault, one.name, place, values)
    for number, (row, fault, origin, place) in enumerate(one.added, start=len(kept) + 1):
        if fault.how == "added" and fault.answer == "accept":
            yield _label(one, number, fault, one.name, None, row)
        else:
            yield _label(one, number, fault, origin or None, place if origin else None)
    if one.is_text:
        one.path.with_suffix(".csv").write_bytes(_csv(table.column_names, _texts(one, kept)))
        one.path.unlink()
    elif one.changed or one.gone or one.added or one.fault:
        landed = _rows(one, kept)
        landed = one.fault.table(landed) if one.fault and one.fault.table else landed
        pq.write_table(landed, one.path)


def _label(
    one: _File,
    row: int,
    fault: Fault,
    origin: str | None,
    place: int | None,
    values: Row | None = None,
) -> Label:
    planted = json.dumps({n: None if v is None else str(v) for n, v in (values or {}).items()})
    clean_row = None if place is None else place + 1
    answer = (fault.name, fault.answer, fault.rule)
    return Label(one.entity, one.landed, row, *answer, origin, clean_row, planted)


def _rows(one: _File, kept: list[int]) -> pa.Table:
    """The records kept, changed ones in their places, and then those added."""
    table = one.table
    new = [record(table, place) | values for place, (values, _) in one.changed.items()]
    new += [row for row, *_ in one.added]
    number = {place: table.num_rows + index for index, place in enumerate(one.changed)}
    places = [number.get(place, place) for place in kept]
    places += range(table.num_rows + len(one.changed), table.num_rows + len(new))
    return pa.concat_tables([table, pa.Table.from_pylist(new, table.schema)]).take(places)


def _texts(one: _File, kept: list[int]) -> Iterator[Iterable[str | None]]:
    """The same as text, which may be none that a column's type can hold."""
    rows = as_text(one.table).to_pylist()
    for place in kept:
        values, _ = one.changed.get(place, ({}, None))
        said = {name: None if v is None else str(v) for name, v in values.items()}
        yield (rows[place] | said).values()
    added = pa.Table.from_pylist([row for row, *_ in one.added], one.table.schema)
    yield from (row.values() for row in as_text(added).to_pylist())


def _csv(names: list[str], rows: Iterable[Iterable[str | None]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
