"""Judging landed rows: casts to the contract, rules, and the split into good and quarantined.

Nothing is lost: a row that breaks its contract goes to ``ops.quarantine`` with its reasons and
the record as it landed, before the good rows are written.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlglot
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F
from sqlglot import exp

from lakehouse.catalogue import Table
from lakehouse.checks.rules import render, row_rules
from lakehouse.declare import BATCH_ID, DATE_IN_PATH, INGESTED_AT, ROW, SOURCE_FILE
from lakehouse.expressions import any_of, as_json, content, struct_as_json
from lakehouse.landing.scan import CORRUPT
from lakehouse.landing.source import Contract
from lakehouse.schema import quoted

# What the error of a broken stop rule begins with.
STOP = "stop rule:"
FAULTS, RECORD, REASONS = "_faults", "_record", "_reasons"
_LOADING = (ROW, INGESTED_AT, BATCH_ID)
# Keys with more than one row that are told apart from the others.
_FEW = 500_000
# Faults are one text until they reach the quarantine: good rows then cost an empty string each,
# where arrays would leave Spark's generated code.
_NEXT_FAULT, _REASON = "\x1e", "\x1f"
_REPLACED = "\ufffd"


def conform(raw: DataFrame, contract: Contract) -> DataFrame:
    """Raw records in the contract's types; what does not fit becomes null and a fault.

    Adds ``_faults`` (rules and reasons of the casts that failed, empty when none did),
    ``_record`` (the record as it landed), ``_source_file``, ``_row`` and ``_batch_id``.
    """
    landed = {field.name: field.dataType.simpleString() for field in raw.schema.fields}
    typed, faults = [], []
    for column in contract.columns:
        value = _cast(column.name, landed[column.name], column.type)
        typed.append(value.alias(column.name))
        if landed[column.name] != _simple(column.type) and column.type != "STRING":
            text = F.concat(
                F.lit(f"{column.name}: '"), _shown(column.name), F.lit(f"' is no {column.type}")
            )
            failed = F.col(column.name).isNotNull() & value.isNull()
            faults.append(_fault(f"{column.name} is {column.type}", failed, text))
    if CORRUPT in landed:
        text = F.lit("the line does not have the fields of its header")
        faults.append(_fault("record is whole", F.col(CORRUPT).isNotNull(), text))
        faults.append(_garbled(contract, landed))
    record = F.struct(*[c for c in raw.columns if c not in _LOADING])
    return raw.select(
        *typed,
        F.concat_ws(_NEXT_FAULT, *faults).alias(FAULTS),
        record.alias(RECORD),
        SOURCE_FILE,
        (F.col(ROW) if ROW in landed else F.lit(None).cast("bigint")).alias(ROW),
        BATCH_ID,
    )


def _garbled(contract: Contract, landed: Mapping[str, str]) -> Column:
    """The fault of a text file's record with bytes that are no UTF-8, which Spark replaces."""
    texts = [c.name for c in contract.columns if landed[c.name] == "string"]
    broken = [F.when(F.col(name).contains(_REPLACED), F.lit(name)) for name in texts]
    first = F.coalesce(*broken, F.lit(""))
    text = F.concat(first, F.lit(" holds bytes that are no UTF-8; land the file as UTF-8"))
    return _fault("text is UTF-8", first != "", text)


def _cast(name: str, landed: str, wanted: str) -> Column:
    """try_cast, but no fraction is cut off to make a whole number, and no day made up."""
    if landed == _simple(wanted):
        return F.col(name)
    value = F.expr(f"try_cast(`{name}` AS {wanted})")
    if landed == "string" and wanted.startswith("TIMESTAMP"):  # a time alone would be today's
        return F.when(F.col(name).rlike(r"^\s*[+-]?\d{4}"), value)
    has_fraction = landed in ("double", "float") or landed.startswith("decimal")
    if has_fraction and wanted in ("INT", "BIGINT"):
        return F.when(F.expr(f"`{name}` = floor(`{name}`)"), value)
    return value


def _simple(sql_type: str) -> str:
    return sql_type.lower()


def sequence(updated_at: Column | None = None) -> Column:
    """When an event happened, UTC: its updated_at, else the date in its file's name, else 1900.

    A folder's date counts where the name has none: the last date in the path is taken.
    Never the time of ingestion: arrival order must not matter.
    """
    # Most files' names begin with their date; telling it so costs a third of the expression. What
    # is used twice stands where it is always worked out: only there does Spark work it out once.
    name = F.substring_index(SOURCE_FILE, "/", -1)
    begins = F.substring(name, 1, 10)
    day = begins.try_cast("date")
    is_date = (day.cast("string") == begins) & (F.locate("-", name, 11) == 0)
    midnight = F.unix_date(day).cast("bigint") * 86_400 + F.when(is_date, 0)
    first = F.timestamp_seconds(midnight)
    last = F.regexp_extract(SOURCE_FILE, DATE_IN_PATH, 1).try_cast("timestamp")
    known = [updated_at] if updated_at is not None else []
    return F.coalesce(*known, first, last, F.lit("1900-01-01").cast("timestamp"))


