"""A slice of a table whose inputs lie in memory, to try a kernel on."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from lakehouse import Slice
from lakehouse.schema import arrow, parse

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class InMemory(Slice):
    """A slice whose days lie in memory."""

    tables: dict[tuple[str, date | None], pa.Table] = field(default_factory=dict)
    # Rows of inputs as they were, and as they are, of those that changed since the base was made.
    differing: Mapping[str, tuple[pa.Table, pa.Table]] = field(default_factory=dict)

    def _amendments(self, name: str) -> tuple[pa.Table, pa.Table]:
        empty = self.schemas[name].empty_table()
        return self.differing.get(name, (empty, empty))

    def order(self, name: str, day: date) -> None:
        return None

    def read(self, name: str, day: date | None, columns: Any) -> pa.Table:
        empty = self.schemas[name].empty_table()
        return self.tables.get((name, day), empty).select(list(columns))


def in_memory(
    functions: Iterable[Callable[..., Any]],
    rows: Mapping[tuple[str, date | None], Rows],
    days: Iterable[date],
    **settings: Any,
) -> InMemory:
    """A slice of the first table, with the rows of the others by table and day; the rest is null."""
    declared = {f.__name__: arrow(parse(f.declaration.schema)) for f in functions}  # type: ignore[attr-defined]
    tables = {key: pa.Table.from_pylist(some, declared[key[0]]) for key, some in rows.items()}
    held = {n: tuple(sorted(d for t, d in tables if t == n and d)) for n in declared}
    return InMemory(
        next(iter(declared)), "0", tuple(days), (), {}, held, declared, settings, tables=tables
    )
