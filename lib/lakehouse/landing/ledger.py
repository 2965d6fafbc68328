"""``ops.landing_files``: what lies in landing, committed before any of it is loaded.

Grain: one row per entity and path. It is the recorded input of every raw table: the files to
load are those whose content differs between the ledger now and the ledger it was built from, so
a crash at any point reloads a file and never doubles one. Written without Spark: it is small.
"""

import difflib
import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from lakehouse import storage
from lakehouse.errors import LakehouseError
from lakehouse.landing.drift import is_of_columns
from lakehouse.landing.probe import Probe, is_dated_by_record, probe
from lakehouse.landing.source import EntityMapping, Source
from lakehouse.log import Log, Record
from lakehouse.own import write_rows
from lakehouse.storage import Place

NAME = "landing_files"
GRAIN = "One row per entity and landed file."
DDL = """
    entity      STRING NOT NULL COMMENT 'Entity that the file feeds',
    path        STRING NOT NULL COMMENT 'Path relative to the landing folder',
    size        BIGINT NOT NULL COMMENT 'Bytes',
    modified_ns BIGINT NOT NULL COMMENT 'Modification time in nanoseconds: equal means unread',
    checksum    STRING NOT NULL COMMENT 'SHA-256 of the content',
    row_count   BIGINT COMMENT 'Records that entered bronze; null before that',
    status      STRING NOT NULL COMMENT 'registered, loaded, replay, set_aside or refused',
    reason      STRING COMMENT 'Why it was set aside or refused, or which file it repeats',
    batch_id    STRING NOT NULL COMMENT 'Build that last saw new content',
    landed_rows BIGINT COMMENT 'Records counted in the file itself; null where that is not known'
"""


@dataclass(frozen=True)
class LandingFile:
    """One row of the ledger."""

    entity: str
    path: str
    size: int
    modified_ns: int
    checksum: str
    row_count: int | None
    status: str
    reason: str | None
    batch_id: str
    landed_rows: int | None = None

    @property
    def is_loadable(self) -> bool:
        """Whether its records belong in bronze."""
        return self.status in ("registered", "loaded")

    @property
    def is_set_aside(self) -> bool:
        """Whether it is kept out: nobody can read it, or it is a snapshot that is not believed."""
        return self.status in ("set_aside", "refused")


Files = dict[tuple[str, str], LandingFile]


@dataclass
class Survey:
    """What a look at the landing folder found, before anything is written."""

    files: Files = field(default_factory=dict)
    probes: dict[tuple[str, str], Probe] = field(default_factory=dict)
    newly_set_aside: list[LandingFile] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def of(self, entity: str) -> Files:
        return {key: file for key, file in self.files.items() if key[0] == entity}


class Ledger:
    """The ledger of one lake."""

    def __init__(self, lake: Place):
        self.lake = lake
        self.path = lake / "ops" / NAME

    def read(self, version: int | None = None) -> Files:
        """Rows by (entity, path), at a version or now."""
        if not storage.is_table(self.path):
            return {}
        rows = storage.delta(self.path, version).to_pyarrow_table().to_pylist()
        return {(row["entity"], row["path"]): LandingFile(**row) for row in rows}

    def write(self, files: Files, record: Record) -> None:
        """Replace the ledger's rows, in one commit; nothing where they are the same."""
        if self.read() == files and Log(self.path).record():
            return
        rows = [asdict(files[key]) for key in sorted(files)]
        write_rows(self.path, DDL, GRAIN, rows, record, "overwrite")

    def check_source(self, source: Source) -> None:
        """Raise LakehouseError where the lake was built from another source."""
        record = Log(self.path).record()
        if record and record.source != source.name:
            raise LakehouseError(
                f"The lake {self.lake} holds the source {record.source}, not"
                f" {source.name}; build {source.name} into a lake of its own with --lake."
            )


def survey(
    landing: Path,
    source: Source,
    known: Files,
    batch: str,
    snapshots: frozenset[str] = frozenset(),
) -> Survey:
    """Look at every landing file, reading only those that changed since ``known``.

    ``snapshots`` are the entities whose files are full snapshots.
    Raises LakehouseError for a missing folder, a folder no pattern matches, or columns that a
    mapping needs and no new file has.
    """
    if not landing.is_dir():
        raise LakehouseError(
            f"There is no landing folder {landing}; expected files of {source.name} there, so"
            " generate some (jobs/generate.py) or name the folder with --landing."
        )
    paths = _paths(landing)
    _refuse_strange_folders(landing, source, paths)
    found = Survey(dict(known))
    hashes: dict[str, str] = {}
    for entity, mapping in source.mappings.items():
        mine = [path for path in paths if mapping.matches(path)]
        if not mine:
            found.absent.append(entity)
        for path in mine:
            _look(landing, mapping, path, found, known, hashes, batch)
        _refuse_common_gap(source, mapping, found, known)
    _mark_replays(landing, source, found, batch, snapshots)
    for key, file in found.files.items():
        if file.status == "refused" and file.entity not in snapshots:
            found.files[key] = replace(file, status="registered", reason=None)
    found.newly_set_aside = [
        file
        for file in found.files.values()
        if file.status == "set_aside" and file.batch_id == batch
    ]
    return found


