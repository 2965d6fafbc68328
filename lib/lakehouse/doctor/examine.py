"""What is wrong with a history: one pass of windows by key, and one join for the facts.

Rows with a null key or a null start have no place in time: they are counted as such and compared
with nothing. Of rows equal in key and interval one is looked at, the others are duplicates.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.doctor.subject import Facts, Names
from lakehouse.expressions import all_of, as_json
from lakehouse.schema import identifier
from lakehouse.type2 import NOT_APPLICABLE, UNKNOWN, holds

# By name, what each says of the rows that it counts.
ILLNESSES = {
    "null_key": "a key column is null",
    "null_start": "the start is null",
    "empty_interval": "ends at or before its start",
    "duplicate_version": "repeats the key and interval of another row",
    "overlap": "starts before an earlier version of its key ends",
    "several_current": "is current beside another current version of its key",
    "wrong_current": "the current flag and the open end disagree",
    "equal_neighbours": "follows a version with the same attributes without a gap",
    "fact_without_version": "a fact points at no version",
    "fact_out_of_time": "a fact points at a version not valid at its time",
}
# Not wrong by themselves: a deleted key has both.
NOTES = {
    "gap": "starts after every earlier version of its key has ended",
    "no_open_version": "the key has no open version",
}
OF_FACTS = ("fact_without_version", "fact_out_of_time")
OF_VERSIONS = tuple(name for name in (*ILLNESSES, *NOTES) if name not in OF_FACTS)
MEMBERS = (UNKNOWN, NOT_APPLICABLE)
ILLNESS, RECORD_KEY, FINDINGS = "illness", "record_key", "findings"
_FOREVER = "9999-12-31 23:59:59.999999"


def ill_keys(rows: DataFrame, names: Names) -> DataFrame:
    """Grain: one row per key with a finding, and how many of its rows are wrong in which way.

    ``_k0``, ``_k1`` and so on are the key, ``record_key`` is it as JSON; the rest is OF_VERSIONS.
    """
    parts = _parts(names)
    flagged = F.coalesce("_current", F.lit(False))
    in_time = Window.partitionBy(*parts).orderBy("_start", "_end", flagged.desc(), "_same")
    before = in_time.rowsBetween(Window.unboundedPreceding, -1)
    placed = F.col("_known") & F.col("_start").isNotNull()
    interval = F.struct("_start", "_end")
    repeats = placed & interval.eqNullSafe(F.lag(interval).over(in_time))
    single = F.when(F.col("_sound"), F.struct("_end", "_same"))
    rows = _renamed(rows, names).withColumns({"_placed": placed, "_repeats": repeats})
    rows = rows.withColumn("_sound", F.expr("_placed AND NOT _repeats AND _end > _start"))
    rows = rows.withColumns(
        {
            "_reached": F.max(F.expr("if(_sound, _end, NULL)")).over(before),
            "_previous": F.last(single, ignorenulls=True).over(before),
        }
    )
    counts = rows.groupBy(*parts).agg(*[c.alias(name) for name, c in _counts(names).items()])
    return counts.where(F.greatest(*OF_VERSIONS) > 0).withColumn(RECORD_KEY, _owner(names))


def _counts(names: Names) -> dict[str, Column]:
    """Rows of a key by what is wrong with them."""
    equal = "_previous._end = _start AND _previous._same <=> _same" if names.tracked else "false"
    wrong = {
        "null_key": "NOT _known",
        "null_start": "_known AND _start IS NULL",
        "empty_interval": "_placed AND _end <= _start",
        "duplicate_version": "_repeats",
        "overlap": "_sound AND _start < _reached",
        "wrong_current": "_known AND NOT (_current <=> _open)",
        "equal_neighbours": f"_sound AND {equal}",
        "gap": "_sound AND _start > _reached",
    }
    current = "greatest(count_if(_placed AND NOT _repeats AND _current) - 1, 0)"
    ended = "CAST(count_if(_placed) > 0 AND count_if(_placed AND _open) = 0 AS BIGINT)"
    counted = {name: F.expr(f"count_if({sql})") for name, sql in wrong.items()}
    return counted | {"several_current": F.expr(current), "no_open_version": F.expr(ended)}


def wrong_facts(facts: DataFrame, how: Facts, rows: DataFrame, names: Names) -> DataFrame:
    """The facts that point nowhere or at a version not valid at their time.

    Grain: one row per such fact, its columns as they are, with ``illness`` and ``record_key``: the
    version's key where there is one, else what the fact points by. Members are always valid.
    """
    refers = [f"_r{i}" for i in range(len(how.refers))]
    intervals = F.collect_list(F.struct("_start", "_end")).alias("_spans")
    versions = _renamed(rows, names, how.refers).withColumn("_owner", _owner(names))
    spans = versions.groupBy(*refers).agg(intervals, F.min("_owner").alias("_owner"))
    pairs = [_column(name) == F.col(r) for name, r in zip(how.key, refers, strict=True)]
    at = _column(how.at).cast("timestamp")
    valid = F.exists("_spans", lambda span: holds(at, span["_start"], span["_end"]))
    illness = F.when(F.col("_spans").isNull(), OF_FACTS[0]).when(
        ~F.coalesce(valid, F.lit(False)), OF_FACTS[1]
    )
    pointer = as_json(_column(name) for name in how.key)
    if how.refers == (names.surrogate,):
        facts = facts.where(~_is_member(how.key[0]))
    return (
        facts.join(spans, all_of(pairs), "left")
        .withColumns({ILLNESS: illness, RECORD_KEY: F.coalesce("_owner", pointer)})
        .where(F.col(ILLNESS).isNotNull())
        .drop("_spans", "_owner", *refers)
    )


def long(keys: DataFrame, facts: DataFrame | None) -> DataFrame:
    """Grain: one row per illness and key, with its findings (rows of the table or its facts)."""
    pairs = ", ".join(f"'{name}', `{name}`" for name in OF_VERSIONS)
    stacked = keys.selectExpr(
        RECORD_KEY, f"stack({len(OF_VERSIONS)}, {pairs}) AS ({ILLNESS}, {FINDINGS})"
    ).where(f"{FINDINGS} > 0")
    if facts is None:
        return stacked
    counted = facts.groupBy(ILLNESS, RECORD_KEY).agg(F.count("*").alias(FINDINGS))
    return stacked.unionByName(counted)


def _renamed(rows: DataFrame, names: Names, refers: tuple[str, ...] = ()) -> DataFrame:
    """Versions under names of our own, ends half-open and open ones for ever; no members."""
    if names.surrogate:
        rows = rows.where(~_is_member(names.surrogate))
    end = _column(names.end).cast("timestamp")
    is_open = end.isNull() | (end >= F.lit(names.open_end).cast("timestamp"))
    after = end + F.expr(f"INTERVAL 1 {names.end_includes}") if names.end_includes else end
    current = _column(names.current).try_cast("boolean") if names.current else is_open
    keys = [_column(name) for name in names.key]
    return rows.select(
        *[key.alias(part) for key, part in zip(keys, _parts(names), strict=True)],
        *[_column(name).alias(f"_r{i}") for i, name in enumerate(refers)],
        all_of(key.isNotNull() for key in keys).alias("_known"),
        _column(names.start).cast("timestamp").alias("_start"),
        F.when(is_open, F.lit(_FOREVER).cast("timestamp")).otherwise(after).alias("_end"),
        is_open.alias("_open"),
        current.alias("_current"),
        (F.struct(*map(_column, names.tracked)) if names.tracked else F.lit(0)).alias("_same"),
    )


def _is_member(column: str) -> Column:
    """Whether the row is one that every dimension has, or points at it; never null."""
    number = _column(column).try_cast("bigint")
    return F.coalesce(number.isin(*MEMBERS), F.lit(False))


def _parts(names: Names) -> list[str]:
    return [f"_k{i}" for i in range(len(names.key))]


def _owner(names: Names) -> Column:
    """The key of renamed rows as JSON."""
    pairs = zip(_parts(names), names.key, strict=True)
    return as_json(F.col(part).alias(name) for part, name in pairs)


def _column(name: str) -> Column:
    return F.col(identifier(name))
