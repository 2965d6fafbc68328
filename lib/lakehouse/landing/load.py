"""Loading landed files into a raw table: the scope ``files``."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DataType

from lakehouse import plain, register, storage
from lakehouse.build import Outcome
from lakehouse.catalogue import Table
from lakehouse.declare import BATCH_ID, LOADING, SOURCE_FILE
from lakehouse.frame import Frame, Verdict
from lakehouse.landing import copy
from lakehouse.landing.believe import refused, settle
from lakehouse.landing.bronze import Batch, read
from lakehouse.landing.ledger import LandingFile, Ledger, Survey
from lakehouse.landing.probe import Probe, probe
from lakehouse.landing.source import Contract, EntityMapping
from lakehouse.log import Log, Record, create_from_json
from lakehouse.schema import parse, quoted, struct
from lakehouse.storage import Place
from lakehouse.write import Target, files_and_bytes, progress

_LEDGER = threading.Lock()
Loaded = dict[tuple[str, str], LandingFile]


def load_files(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    found: Survey,
    loaded: Loaded,
) -> Outcome:
    """Replace the rows of the verdict's files; a file that Spark cannot read is set aside.

    ``loaded`` receives the ledger rows of the files whose records are now in bronze.
    """
    table = verdict.table
    assert table.entity is not None
    target = Target(table, frame.path(table))
    mapping = frame.source.mappings.get(table.entity) or EntityMapping(
        Contract(table.entity, table.declaration.schema), ()
    )
    probes = {path: _probe(frame, mapping, found, path) for path in verdict.files}
    seen_by = {path: found.files[table.entity, path].batch_id for path in probes}
    batch = Batch(frame.batch, seen_by)
    try:
        taken = _load(spark, frame, verdict, found, mapping, probes, batch)
    except Exception:
        readable = _set_aside_unreadable(spark, frame, mapping, found, probes, batch)
        if len(readable) == len(probes):
            raise
        taken = _load(spark, frame, verdict, found, mapping, readable, batch)
    _note_loaded(target, found, table.entity, {path: probes[path] for path in taken}, batch, loaded)
    rows_written, files, size = files_and_bytes(target.path)
    return Outcome(
        table.full_name,
        "built",
        verdict.reason,
        "whole" if verdict.whole else "part",
        rows=rows_written,
        files=files,
        bytes=size,
    )


def _load(
    spark: SparkSession,
    frame: Frame,
    verdict: Verdict,
    found: Survey,
    mapping: EntityMapping,
    probes: dict[str, Probe],
    batch: Batch,
) -> list[str]:
    """Replace the records of the files in one commit; returns the paths that were taken."""
    target, entity = Target(verdict.table, frame.path(verdict.table)), verdict.table.entity
    removed = list[str]()
    if probes and entity in frame.snapshots:
        landed = read(spark, frame.landing, mapping, probes, batch, {})
        reasons = refused(spark, frame, verdict, list(probes), landed)
        with _LEDGER:
            settle(frame, found, str(entity), list(probes), reasons)
        removed = [path for path in reasons if path in verdict.held]
        probes = {path: seen for path, seen in probes.items() if path not in reasons}
    record = _renewed(frame, verdict.record)
    if not probes and not removed:
        _create_empty(target)
        progress(target, record)
        return []
    known = removed or any(path in probes for path in verdict.known)
    replaced = [*probes, *removed] if known and Log(target.path).file_count else []
    if not replaced and _copied(frame, target, mapping, probes, batch, record):
        return list(probes)
    present = _present(spark, target)
    if probes:
        rows = read(spark, frame.landing, mapping, probes, batch, present)
    else:
        rows = storage.read(spark, target.path).limit(0)
    _write(spark, target, rows, replaced, record, present)
    return list(probes)


def _copied(
    frame: Frame,
    target: Target,
    mapping: EntityMapping,
    probes: dict[str, Probe],
    batch: Batch,
    record: Record,
) -> bool:
    """Whether new files that fit the table as they are were added without Spark."""
    schema = copy.fitting(frame.landing, mapping, probes, target.path)
    if schema is None:
        return False
    _create(target, DeltaSchema.from_arrow(schema).to_json())
    copy.append(target.path, frame.landing, probes, schema, batch, record)
    return True


def _probe(frame: Frame, mapping: EntityMapping, found: Survey, path: str) -> Probe:
    key = (mapping.contract.entity, path)
    return found.probes.get(key) or probe(frame.landing / path, mapping)


def _present(spark: SparkSession, target: Target) -> dict[str, DataType]:
    if not Log(target.path).exists:
        return {}
    frame = storage.read(spark, target.path)
    return {field.name: field.dataType for field in frame.schema.fields}


def _create_empty(target: Target) -> None:
    """The raw table of an entity that has not landed, in the contract's types."""
    ddl = f"{target.table.declaration.schema}, {LOADING}"
    _create(target, struct(parse(ddl)).json())