def _paths(landing: Path) -> list[str]:
    """Files below the landing folder; what begins with a dot or underscore is nobody's data."""
    return sorted(
        path.relative_to(landing).as_posix()
        for path in landing.rglob("*")
        if path.is_file() and not any(p[0] in "._" for p in path.relative_to(landing).parts)
    )


def _look(
    landing: Path,
    mapping: EntityMapping,
    path: str,
    found: Survey,
    known: Files,
    hashes: dict[str, str],
    batch: str,
) -> None:
    """Add one file to the survey: as known where unchanged, else checked."""
    key, stat = (mapping.contract.entity, path), (landing / path).stat()
    old = known.get(key)
    again = old is not None and old.is_set_aside and is_of_columns(old.reason)
    if old and not again and (old.size, old.modified_ns) == (stat.st_size, stat.st_mtime_ns):
        return
    if path not in hashes:
        hashes[path] = _checksum(landing / path)
    checksum = hashes[path]
    same = old and old.checksum == checksum
    seen = None if same and not again else probe(landing / path, mapping)
    if old and same and (seen is None or seen.problem):
        reason = seen.problem if seen else old.reason
        moved = {"size": stat.st_size, "modified_ns": stat.st_mtime_ns, "reason": reason}
        found.files[key] = replace(old, **moved)  # type: ignore[arg-type]
        return
    assert seen is not None
    found.probes[key] = seen
    found.files[key] = LandingFile(
        entity=mapping.contract.entity,
        path=path,
        size=stat.st_size,
        modified_ns=stat.st_mtime_ns,
        checksum=checksum,
        row_count=None,
        status="set_aside" if seen.problem else "registered",
        reason=seen.problem,
        batch_id=batch,
        landed_rows=seen.records,
    )


def _refuse_strange_folders(landing: Path, source: Source, paths: list[str]) -> None:
    matched = {p for p in paths if any(m.matches(p) for m in source.mappings.values())}
    for folder in sorted({path.split("/")[0] for path in paths if "/" in path}):
        if not any(path.startswith(f"{folder}/") for path in matched):
            patterns = sorted({p for m in source.mappings.values() for p in m.files})
            raise LakehouseError(
                f"The landing folder {landing / folder} matches no entity of {source.place};"
                f" expected {', '.join(patterns)}: rename the folder, or map it there."
            )


def _refuse_common_gap(source: Source, mapping: EntityMapping, found: Survey, known: Files) -> None:
    """A column that every file lacks is the mapping's fault, not the files'.

    Where an earlier file had it, the source changed: its new files are set aside one by one.
    """
    entity = mapping.contract.entity
    seen = [p for key, p in found.probes.items() if key[0] == entity and p.columns is not None]
    if not seen or any(key[0] == entity and file.is_loadable for key, file in known.items()):
        return
    for column in sorted(mapping.needs):
        if all(column.lower() in p.missing for p in seen):
            place = next(key[1] for key, p in found.probes.items() if p is seen[0])
            raise LakehouseError(
                f"{source.place} needs the column {column} of {entity}, which no new file has"
                f" ({len(seen)} read; {place} has {', '.join(seen[0].columns or ())});"
                f" {_likely(column, seen[0].columns or ())}."
            )


def _likely(column: str, present: Iterable[str]) -> str:
    close = difflib.get_close_matches(column.lower(), [p.lower() for p in present], n=1, cutoff=0.5)
    return f"if it is now {close[0]}, map it so" if close else "correct the mapping or the files"


def _mark_replays(
    landing: Path, source: Source, found: Survey, batch: str, snapshots: frozenset[str]
) -> None:
    """Equal content under another path is a replay, where nothing is read from the path.

    A full snapshot is none: that all is as it was is what it says of its date. A replay counts
    again once the file it repeats was corrected: order of arrival is no matter.
    """
    held = {(f.entity, f.checksum) for f in found.files.values() if f.is_loadable}
    for key, file in sorted(found.files.items()):
        counts = file.entity in snapshots or (file.entity, file.checksum) not in held
        if file.status == "replay" and counts:
            found.files[key] = replace(file, status="registered", reason=None)
            held.add((file.entity, file.checksum))
    first: dict[tuple[str, str], str] = {}
    for key, file in sorted(found.files.items(), key=lambda item: item[1].batch_id == batch):
        if not file.is_loadable or file.entity in snapshots:
            continue
        original = first.setdefault((file.entity, file.checksum), file.path)
        if original == file.path or key not in found.probes:
            continue
        if is_dated_by_record(landing / file.path, source.mappings[file.entity]):
            found.files[key] = replace(file, status="replay", reason=f"same content as {original}")


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def new_batch() -> str:
    """A batch id that sorts by time."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
