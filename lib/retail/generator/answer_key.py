"""The answer key of planted faults: what each record or file must become, and the lake it asks for."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from retail.generator.faults import Row

LABELS = Path("_labels") / "labels.parquet"


@dataclass(frozen=True)
class Label:
    """One planted fault; ``row`` is null for a fault of the file.

    ``clean_file`` and ``clean_row`` say where the record stands in the clean files, null for one
    that was added; ``planted`` are the values it was given, as JSON. One that was added and is
    accepted names the clean file that it belongs in, and all its values.
    """

    entity: str
    file: str
    row: int | None
    fault: str
    answer: str
    rule: str
    clean_file: str | None = None
    clean_row: int | None = None
    planted: str = "{}"


SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("entity", "file")]
    + [("row", pa.int64())]
    + [(name, pa.string()) for name in ("fault", "answer", "rule", "clean_file")]
    + [("clean_row", pa.int64()), ("planted", pa.string())]
)


def write(labels: Iterable[Label], landing: Path) -> None:
    """Write the key beside the landing files, where no source looks."""
    (landing / LABELS).parent.mkdir(exist_ok=True)
    rows = [asdict(label) for label in labels]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), landing / LABELS)


def read(file: Path) -> list[Label]:
    """The labels of a key."""
    return [Label(**row) for row in pq.read_table(file).to_pylist()]


def record(table: pa.Table, place: int) -> Row:
    """One row of a table."""
    row: Row = table.slice(place, 1).to_pylist()[0]
    return row


def accepted(clean: Path, labels: Path, target: Path) -> None:
    """Write the clean files as the key says that a lake of the faulty ones must show them.

    Records and files that are not accepted are left out; accepted values stand where planted.
    """
    key = read(labels)
    aside = {label.clean_file for label in key if label.answer == "set aside"}
    by_file: dict[str, list[Label]] = defaultdict(list)
    for label in key:
        if label.clean_file and label.row:
            by_file[label.clean_file].append(label)
    for path in sorted(clean.glob("[!_.]*/**/*.parquet")):
        name = path.relative_to(clean).as_posix()
        if name in aside:
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_as_accepted(pq.read_table(path), by_file[name]), target / name)


def _as_accepted(table: pa.Table, labels: Iterable[Label]) -> pa.Table:
    rejected, new, added = set[int](), {}, []
    for label in labels:
        place = int(label.clean_row or 0) - 1
        if label.answer == "quarantine":
            rejected.add(place)
        elif planted := json.loads(label.planted):
            kinds = {n: table.schema.field(n).type for n in planted}
            cast = {n: pa.scalar(v).cast(kinds[n]).as_py() for n, v in planted.items()}
            if label.clean_row:
                new[place] = record(table, place) | cast
            else:
                added.append(cast)
    number = {place: table.num_rows + index for index, place in enumerate(new)}
    places = [number.get(n, n) for n in range(table.num_rows) if n not in rejected]
    places += range(table.num_rows + len(new), table.num_rows + len(new) + len(added))
    changed = pa.Table.from_pylist([*new.values(), *added], table.schema)
    return pa.concat_tables([table, changed]).take(places)
