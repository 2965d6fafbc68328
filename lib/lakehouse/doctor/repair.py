"""Mending a table of this lake: the keys or days concerned are built again from its inputs.

A repair is a build of the table, with one commit and its record, that besides what changed inputs
reach makes again what is ill and what somebody wrote past the builds since the last record.
"""

from collections.abc import Iterable
from functools import reduce

from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse import quality
from lakehouse.build import affected_part
from lakehouse.catalogue import Table
from lakehouse.changes import WHOLE, Affected, within
from lakehouse.declare import Days, Keys
from lakehouse.errors import LakehouseError
from lakehouse.expressions import any_of, as_json
from lakehouse.failures import explain
from lakehouse.feed import NET, Pinned, changed_rows, unreadable
from lakehouse.frame import Frame, Verdict
from lakehouse.landing.ledger import Survey
from lakehouse.log import Log, Record
from lakehouse.plan import judge
from lakehouse.schema import names
from lakehouse.write import Target, made, merge, store


def mend(
    spark: SparkSession, frame: Frame, table: Table, ill: DataFrame, dry_run: bool
) -> DataFrame:
    """Build again what ``ill`` names by the table's scope columns; nothing where ``dry_run``.

    Returns what it changes; grain: one row per key or day, with rows added, removed and changed.
    Raises LakehouseError, with nothing written, where the table cannot be built.
    """
    target = Target(table, frame.path(table))
    log = Log(target.path)
    version, record = _last_record(log)
    verdict = judge(frame, table, Survey(), record)
    part = _part(spark, frame, verdict, ill, Pinned(log.path, log.version, version))
    try:
        rows = quality.stopped(made(spark, frame, verdict, part), table, frame.conf)
        present = Pinned(log.path, log.version, None).read(spark)
        # Before the write, and cut off from the table: a cache would be made again of what is new.
        moved = difference(within(table, present, part), rows, table).localCheckpoint()
        if not dry_run:
            store(rows, target, part, verdict.record, by_key=_swap_keys)
        return moved
    except PySparkException as error:
        raise LakehouseError(explain(error, table)) from None
    finally:
        if part.keys is not None:
            part.keys.unpersist()


def _last_record(log: Log) -> tuple[int | None, Record | None]:
    """The newest commit with a record, whoever wrote after it; none if a RESTORE lies between."""
    for commit in log.commits():
        if commit["operation"] == "RESTORE":
            break
        if record := Record.parse(commit.get("userMetadata")):
            return commit["version"], record
    return None, None


def _part(
    spark: SparkSession, frame: Frame, verdict: Verdict, ill: DataFrame, own: Pinned
) -> Affected:
    """The part to build again; whole where a build would be, or where no change feed tells less."""
    table = verdict.table
    scope = table.declaration.scope
    if verdict.whole or not isinstance(scope, Days | Keys):
        return WHOLE
    parts = [_scope_values(ill, scope)]
    if isinstance(scope, Keys) and not parts[0].where(_any_is_null(scope.columns)).isEmpty():
        return WHOLE  # which key a row without one was lost from, nothing tells
    reached = Affected(days=frozenset())
    if verdict.changed or verdict.as_of_days:
        reached, _ = affected_part(spark, frame, verdict)
        if reached.is_whole:
            return WHOLE
    try:
        if own.built is not None and own.built < own.version:
            written = changed_rows(spark, list(names(table.declaration.schema)), own)
            parts.append(_scope_values(written, scope))
        parts += [reached.keys] if reached.keys is not None else []
        values = reduce(DataFrame.unionByName, parts).distinct()
        if isinstance(scope, Days):
            days = {day for (day,) in values.collect() if day is not None}
            return Affected(days=frozenset(days) | (reached.days or set()))
        keys = values.persist()
        return Affected(keys=keys, key_count=keys.count())
    except Exception as error:
        if unreadable(error) is None:
            raise
        return WHOLE


def _scope_values(rows: DataFrame, scope: Days | Keys) -> DataFrame:
    """The days, or the keys as text, by which rows belong to a part of the table."""
    if isinstance(scope, Days):
        return rows.select(scope.column)
    return rows.select(*[F.col(name).cast("string").alias(name) for name in scope.columns])


def _any_is_null(columns: Iterable[str]) -> Column:
    return any_of(F.col(name).isNull() for name in columns)


def difference(present: DataFrame, wanted: DataFrame, table: Table) -> DataFrame:
    """What turns the present rows into the wanted ones, repeated rows counted each.

    Grain: one row per value of the scope columns, as JSON in ``part``: rows added, removed, and
    changed, which are those that stay under their key with other content.
    """
    scope = table.declaration.scope
    by = [scope.column] if isinstance(scope, Days) else list(getattr(scope, "columns", ()))
    signed = [
        rows.select(*wanted.columns, F.lit(sign).alias(NET))
        for rows, sign in ((present, -1), (wanted, 1))
    ]
    net = signed[0].unionByName(signed[1]).groupBy(*wanted.columns).agg(F.sum(NET).alias(NET))
    more, less = F.sum(F.greatest(NET, F.lit(0))), F.sum(F.greatest(-F.col(NET), F.lit(0)))
    identity = list(dict.fromkeys([*by, *table.declaration.key]))
    rows = net.where(f"{NET} <> 0").groupBy(*identity).agg(more.alias("more"), less.alias("less"))
    same = F.least("more", "less")
    part = as_json(by) if by else F.lit("all")
    return rows.groupBy(part.alias("part")).agg(
        F.sum(F.col("more") - same).alias("added"),
        F.sum(F.col("less") - same).alias("removed"),
        F.sum(same).alias("changed"),
    )


def _swap_keys(rows: DataFrame, target: Target, part: Affected, record: Record) -> None:
    """Delete every row of the affected keys and insert ``rows``, in one MERGE.

    Rows are told apart by the scope's columns alone, null equal to null: where a table is ill its
    own key may be there twice.
    """
    assert part.keys is not None
    scope = part.keys.columns
    numbered = {name: f"_k{i}" for i, name in enumerate(scope)}
    nothing = [F.lit(None).cast(f.dataType).alias(f.name) for f in rows.schema.fields]
    old = part.keys.select(
        *[F.col(name).alias(k) for name, k in numbered.items()], F.lit(True).alias("_old")
    ).select("*", *nothing)
    new = rows.select(
        *[F.lit(None).cast("string").alias(k) for k in numbered.values()],
        F.lit(False).alias("_old"),
        "*",
    )
    same = [f"CAST(t.`{name}` AS STRING) <=> s.{k}" for name, k in numbered.items()]
    columns = ", ".join(f"`{name}`" for name in rows.columns)
    values = ", ".join(f"s.`{name}`" for name in rows.columns)
    merge(
        old.unionByName(new),
        target,
        record,
        f"ON s._old AND {' AND '.join(same)}"
        " WHEN MATCHED THEN DELETE"
        f" WHEN NOT MATCHED AND NOT s._old THEN INSERT ({columns}) VALUES ({values})",
    )