def judged(
    rows: DataFrame, table: Table, conf: Mapping[str, Any], is_known: bool = True
) -> DataFrame:
    """Rows of a staging table with ``_reasons``: rules and reasons as one text, empty when good.

    ``_record`` becomes JSON: of the good ones too where earlier rejects are known, which the text
    of a good one could release. A delete made of what a snapshot lacks has no record; where it is
    ill-formed, there is nothing to keep.
    """
    may_lack_record = rows.schema[RECORD].nullable
    cast_fault = F.col(FAULTS) != ""
    failures, faults = [cast_fault], [F.when(cast_fault, F.col(FAULTS))]
    for column in table.columns:
        if column.required:
            name = f"{column.name} is present"
            failures.append(F.col(column.name).isNull())
            faults.append(_fault(name, failures[-1], F.lit(f"{column.name} is missing")))
    for rule in row_rules(table, "quarantine"):
        sql = render(rule, conf)
        failures.append(~F.coalesce(F.expr(sql), F.lit(True)))
        faults.append(_fault(rule.name, failures[-1], _explained(rule.name, sql)))
    # Of the many good rows none need have a text put together. Said of the same columns, not of
    # the reasons, the condition is worked out once, and a good record's JSON not at all.
    broken, record = any_of(failures), struct_as_json(F.col(RECORD))
    has_ties = table.declaration.ties == "quarantine"
    found = {
        REASONS: F.when(broken, F.concat_ws(_NEXT_FAULT, *faults)).otherwise(""),
        RECORD: record if is_known or has_ties else F.when(broken, record),
    }
    checked = rows.withColumns(found)
    if has_ties:
        checked = _without_ties(checked, table)
        if not is_known:
            checked = checked.withColumn(RECORD, F.when(is_rejected(), F.col(RECORD)))
    return checked.where(~is_rejected() | F.col(RECORD).isNotNull()) if may_lack_record else checked


def _without_ties(judged: DataFrame, table: Table) -> DataFrame:
    """Judged rows, of which the good ones that share their key and differ are rejected as well."""
    alike = _last_first(table).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    good = ~is_rejected()
    said, file = F.when(good, _content(table)), F.when(good, F.col(SOURCE_FILE))
    ends = {"_low": F.min(said), "_high": F.max(said), "_a": F.min(file), "_b": F.max(file)}
    files = F.array_join(F.array_distinct(F.array("_a", "_b")), ", ")
    text = F.concat(
        F.lit("tie: records that differ at "),
        *_values(table.declaration.key),
        F.concat(F.lit("; correct one of them ("), files, F.lit(")")),
    )
    tie = F.concat(F.lit(f"no ties{_REASON}"), text)
    tied = good & (F.col("_low") != F.col("_high"))
    compared = judged.withColumns({name: end.over(alike) for name, end in ends.items()})
    return compared.withColumn(REASONS, F.when(tied, tie).otherwise(F.col(REASONS))).drop(*ends)


def counts() -> tuple[Column, Column]:
    """Aggregates of judged rows: how many there are (judged), how many are rejected."""
    return F.count("*").alias("judged"), F.count_if(is_rejected()).alias("rejected")


def is_rejected() -> Column:
    """Whether a judged row breaks a rule."""
    return F.col(REASONS) != ""


def _fault(rule: str, failed: Column, reason: Column) -> Column:
    return F.when(failed, F.concat(F.lit(rule + _REASON), reason))


def _shown(column: str) -> Column:
    text = F.translate(F.col(column).cast("string"), _NEXT_FAULT + _REASON, "  ")
    return F.coalesce(text, F.lit("null"))


def _explained(name: str, sql: str) -> Column:
    """Rule broken: its name (with the values it looked at)."""
    columns = sorted({c.name for c in sqlglot.parse_one(sql, read="spark").find_all(exp.Column)})
    return F.concat(F.lit(f"broken: {name} ("), *_values(columns), F.lit(")"))


def _values(columns: Iterable[str]) -> list[Column]:
    """Parts of the text a = 1, b = 2."""
    parts: list[Column] = []
    for index, column in enumerate(columns):
        parts += [F.lit(f"{', ' if index else ''}{column} = "), _shown(column)]
    return parts


