"""The catalogue: every table and view of a package, loaded with no session, refused when wrong.

Build order, lineage, contracts and checks are all derived from what it holds.
"""

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from lakehouse.checks import rules
from lakehouse.declare import (
    SOURCE_FILE,
    ByCommit,
    ByDay,
    ByKey,
    ByVersion,
    Carry,
    Changelog,
    Days,
    Declaration,
    Files,
    Keys,
    Setting,
    Spread,
    ViewDeclaration,
    partitions,
)
from lakehouse.errors import LakehouseError, did_you_mean
from lakehouse.fingerprint import fingerprint
from lakehouse.schema import Column, names, parse
from lakehouse.views import OPS, View

LAYERS = ("bronze", "silver", "gold", "ops")
AS_OF = "as_of"


@dataclass(frozen=True)
class Table:
    """A declared table with everything derived from its function."""

    name: str
    layer: str
    place: str
    declaration: Declaration
    inputs: dict[str, Spread | None]
    settings: dict[str, str]
    takes_as_of: bool

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def is_staging(self) -> bool:
        """Staging tables judge landed rows: only they may quarantine."""
        return self.name.startswith("stg_")

    @property
    def entity(self) -> str | None:
        scope = self.declaration.scope
        return scope.entity if isinstance(scope, Files) else None

    @property
    def grain(self) -> str:
        return _docstring(self.declaration.function).split(".")[0] + "."

    @property
    def comment(self) -> str:
        return " ".join(_docstring(self.declaration.function).split())

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return parse(self.declaration.schema)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.declaration.function)

    @property
    def filtered(self) -> list[str]:
        """Columns by which reads and merges skip files; the partition column does so by itself."""
        scope = self.declaration.scope
        if isinstance(scope, Files):
            return [SOURCE_FILE]
        scoped = scope.columns if isinstance(scope, Keys) else ()
        return [
            c for c in dict.fromkeys((*self.declaration.key, *scoped)) if c not in partitions(scope)
        ]


