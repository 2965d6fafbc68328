"""What a build has to do for a raw table: which landed files it lacks, or holds otherwise."""

import hashlib
from dataclasses import replace

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.conf import lookup
from lakehouse.declare import SOURCE_FILE
from lakehouse.frame import LIMIT, Frame, Verdict
from lakehouse.landing.ledger import NAME, Files, Ledger, Survey
from lakehouse.log import Log, Record


def judge_raw(frame: Frame, table: Table, survey: Survey) -> Verdict:
    """The verdict on a raw table as landing and lake stand now."""
    assert table.entity is not None
    ledger = Ledger(frame.lake)
    mapping = frame.source.mappings.get(table.entity)
    text = hashlib.sha256((mapping.text if mapping else "").encode()).hexdigest()[:16]
    built = Log(frame.path(table)).record()
    log = Log(ledger.path)
    limit = {LIMIT: lookup(frame.conf, LIMIT)} if table.entity in frame.snapshots else {}
    record = Record(
        built_from={NAME: [log.id, log.version]},
        fingerprint=table.fingerprint,
        settings={"mapping": text} | limit,
        batch=frame.batch,
        source=frame.source.name,
    )
    files = {file.path: file for file in survey.of(table.entity).values()}
    there = [file for file in files.values() if (frame.landing / file.path).is_file()]
    present = {file.path for file in there if file.is_loadable}
    doubted = {file.path for file in there if file.status == "refused"}
    before = _ledger_of(built, ledger)
    then = {} if before is None else {k: f for k, f in before.items() if k[0] == table.entity}
    same = [path for path, content in _loadable(then).items() if files[path].checksum == content]
    held = frozenset(same)
    if reason := _whole_reason(frame, record, built, before):
        every = tuple(sorted(present | doubted))
        return Verdict(table, reason, record, True, files=every, known=every, held=held)
    new = present - held
    chosen = tuple(sorted(new | doubted)) if new else ()
    known = tuple(path for path in chosen if (table.entity, path) in then)
    return Verdict(table, _counted(new), record, files=chosen, known=known, held=held)


def note_held(frame: Frame, found: Survey) -> None:
    """Say of files that bronze holds that it does, where a build died before the ledger said so."""
    for table in frame.catalogue.tables.values():
        mine = found.of(table.entity) if table.entity else {}
        left = [k for k, f in mine.items() if f.status == "registered" and k not in found.probes]
        held = judge_raw(frame, table, found).held if left else frozenset()
        if not held.intersection(path for _, path in left):
            continue
        rows = storage.counted(frame.path(table), SOURCE_FILE)
        for key in left:
            if key[1] in held:
                count = rows.get(key[1], 0)
                found.files[key] = replace(mine[key], status="loaded", row_count=count)


def _counted(files: set[str]) -> str:
    if not files:
        return ""
    return f"{len(files)} new file{'s' if len(files) > 1 else ''}"


def _whole_reason(frame: Frame, record: Record, built: Record | None, before: Files | None) -> str:
    if built is None:
        return "no record of what it was built from"
    if frame.full_refresh:
        return "full refresh"
    if built.fingerprint != record.fingerprint or built.settings != record.settings:
        return "its mapping, contract or limit changed"
    if before is None:
        return "the file ledger it was built from is gone"
    return ""


def _ledger_of(built: Record | None, ledger: Ledger) -> Files | None:
    """The files as a raw table was built from them; None where nobody can tell."""
    table_id, version = (built.built_from.get(NAME) if built else None) or ("", 0)
    if table_id != Log(ledger.path).id:
        return None
    try:
        return ledger.read(version)
    except Exception:  # the version is gone from the log: the record cannot be used
        return None


def _loadable(files: Files) -> dict[str, str]:
    """Checksum by path of the files whose records belong in bronze."""
    return {f.path: f.checksum for f in files.values() if f.is_loadable}