def rejected(rows: DataFrame, table: Table, scope_columns: Iterable[str]) -> DataFrame:
    """Rows with reasons, as ``ops.quarantine`` holds them; grain: one per rejected record.

    The record id hashes file, record and occurrence, so a second build finds the same records.
    """
    bad = rows.where(is_rejected())
    faults = F.split(REASONS, _NEXT_FAULT)
    same = Window.partitionBy(SOURCE_FILE, RECORD).orderBy(ROW)
    key = as_json(scope_columns)
    occurrence = F.row_number().over(same).cast("string")
    return bad.select(
        F.md5(F.concat_ws("\n", F.lit(table.name), SOURCE_FILE, RECORD, occurrence)).alias(
            "record_id"
        ),
        F.lit(table.name).alias("table_name"),
        key.alias("record_key"),
        _halves(faults, 1).alias("rules"),
        _halves(faults, 2).alias("reasons"),
        F.col(SOURCE_FILE).alias("source_file"),
        F.col(ROW).alias("row_no"),
        F.col(BATCH_ID).alias("batch_id"),
        F.current_timestamp().alias("first_seen_at"),
        F.col(RECORD).alias("raw_record"),
        F.lit("quarantined").alias("status"),
    )


def _halves(faults: Column, half: int) -> Column:
    return F.transform(faults, lambda fault: F.split_part(fault, F.lit(_REASON), F.lit(half)))


def kept(rows: DataFrame, table: Table, conf: Mapping[str, Any]) -> DataFrame:
    """What a staging table keeps of all its rows: of the good ones the newest per key."""
    good = judged(rows, table, conf).where(~is_rejected())
    return newest_per_key(good, table)


def newest_per_key(rows: DataFrame, table: Table, by: str | None = None) -> DataFrame:
    """One row per key: the last by the table's ``newest`` columns; content breaks ties.

    ``by`` is a column of the key whose equal values are brought, and stay, together: its order of
    rows then also serves a write partitioned by it, with no second shuffle.
    """
    last_first = _last_first(table, by)
    overall = last_first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    earliest = {
        column: F.when(F.col(column).isNotNull(), F.min(column).over(overall))
        for column in table.declaration.earliest
    }
    rows = rows.repartition(by) if by else rows
    ranked = rows.withColumns({"_rank": F.row_number().over(last_first)} | earliest)
    return ranked.where("_rank = 1").drop("_rank")


def newest_of_repeated(judged: DataFrame, table: Table) -> DataFrame:
    """The same of the good ones among judged rows that are many, few of whose keys have several.

    Only hashes of keys are moved to find those, before anything is judged; all other rows stay
    where they are.
    """
    hashed = F.xxhash64(*[F.col(name) for name in table.declaration.key])
    counts = judged.select(hashed.alias("_hash")).groupBy("_hash").count()
    repeated = counts.where("count > 1").select("_hash").localCheckpoint()
    found, good = repeated.count(), judged.where(~is_rejected())
    if found == 0:
        return good
    if found > _FEW:
        return newest_per_key(good, table)
    numbered, repeated = good.withColumn("_hash", hashed), F.broadcast(repeated)
    single = numbered.join(repeated, "_hash", "left_anti")
    newest = newest_per_key(numbered.join(repeated, "_hash", "left_semi"), table)
    return single.unionByName(newest).drop("_hash")


def _last_first(table: Table, by: str | None = None) -> WindowSpec:
    """The rows of a key, the newest first, in an order that depends on their content alone."""
    declaration = table.declaration
    key = sorted(declaration.key, key=lambda name: name != by)
    newest = [F.col(column).desc_nulls_last() for column in declaration.newest]
    return Window.partitionBy(*key).orderBy(*newest, _content(table).desc())


def _content(table: Table) -> Column:
    return content(column.name for column in table.columns)


def stopped(rows: DataFrame, table: Table, conf: Mapping[str, Any]) -> DataFrame:
    """Rows that fail the whole write, and say why, where a stop rule or NOT NULL is broken."""
    rules = {f"{c.name} is present": f"{c.name} IS NOT NULL" for c in table.columns if c.required}
    rules |= {rule.name: render(rule, conf) for rule in row_rules(table, "stop")}
    cases = [f"CASE WHEN NOT ({sql}\n) THEN {quoted(name)} END" for name, sql in rules.items()]
    broken = F.expr(f"coalesce({', '.join(cases)})")
    key = F.to_json(F.struct(*table.declaration.key))
    start, middle = F.lit(f"{STOP} {table.full_name}: '"), F.lit("' is broken at ")
    ended = F.raise_error(F.concat(start, broken, middle, key)).cast("boolean")
    return rows.where(F.when(broken.isNull(), F.lit(True)).otherwise(ended))