class Catalogue:
    """All tables and views of a package, in build order.

    Raises LakehouseError, with file and line, for a declaration that cannot be right.
    """

    def __init__(self, tables: Iterable[Table], views: Iterable[View] = ()):
        self.tables: dict[str, Table] = {}
        self.views: dict[str, View] = {}
        declared: list[Table | View] = [*views, *tables]
        for one in declared:
            if other := self.views.get(one.name) or self.tables.get(one.name):
                raise LakehouseError(
                    f"{one.place}: {one.name} is declared twice, first at {other.place};"
                    " rename one of them."
                )
            if isinstance(one, View):
                self.views[one.name] = one
            else:
                self.tables[one.name] = one
        for table in self.tables.values():
            self._check(table)
            self._check_promises(table)
            rules.check(table, self.tables)
        self._check_views()
        self.order = self._topological_order()

    def _check(self, table: Table) -> None:
        for name, spread in table.inputs.items():
            if name not in self.tables:
                raise LakehouseError(
                    f"{table.place}: {table.name} reads {name}, which no file declares;"
                    f" {did_you_mean(name, self.tables)}."
                )
            upstream = self.tables[name]
            if upstream.layer == "bronze" and not table.is_staging:
                raise LakehouseError(
                    f"{table.place}: {table.name} reads the bronze table {name}; only stg_ tables"
                    f" may, so read {name.replace('raw_', 'stg_', 1)} instead."
                )
            self._check_scope(table, upstream, spread)
            self._check_kernel(table, upstream, spread)
            self._check_columns(table, upstream, spread)
        rows_by = getattr(table.declaration.scope, "rows_by", ())
        wanted = {*table.declaration.key, *table.declaration.references, *rows_by}
        if missing := wanted - set(names(table.declaration.schema)):
            raise LakehouseError(
                f"{table.place}: {table.name} names the columns {', '.join(sorted(missing))} in its"
                " key, references or rows_by, which its schema lacks; declare them."
            )

    def _check_kernel(self, table: Table, upstream: Table, spread: Spread | None) -> None:
        """A kernel reads a slice of a day of an input: that must be files of their own."""
        scope = table.declaration.scope
        if not isinstance(scope, Days) or scope.kernel is None:
            return
        if isinstance(scope, Carry) and not table.takes_as_of:
            raise LakehouseError(
                f"{table.place}: {table.name} is carried up to a day; give it a parameter"
                " as_of: date."
            )
        if isinstance(spread, ByDay) and partitions(upstream.declaration.scope) != [
            *spread.columns,
            scope.within,
        ]:
            raise LakehouseError(
                f"{table.place}: {table.name} has a kernel by {scope.within} and takes"
                f" {upstream.name} by {', '.join(spread.columns)}, but its files do not lie so;"
                f' expected the scope days("{spread.columns[0]}", within="{scope.within}").'
            )

    def _check_columns(self, table: Table, upstream: Table, spread: Spread | None) -> None:
        if spread is None:
            return
        for column in [*spread.columns, *(spread.uses or ())]:
            if column not in names(upstream.declaration.schema):
                raise LakehouseError(
                    f"{table.place}: {table.name} takes the column {column} from {upstream.name},"
                    f" which has none; {did_you_mean(column, names(upstream.declaration.schema))}."
                )
        rows_by = getattr(table.declaration.scope, "rows_by", ())
        if rows_by and table.is_staging:
            raise LakehouseError(
                f"{table.place}: {table.name} judges landed rows by days or keys alone; drop its"
                " rows_by."
            )
        if isinstance(spread, ByDay):
            taken = names(upstream.declaration.schema) if spread.uses is None else spread.uses
            if lacking := [name for name in rows_by if name not in taken]:
                raise LakehouseError(
                    f"{table.place}: {table.name} makes rows again by {', '.join(lacking)}, which"
                    f" it does not take from {upstream.name}; take it, or drop it from rows_by."
                )
        if not is_direct(table, spread) and next(iter(table.inputs)) == upstream.name:
            raise LakehouseError(
                f"{table.place}: the first input of {table.name}, {upstream.name}, must spread to"
                f" its scope directly; expected by_day or by_key({_scope_columns(table)})."
            )

    def _check_promises(self, table: Table) -> None:
        """What a table refers to and what its sums agree with must be there."""
        for column, target in table.declaration.references.items():
            name, _, key = target.partition(".")
            known = names(self.tables[name].declaration.schema) if name in self.tables else ()
            if key not in known:
                hint = did_you_mean(key, known) if known else did_you_mean(name, self.tables)
                raise LakehouseError(
                    f"{table.place}: {column} of {table.name} refers to {target}, which is no"
                    f" column of a declared table; {hint}."
                )
        for law in table.declaration.conserves:
            if law.table not in self.full_names:
                raise LakehouseError(
                    f"{table.place}: {table.name} conserves {law.theirs} of {law.table}, which no"
                    f" file declares; {did_you_mean(law.table, self.full_names)}."
                )

    def _check_views(self) -> None:
        for view in self.views.values():
            view.check([*self.full_names, *OPS])
        made = self._views_in_order()
        if stuck := [view for view in self.views.values() if view not in made]:
            raise LakehouseError(
                f"{stuck[0].place}: the views {', '.join(v.name for v in stuck)} select from each"
                " other in a cycle; one of them must select from something else."
            )

    @property
    def full_names(self) -> list[str]:
        """Every table and view as layer.name."""
        every: list[Table | View] = [*self.tables.values(), *self.views.values()]
        return [one.full_name for one in every]

    @cached_property
    def view_columns(self) -> dict[str, dict[str, str]]:
        """The columns of each view, by its full name, with their comments."""
        tables = self.tables.values()
        known = {t.full_name: {c.name: c.comment for c in t.columns} for t in tables}
        views = self._views_in_order()
        for view in views:
            known[view.full_name] = view.columns(known)
        return {view.full_name: known[view.full_name] for view in views}

    def _views_in_order(self) -> list[View]:
        """Every view after those it selects from, as if every build had been made."""
        return self.views_over([*(table.full_name for table in self.tables.values()), *OPS])

    def _check_scope(self, table: Table, upstream: Table, spread: Spread | None) -> None:
        follows = isinstance(table.declaration.scope, Changelog)
        if follows != isinstance(spread, ByCommit):
            wanted = "by_commit(...), as its scope is changelog" if follows else "another spread"
            raise LakehouseError(
                f"{table.place}: {table.name} takes {upstream.name} by the wrong spread; expected"
                f" {wanted} (by_commit is for tables of scope changelog alone)."
            )
        if isinstance(spread, ByCommit) and spread.columns != upstream.declaration.key:
            raise LakehouseError(
                f"{table.place}: {table.name} takes {upstream.name} by commit of"
                f" {', '.join(spread.columns)}; expected its key,"
                f" {', '.join(upstream.declaration.key)}."
            )

    def _topological_order(self) -> list[str]:
        order: list[str] = []
        state: dict[str, bool] = {}

        def visit(name: str, path: tuple[str, ...]) -> None:
            if state.get(name):
                return
            if name in state:
                cycle = " -> ".join([*path[path.index(name) :], name])
                raise LakehouseError(
                    f"{self.tables[name].place}: the tables {cycle} read each other in a cycle;"
                    " one of them must read something else."
                )
            state[name] = False
            for upstream in (*self.tables[name].inputs, *rules.looks_at(self.tables[name])):
                visit(upstream, (*path, name))
            state[name] = True
            order.append(name)

        for name in sorted(self.tables, key=lambda n: (LAYERS.index(self.tables[n].layer), n)):
            visit(name, ())
        return order

    def views_over(self, present: Iterable[str]) -> list[View]:
        """The views whose tables are all ``present`` (as layer.name), each after those it reads."""
        there = set(present)
        chosen: list[View] = []
        while new := [
            view
            for view in self.views.values()
            if view not in chosen and there.issuperset(view.inputs)
        ]:
            chosen += new
            there |= {view.full_name for view in new}
        return chosen

    def ancestors(self, name: str) -> set[str]:
        """Every table that ``name`` is made from, itself excluded."""
        direct = set(self.tables[name].inputs)
        return direct.union(*(self.ancestors(upstream) for upstream in direct))

    def descendants(self, name: str) -> set[str]:
        """Every table made from ``name``, itself excluded."""
        return {other for other in self.tables if name in self.ancestors(other)}

    def select(self, selections: Iterable[str]) -> list[str]:
        """Tables of the selections, in build order: a layer, ``table``, ``table+``, ``+table``.

        Raises LakehouseError for a name that is none of these.
        """
        chosen: set[str] = set()
        for text in selections:
            name = text.strip("+").split(".")[-1]
            if text in LAYERS:
                chosen |= {n for n, table in self.tables.items() if table.layer == text}
                continue
            if name not in self.tables:
                raise LakehouseError(
                    f"'{text}' selects nothing: there is no table {name};"
                    f" {did_you_mean(name, [*self.tables, *LAYERS])}."
                )
            chosen.add(name)
            chosen |= self.ancestors(name) if text.startswith("+") else set()
            chosen |= self.descendants(name) if text.endswith("+") else set()
        return [name for name in self.order if name in chosen or not selections]


