"""How a table says what it is: inert records, read by the catalogue, the builder and the docs.

Declaring starts nothing: a decorator records and hands the function back unchanged.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar, Literal

from lakehouse.errors import LakehouseError

Severity = Literal["quarantine", "warn", "stop"]
Ties = Literal["newest", "quarantine"]
# What every raw table says of a record: the landed file it came from, its place there (from 1),
# when, and by which build.
SOURCE_FILE, ROW = "_source_file", "_row"
INGESTED_AT, BATCH_ID = "_ingested_at", "_batch_id"
LOADING = f"""
    {SOURCE_FILE} STRING COMMENT 'Landed file the record came from, below the landing folder',
    {ROW} BIGINT COMMENT 'Place of the record in its file, from 1',
    {INGESTED_AT} TIMESTAMP COMMENT 'When a build first saw the file, UTC',
    {BATCH_ID} STRING COMMENT 'Build that wrote the row'
"""
# The last date in a landed file's path, in its name before its folders: Python and Spark read it.
DATE_IN_PATH = r".*(\d{4}-\d{2}-\d{2})"
# Where the first version of a key starts and its open version ends, unless a history says else.
BEGINNING, OPEN_END = "1900-01-01", "9999-12-31"


# Scopes: what is rewritten together ---------------------------------------------------------
@dataclass(frozen=True)
class Whole:
    """The table is rewritten whole."""

    partition: ClassVar[None] = None


@dataclass(frozen=True)
class Days:
    """The days touched by a change are rewritten; the table is partitioned by ``column``.

    ``within`` is a whole-number column that cuts each day further, ``kernel`` another way to make
    the same rows. Of days in which few rows change, only the rows equal in ``rows_by`` to those are
    made again, if it says so.
    """

    column: str
    within: str | None = None
    kernel: "Kernel | None" = None
    rows_by: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        return self.column


@dataclass(frozen=True)
class Carry(Days):
    """Days made from an earlier one; ``kept`` is the setting of how many stay."""

    kept: str = ""


@dataclass(frozen=True)
class Keys:
    """The rows of the keys touched by a change are replaced by one MERGE."""

    columns: tuple[str, ...]
    partition: str | None = None


@dataclass(frozen=True)
class History(Keys):
    """Type 2: the versions of the keys touched by a change are derived again from all events."""

    tracked: tuple[str, ...] = ()
    last_known: tuple[str, ...] = ()
    sequence: tuple[str, ...] = ("sequence",)
    first_version: str | date = BEGINNING
    open_end: str | date = OPEN_END

    def __post_init__(self) -> None:
        what = f"of {', '.join(self.columns)}"
        if self.first_version != "event":
            _date(self.first_version, f"The first version {what} cannot start at", ", or event")
        _date(self.open_end, f"The open version {what} cannot end at")


def _date(text: str | date, cannot: str, alternative: str = "") -> None:
    try:
        date.fromisoformat(str(text))
    except ValueError:
        raise LakehouseError(
            f"{cannot} {text!r}; expected a date, as {BEGINNING}{alternative}."
        ) from None


@dataclass(frozen=True)
class Files:
    """Bronze: the rows of a landed file are replaced together."""

    entity: str
    partition: str | None = None


@dataclass(frozen=True)
class Changelog:
    """A log: what each commit of the first input changed is appended, and stays."""

    partition: str | None = None


Scope = Whole | Days | Keys | Files | Changelog
# A slice of a table to the rows of each of its days (lakehouse.slices.Slice, pyarrow.Table).
Kernel = Callable[[Any], Iterator[tuple[date, Any]]]


def partitions(scope: Scope) -> list[str]:
    """The columns by which a table's files lie in folders, outermost first."""
    return [c for c in (scope.partition, getattr(scope, "within", None)) if c]


def whole() -> Whole:
    """Rewrite the table whole; right for ranks, quintiles and small dimensions."""
    return Whole()


