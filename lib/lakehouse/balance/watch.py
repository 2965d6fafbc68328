"""What is odd in what landed: an entity behind the others, a day with few rows, values that drift.

No clock is asked: a day is late, low or different against the other days in the lake.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from math import log

import duckdb

from lakehouse.balance.dispositions import Staged
from lakehouse.catalogue import Table

# A day is held against the same weekday of so many weeks before, of which two must be there.
WEEKS, FEWEST_WEEKS = 4, 2
# Bins of equal size in the days before, in which the last days' share is held against a tenth.
BINS = 10
RECENT_DAYS, LEAST_VALUES = 7, 200


@dataclass(frozen=True)
class Limits:
    """When to warn: days behind, share of the usual rows, and population stability index."""

    days_behind: int
    least_share: float
    most_drift: float


@dataclass(frozen=True)
class Finding:
    """One oddity of a table."""

    table: str
    kind: str
    sentence: str


def findings(
    connection: duckdb.DuckDBPyConnection, tables: list[Staged], limits: Limits
) -> Iterator[Finding]:
    """Everything odd in the staging tables that have days."""
    daily = {
        one.table.full_name: _daily(connection, one.table) for one in tables if _day(one.table)
    }
    yield from late(daily, limits.days_behind)
    for table, counts in daily.items():
        yield from few(table, counts, limits.least_share)
    for one in tables:
        if _day(one.table):
            yield from drifted(connection, one, limits.most_drift)


def _day(table: Table) -> str | None:
    return table.declaration.scope.partition


def _daily(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[date, int]:
    day = _day(table)
    sql = f"SELECT {day}, count(*) FROM {table.full_name} GROUP BY 1 ORDER BY 1"
    return dict(connection.execute(sql).fetchall())


def late(daily: dict[str, dict[date, int]], most: int) -> Iterator[Finding]:
    """Tables whose last full day lies behind that of the others."""
    ends = {table: _last_usual(counts) for table, counts in daily.items() if counts}
    newest = max(ends.values(), default=date.min)
    for table, end in ends.items():
        behind = (newest - end).days
        if behind > most:
            text = f"ends on {end}, {behind} days behind the newest day in the lake ({newest})"
            yield Finding(table, "freshness", text)


def _last_usual(counts: dict[date, int]) -> date:
    """The last day with a twentieth of the median day's rows: a row dated 2099 makes no day."""
    usual = sorted(counts.values())[len(counts) // 2]
    return max(day for day, count in counts.items() if count * 20 >= usual)


def few(table: str, counts: dict[date, int], least: float) -> Iterator[Finding]:
    """Days with less than a share of their usual rows, days without any included."""
    if not counts:
        return
    first, last = min(counts), _last_usual(counts)
    for number in range(first.toordinal() + 1, last.toordinal() + 1):
        day = date.fromordinal(number)
        weekdays = [date.fromordinal(number - 7 * week) for week in range(1, WEEKS + 1)]
        before = [counts.get(one, 0) for one in weekdays if one >= first]
        usual = sum(before) / len(before) if len(before) >= FEWEST_WEEKS else 0
        if usual and counts.get(day, 0) <= least * usual:
            text = f"{day} has {counts.get(day, 0):,} rows, where {usual:,.0f} are usual"
            yield Finding(table, "volume", text)


def drifted(
    connection: duckdb.DuckDBPyConnection, staged: Staged, most: float
) -> Iterator[Finding]:
    """Measures whose values of the last days are spread otherwise than in the weeks before."""
    table, day = staged.table.full_name, _day(staged.table)
    end = _last_usual(_daily(connection, staged.table) or {date.min: 1})
    for measure, sql in staged.table.declaration.measures.items():
        values = f"""
            SELECT CAST({sql} AS DOUBLE) AS value, {day} > DATE '{end}' - {RECENT_DAYS} AS is_recent
            FROM {table}
            WHERE {day} BETWEEN DATE '{end}' - {RECENT_DAYS * (WEEKS + 1) - 1} AND DATE '{end}'"""
        edges, recent, before = connection.execute(
            f"""SELECT quantile_disc(value, {[n / BINS for n in range(1, BINS)]})
                           FILTER (NOT is_recent),
                       count(value) FILTER (is_recent), count(value) FILTER (NOT is_recent)
                FROM ({values})"""
        ).fetchone() or (None, 0, 0)
        if min(recent, before) < LEAST_VALUES:
            continue
        cuts = sorted(set(edges or ()))
        binned = connection.execute(
            f"""SELECT len(list_filter({cuts}, lambda edge: edge < value)) AS bin,
                       count(*) FILTER (is_recent), count(*) FILTER (NOT is_recent)
                FROM ({values}) WHERE value IS NOT NULL GROUP BY 1"""
        ).fetchall()
        index = stability(
            [(now / recent, then / before) for _, now, then in binned], 1 / max(recent, before)
        )
        if index > most:
            text = (
                f"{measure} of the {RECENT_DAYS} days to {end} is spread otherwise than in the"
                f" {WEEKS} weeks before (stability index {index:.2f}, at most {most} is usual)"
            )
            yield Finding(table, "drift", text)


def stability(shares: list[tuple[float, float]], least: float) -> float:
    """Population stability index: the sum of (now - then) x ln(now / then) over bins.

    0 where nothing moved; above 0.2 is the usual alarm (Siddiqi, Credit Risk Scorecards, 2006).
    An empty bin counts as the share ``least``.
    """
    pairs = [(max(now, least), max(then, least)) for now, then in shares]
    return sum((now - then) * log(now / then) for now, then in pairs)