def _create(target: Target, schema: str) -> None:
    """An empty raw table with the declared comments, in the types that landed (as JSON)."""
    comments = _comments(target.table)
    fields = [
        f | {"nullable": True, "metadata": {"comment": comments.get(f["name"], "")}}
        for f in json.loads(schema)["fields"]
    ]
    schema_json = json.dumps({"type": "struct", "fields": fields})
    create_from_json(target.path, schema_json, target.table.comment, (), target.table.filtered)


def _comments(table: Table) -> dict[str, str]:
    return {c.name: c.comment for c in (*table.columns, *parse(LOADING))}


def _write(
    spark: SparkSession,
    target: Target,
    rows: DataFrame,
    replaced: Sequence[str],
    record: Record,
    present: dict[str, DataType],
) -> None:
    """One commit that replaces the files' rows; all rows, recast, where a column widens."""
    _create(target, rows.schema.json())
    writer = rows.write.format("delta").mode("overwrite")
    options = {"userMetadata": record.json(), "mergeSchema": "true"}
    kinds = {field.name: field.dataType for field in rows.schema.fields}
    listed = F.col(SOURCE_FILE).isin(*replaced)
    if any(kinds.get(name, kind) != kind for name, kind in present.items()):
        old = storage.read(spark, target.path).where(~listed)
        recast = old.select(*[F.col(n).cast(kinds.get(n, t)).alias(n) for n, t in present.items()])
        rows = rows.unionByName(recast, allowMissingColumns=True)
        comments = _comments(target.table)
        rows = rows.select(
            *[F.col(n).alias(n, metadata={"comment": comments.get(n, "")}) for n in rows.columns]
        )
        writer = rows.write.format("delta").mode("overwrite")
        options = {"userMetadata": record.json(), "overwriteSchema": "true"}
    elif not replaced and (table := _as_it_is(target.path, kinds)):
        place = cast(Path, target.path)
        if not register.append(rows, table, place, target.table.filtered, record):
            progress(target, record)
        return
    elif not replaced:
        writer = writer.mode("append")
    else:
        literals = ", ".join(quoted(path) for path in replaced)
        options["replaceWhere"] = f"{SOURCE_FILE} IN ({literals})"
    storage.save(writer.options(**options), target.path)


def _as_it_is(place: Place, kinds: Mapping[str, DataType]) -> DeltaTable | None:
    """The raw table, where it has all these columns already and takes their files without Delta."""
    table = register.opened(place)
    there = plain.schema(table) if table else None
    held = {field.name: field.dataType for field in there.fields} if there else {}
    return table if kinds.items() <= held.items() else None


def _set_aside_unreadable(
    spark: SparkSession,
    frame: Frame,
    mapping: EntityMapping,
    found: Survey,
    probes: dict[str, Probe],
    batch: Batch,
) -> dict[str, Probe]:
    """Try each file alone; register those that fail as set aside, and return the others."""
    readable = {}
    for path, seen in probes.items():
        try:
            rows = read(spark, frame.landing, mapping, {path: seen}, batch, {})
            rows.write.format("noop").mode("overwrite").save()
            readable[path] = seen
        except Exception as error:
            reason = next(line for line in f"{error}\n?".split("\n") if line.strip())[:200]
            key = (mapping.contract.entity, path)
            broken = replace(found.files[key], status="set_aside", reason=reason)
            with _LEDGER:
                found.files[key] = broken
                found.newly_set_aside.append(broken)
    with _LEDGER:  # the ledger must say so before a commit claims to be built from it
        Ledger(frame.lake).write(found.files, frame.record)
    return readable


def _renewed(frame: Frame, record: Record) -> Record:
    log = Log(Ledger(frame.lake).path)
    return replace(record, built_from={"landing_files": [log.id, log.version]})


def _note_loaded(
    target: Target,
    found: Survey,
    entity: str,
    taken: Mapping[str, Probe],
    batch: Batch,
    loaded: Loaded,
) -> None:
    """Note the files that were loaded: their records in bronze, and as counted in the files."""
    counts = storage.counted(target.path, SOURCE_FILE, {BATCH_ID: batch.id})
    for path, seen in taken.items():
        loaded[entity, path] = replace(
            found.files[entity, path],
            status="loaded",
            row_count=counts.get(path, 0),
            landed_rows=seen.records,
        )