def days(
    column: str,
    within: str | None = None,
    kernel: Kernel | None = None,
    rows_by: Iterable[str] = (),
) -> Days:
    """Rewrite the affected values of the DATE ``column``, which also partitions the table.

    ``within`` cuts each day further, so that a part of every day can be read by itself.

    The table's function says in plain Spark what its rows are; a ``kernel`` makes the same rows by
    numpy, one value of ``within`` at a time, and the setting ``carry.by`` chooses. The days are
    then those of the first input, and all inputs that spread by day lie by ``within`` too.

    ``rows_by`` names columns, shared with every input taken by day, such that a row is made of
    input rows of its day that equal it in them, and of no others. Where few rows of large days
    change, those alone are then made again and merged, and not the whole days. A kernel makes them
    where it reads the first input of a day to make by ``Slice.read_wanted``; its rows of earlier
    days may count too.
    """
    return Days(column, within, kernel, tuple(rows_by))


def carry(column: str, *, within: str, kernel: Kernel, kept: str) -> Carry:
    """Make each value of the DATE ``column``, up to the as-of day, from an earlier one.

    Of ``within`` and ``kernel`` holds what is said of ``days``. The base that a kernel is given may
    be older than some changes: it takes account of ``Slice.amended_rows`` first. The setting
    ``kept`` is how many days stay in the table, null for all.
    """
    return Carry(column, within, kernel, kept=kept)


def keys(*columns: str, partitioned_by: str | None = None) -> Keys:
    """Replace the rows of the affected values of ``columns``."""
    return Keys(columns, partitioned_by)


def history(
    *key: str,
    tracked: Iterable[str],
    last_known: Iterable[str] = (),
    sequence: Iterable[str] = ("sequence",),
    first_version: str = BEGINNING,
    open_end: str = OPEN_END,
) -> History:
    """Type-2 history of ``key``: a new version when a tracked column changes.

    All other columns show the newest event in every version. A null in a ``last_known`` column,
    tracked or not, means unchanged: it keeps the last value since the key was last deleted. The
    first column of ``sequence`` is the instant of an event, the others only order. The first
    version of a key starts at a date, or by ``event`` with its event; an open one ends at a date.
    """
    kept = tuple(tracked), tuple(last_known), tuple(sequence)
    return History(key, None, *kept, first_version, open_end)


def files(entity: str) -> Files:
    """A raw table: what the landed files of ``entity`` hold."""
    return Files(entity)


def changelog() -> Changelog:
    """Append what the commits of the first input changed; every input is told ``by_commit``.

    Such a table is a log of what happened, and so the one exception from the law that incremental
    equals full: it starts empty at the present versions of its inputs, is never made again, and a
    full refresh or other code leaves its rows as they are.
    """
    return Changelog()


# Spreads: how a change in an input reaches the scope ----------------------------------------
@dataclass(frozen=True)
class ByDay:
    """A changed row touches the days in ``columns``, and those ``offsets`` days later."""

    columns: tuple[str, ...]
    offsets: tuple[int, ...] = (0,)
    uses: tuple[str, ...] | None = None

    def rewritten(self, changed: Iterable[date]) -> set[date]:
        """The days whose rows a change on these days can alter."""
        return self._moved(changed, 1)

    def read(self, rewritten: Iterable[date]) -> set[date]:
        """The input days that rows of the rewritten days are made of."""
        return self._moved(rewritten, -1)

    def _moved(self, days: Iterable[date], sign: int) -> set[date]:
        room = {day: (day.toordinal(), date.max.toordinal()) for day in days}
        return {
            day + timedelta(sign * offset)
            for day, (number, most) in room.items()
            for offset in self.offsets
            if 1 <= number + sign * offset <= most
        }