def is_direct(table: Table, spread: Spread | None) -> bool:
    """Whether the columns of a spread are the table's scope, with no look-up in between."""
    scope = table.declaration.scope
    if isinstance(spread, ByVersion):
        return False
    if isinstance(spread, ByKey):
        return isinstance(scope, Keys) and spread.columns == scope.columns
    return True


def _scope_columns(table: Table) -> str:
    scope = table.declaration.scope
    return ", ".join(scope.columns) if isinstance(scope, Keys) else "its days"


def load(package: str) -> Catalogue:
    """The catalogue of ``package``: one module a table in those of its folders that are layers."""
    tables: list[Table] = []
    views: list[View] = []
    for layer in LAYERS:
        if importlib.util.find_spec(f"{package}.{layer}") is None:
            continue
        folder = importlib.import_module(f"{package}.{layer}")
        for info in sorted(pkgutil.iter_modules(folder.__path__), key=lambda i: i.name):
            module = importlib.import_module(f"{folder.__name__}.{info.name}")
            found = [f for f in vars(module).values() if _declared_in(f, module.__name__)]
            if [f.__name__ for f in found] != [info.name]:
                names_found = ", ".join(f.__name__ for f in found) or "no table"
                raise LakehouseError(
                    f"{module.__file__}:1: the file declares {names_found}; expected the one table"
                    f" or view {info.name}, named as its file."
                )
            made = describe(found[0], layer)
            tables.append(made) if isinstance(made, Table) else views.append(made)
    return Catalogue(tables, views)


def describe(function: Any, layer: str) -> Table | View:
    """The record of one declared function.

    Raises LakehouseError for a missing docstring or a parameter that is no input.
    """
    place = f"{inspect.getsourcefile(function)}:{function.__code__.co_firstlineno}"
    name = function.__name__
    if not _docstring(function):
        raise LakehouseError(
            f"{place}: {name} has no docstring; open one with the grain, as in 'One row per day.'"
        )
    declaration = function.declaration
    if isinstance(declaration, ViewDeclaration):
        return View(name, layer, place, declaration)
    inputs: dict[str, Spread | None] = {}
    settings: dict[str, str] = {}
    hints = get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters:
        hint = hints.get(parameter)
        extra = get_args(hint)[1] if get_origin(hint) is Annotated else None
        if isinstance(extra, Setting):
            settings[parameter] = extra.path
        elif parameter != AS_OF:
            inputs[parameter] = extra
    takes_as_of = AS_OF in inspect.signature(function).parameters
    return Table(name, layer, place, declaration, inputs, settings, takes_as_of)


def _declared_in(value: Any, module: str) -> bool:
    return hasattr(value, "declaration") and getattr(value, "__module__", "") == module


def _docstring(function: Any) -> str:
    return inspect.cleandoc(function.__doc__ or "")
