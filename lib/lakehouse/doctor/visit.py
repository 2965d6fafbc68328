"""One visit of the doctor: look over, say what was found, and mend it where that was asked."""

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import storage
from lakehouse.catalogue import Table
from lakehouse.declare import History
from lakehouse.doctor.examine import NOTES, OF_VERSIONS, ill_keys, long, wrong_facts
from lakehouse.doctor.findings import SHOWN, Diagnosis, append, diagnosed, show_diagnosis
from lakehouse.doctor.repair import mend
from lakehouse.doctor.subject import Place, Subject
from lakehouse.errors import LakehouseError, first_line
from lakehouse.frame import Frame
from lakehouse.landing.ledger import Ledger
from lakehouse.lock import lake_lock
from lakehouse.query import show
from lakehouse.report import console
from lakehouse.session import start


def look_over(spark: SparkSession, subject: Subject, limit: int = 100) -> Diagnosis:
    """What is wrong with a table as it stands; ``limit`` keys are kept of each illness.

    Raises LakehouseError where Spark cannot read or compare what the names name.
    """
    try:
        keys = ill_keys(subject.place.read(spark), subject.names)
        found = long(keys, _wrong_facts(spark, subject)).persist()
        try:
            return diagnosed(found, limit)
        finally:
            found.unpersist()
    except PySparkException as error:
        reason = first_line(error)
        raise LakehouseError(f"{subject.place.title} cannot be looked over: {reason}") from None


def visit(
    frame: Frame,
    subject: Subject,
    *,
    strict: bool = False,
    repair: bool = False,
    dry_run: bool = False,
    limit: int = 100,
    into: storage.Place | None = None,
) -> int:
    """Look over, print, write ops.doctor_findings into the lake ``into``, and repair if asked.

    Returns 0 healthy (at the end), 1 ill. Raises LakehouseError, with nothing written, for a
    repair of what no catalogue can build again.
    """
    tables = _repairable(frame, subject) if repair else []
    spark, title = start(frame.conf, "doctor"), subject.place.title
    diagnosis = look_over(spark, subject, limit)
    show_diagnosis(title, diagnosis, subject.facts is not None, strict)
    if into is not None:
        append(into, frame.batch, title, diagnosis)
    if not repair or not diagnosis.is_ill(strict):
        return int(diagnosis.is_ill(strict))
    with lake_lock(frame.lake):
        for table in tables:
            _mend(spark, frame, subject, table, strict, dry_run)
    if dry_run:
        return 1
    diagnosis = look_over(spark, subject, limit)
    show_diagnosis(title, diagnosis, subject.facts is not None, strict)
    return int(diagnosis.is_ill(strict))


def _mend(
    spark: SparkSession, frame: Frame, subject: Subject, table: Table, strict: bool, dry_run: bool
) -> None:
    """Mend one of the subject's tables, and print what that changes."""
    is_history = table is subject.place.declared
    ill = _keys_to_mend(spark, subject, strict) if is_history else _wrong_facts(spark, subject)
    assert ill is not None
    moved = mend(spark, frame, table, ill, dry_run)
    kinds = ("added", "removed", "changed")
    total = moved.agg(*[F.coalesce(F.sum(kind), F.lit(0)) for kind in kinds]).first()
    most = moved.orderBy(F.desc(F.expr("added + removed + changed")), "part").limit(SHOWN)
    rows = [tuple(row) for row in most.collect()]
    assert total is not None
    show([table.full_name, *kinds], [*rows, ("in all", *total)])
    done = "is repaired" if any(total) else "needed no repair"
    console.print("Nothing was written (--dry-run)." if dry_run else f"{table.full_name} {done}.")


def _keys_to_mend(spark: SparkSession, subject: Subject, strict: bool) -> DataFrame:
    """The keys with an illness, under the names of the table's own."""
    counted = [name for name in OF_VERSIONS if strict or name not in NOTES]
    keys = ill_keys(subject.place.read(spark), subject.names)
    ill = keys.where(F.greatest(*counted) > 0)
    return ill.select(*[F.col(f"_k{i}").alias(n) for i, n in enumerate(subject.names.key)])


def _wrong_facts(spark: SparkSession, subject: Subject) -> DataFrame | None:
    facts = subject.facts
    if facts is None:
        return None
    versions = subject.place.read(spark)
    return wrong_facts(facts.place.read(spark), facts, versions, subject.names)


def _repairable(frame: Frame, subject: Subject) -> list[Table]:
    """The tables to mend, the history first.

    Raises LakehouseError where one is not of this lake's catalogue, or is known by another key,
    and where the lake holds another source.
    """
    Ledger(frame.lake).check_source(frame.source)
    places: list[Place] = [subject.place, *([subject.facts.place] if subject.facts else [])]
    tables = []
    for place in places:
        if place.declared is None:
            raise LakehouseError(
                f"{place.title} is no table of this lake's catalogue, so nothing here knows the"
                " events it was made from; repair it where it is made, or leave out --repair."
            )
        tables.append(place.declared)
    scope = tables[0].declaration.scope
    if not isinstance(scope, History) or scope.columns != subject.names.key:
        known = ", ".join(scope.columns) if isinstance(scope, History) else "none"
        raise LakehouseError(
            f"{tables[0].full_name} cannot be repaired by the key {', '.join(subject.names.key)};"
            f" the key of its declared history is {known}."
        )
    return tables