@dataclass(frozen=True)
class ByKey:
    """A changed row touches the rows with the same ``columns``."""

    columns: tuple[str, ...]
    uses: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ByVersion:
    """A changed version of the key touches the rows whose ``at`` lies in its interval or after."""

    columns: tuple[str, ...]
    at: str
    uses: tuple[str, ...] | None = None
    onwards: bool = False


@dataclass(frozen=True)
class ByCommit:
    """The rows that a commit changed, before and after, matched by ``columns``, their key."""

    columns: tuple[str, ...]
    uses: tuple[str, ...] | None = None


Spread = ByDay | ByKey | ByVersion | ByCommit


def by_day(
    *columns: str,
    windows: Iterable[int] = (),
    lags: Iterable[int] = (),
    uses: Iterable[str] | None = None,
) -> ByDay:
    """Days spread to themselves; a window of n reaches the n days after, a lag the day it names.

    ``uses`` names the columns the function reads: it gets no others, and a change elsewhere
    is no change.
    """
    offsets = {0} | set(lags) | {step for window in windows for step in range(window + 1)}
    return ByDay(columns, tuple(sorted(offsets)), _tuple(uses))


def by_key(*columns: str, uses: Iterable[str] | None = None) -> ByKey:
    """Keys spread to equal keys; where they are not the table's scope, through its first input."""
    return ByKey(columns, _tuple(uses))


def by_version(
    *key: str, at: str, uses: Iterable[str] | None = None, onwards: bool = False
) -> ByVersion:
    """Versions of a history table spread to the rows of the first input valid at their time.

    ``onwards`` spreads them to all later rows too, for a function that asks whether one ended.
    """
    return ByVersion(key, at, _tuple(uses), onwards)


def by_commit(*columns: str, uses: Iterable[str] | None = None) -> ByCommit:
    """What commits changed, for a table of scope ``changelog``: not rows, but images of rows.

    The function gets one row per value of ``columns`` (the input's key) and commit that changed
    it: ``before`` and ``after`` (structs of the other columns used; null where the row was not
    there), and ``commit_version``. A row rewritten as it was is no change.
    The first input is the one followed, and has ``committed_at`` and ``batch_id`` too. A further
    one shows what went into each of those commits that had not gone into the one before.
    """
    return ByCommit(columns, _tuple(uses))


def _tuple(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


# Settings and expectations ------------------------------------------------------------------
@dataclass(frozen=True)
class Setting:
    """A value from conf, by its dotted path, that a table function takes as a parameter."""

    path: str


def setting(path: str) -> Setting:
    """Mark a parameter: ``zone: Annotated[str | None, setting("zone")]``."""
    return Setting(path)


@dataclass(frozen=True)
class Expectation:
    """A rule: SQL that is true or null where all is well.

    Over columns it is judged row by row, in the pass that writes the rows. With an aggregate
    (``max(sold_on) >= DATE {as_of} - INTERVAL 3 DAYS``) or a SELECT (``product_id IN (SELECT
    product_id FROM stg_products)``) it is judged over the whole table. What kind of rule it is
    (range, pattern, freshness, reference, ...) follows from the SQL: ``checks/rules.py``.
    ``{a.b}`` stands for the setting a.b as a literal, ``{as_of}`` for the last business day.
    """

    name: str
    sql: str
    severity: Severity


class expect:  # noqa: N801  (reads as a verb where it is used: expect.warn(...))
    """Rules by severity: rejected rows go to quarantine (stg_ only), are counted, or stop.

    A row that breaks a stop rule fails the write; a table that as a whole breaks one is put back to
    what it was. Either way what is made from it is left as it is.
    """

    @staticmethod
    def quarantine(sql: str, name: str) -> Expectation:
        return Expectation(name, sql, "quarantine")

    @staticmethod
    def warn(sql: str, name: str) -> Expectation:
        return Expectation(name, sql, "warn")

    @staticmethod
    def stop(sql: str, name: str) -> Expectation:
        return Expectation(name, sql, "stop")


@dataclass(frozen=True)
class Conserved:
    """``own`` over this table equals ``theirs`` over ``table`` (SQL aggregates), to the penny.

    ``by`` are the day here and the day there by which they are equal; None: in total alone.
    """

    own: str
    table: str
    theirs: str
    by: tuple[str, str] | None = None


def conserved(
    own: str, table: str, theirs: str, by: str | tuple[str, str] | None = None
) -> Conserved:
    """Say what a table neither loses nor invents, in total or ``by`` day too; a law checks it."""
    return Conserved(own, table, theirs, (by, by) if isinstance(by, str) else by)


# Tables and views ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Declaration:
    """What ``@table`` records. Everything else about a table is derived from it."""

    function: Callable[..., Any]
    key: tuple[str, ...]
    scope: Scope
    schema: str
    expects: tuple[Expectation, ...] = ()
    newest: tuple[str, ...] = ()
    ties: Ties = "newest"
    earliest: tuple[str, ...] = ()
    references: dict[str, str] = field(default_factory=dict)
    conserves: tuple[Conserved, ...] = ()
    measures: dict[str, str] = field(default_factory=dict)
    landed_key: dict[str, str] = field(default_factory=dict)
    duckdb: str = ""


@dataclass(frozen=True)
class ViewDeclaration:
    """What ``@view`` records: one SELECT that Spark and DuckDB share, and new columns' comments."""

    function: Callable[[], str]
    comments: dict[str, str]


def table(
    *,
    key: Iterable[str],
    scope: Scope,
    schema: str,
    expects: Iterable[Expectation] = (),
    newest: Iterable[str] = (),
    ties: Ties = "newest",
    earliest: Iterable[str] = (),
    references: dict[str, str] | None = None,
    conserves: Iterable[Conserved] = (),
    measures: dict[str, str] | None = None,
    landed_key: dict[str, str] | None = None,
    duckdb: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a table: its grain is the docstring's first sentence, its rows the return value.

    A staging table keeps one row per key: the last by the ``newest`` columns, of several such by
    content. Where the key holds the whole sequence of an event log, no order can tell which of two
    records is right: ``ties="quarantine"`` rejects all that share the key and differ. ``earliest``
    columns show the first value any of the key's rows gave, if the kept row has one.

    The balance of what landed counts rows, and the ``measures`` of a staging table: by name, SQL
    over columns that landed records and its rows have alike. ``landed_key`` says in SQL over
    landed columns what a column of its key is that does not land under its name.

    ``duckdb`` says the rows a second time in DuckDB's SQL, of a staging table, or one by days
    without a kernel: one SELECT of the declared columns and types. A staging table selects from
    ``landed`` (the contract's columns, and ``file_date``, what ``sequence()`` tells) and its other
    inputs by name; a table by days from its inputs by name. ``{settings}`` stand as literals;
    ``crc32`` and ``xxhash64`` hash a text as Spark does. It runs where the lake lies in a folder
    and carry.by is kernel. A row that breaks a rule, and any error but a mistake in the SQL, leaves
    the rows to the function, which defines the table; tests hold the two equal (decision 0036).
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        function.declaration = Declaration(  # type: ignore[attr-defined]
            function,
            tuple(key),
            scope,
            inspect.cleandoc(schema),
            tuple(expects),
            tuple(newest),
            ties,
            tuple(earliest),
            dict(references or {}),
            tuple(conserves),
            dict(measures or {}),
            dict(landed_key or {}),
            duckdb,
        )
        return function

    return declare


def view(
    *, comments: dict[str, str] | None = None
) -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Declare a view: the function returns one SELECT over ``layer.table`` names.

    A column selected as it is keeps its comment; ``comments`` are those of new columns, or of
    columns that mean something else here.
    """

    def declare(function: Callable[[], str]) -> Callable[[], str]:
        function.declaration = ViewDeclaration(function, dict(comments or {}))  # type: ignore[attr-defined]
        return function

    return declare
