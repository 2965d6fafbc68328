"""Views: what they select from, and what their columns mean."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

from lakehouse.declare import ViewDeclaration
from lakehouse.errors import LakehouseError, did_you_mean, first_line

# What builds and the doctor keep of themselves: tables that no file declares.
OPS = (
    *("ops.landing_files", "ops.quarantine", "ops.build_log", "ops.quality_results"),
    "ops.doctor_findings",
)
_DIALECT = "duckdb"


@dataclass(frozen=True)
class View:
    """A declared view."""

    name: str
    layer: str
    place: str
    declaration: ViewDeclaration

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    @cached_property
    def sql(self) -> str:
        return self.declaration.function()

    @property
    def comment(self) -> str:
        return " ".join(inspect.cleandoc(self.declaration.function.__doc__ or "").split())

    @cached_property
    def inputs(self) -> list[str]:
        """The tables and views that it selects from, as layer.name."""
        tree = self._tree()
        named = {cte.alias for cte in tree.find_all(exp.CTE)}
        found = {f"{t.db}.{t.name}" if t.db else t.name for t in tree.find_all(exp.Table)}
        return sorted(found - named)

    def check(self, known: Iterable[str]) -> None:
        """Raise LakehouseError where the view selects from what is not ``known`` as layer.name."""
        for name in self.inputs:
            if name not in known:
                raise LakehouseError(
                    f"{self.place}: {self.name} selects from {name}, which no file declares;"
                    f" {did_you_mean(name, known)}."
                )

    def columns(self, known: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Its columns with their comments: declared, else that of the column selected as it is.

        ``known`` holds the columns and comments of what it selects from, by layer.name. Raises
        LakehouseError for a declared comment on a column that the view lacks.
        """
        schema: dict[str, dict[str, dict[str, str]]] = {}
        for name in set(self.inputs).intersection(known):
            layer, table = name.split(".")
            schema.setdefault(layer, {})[table] = dict.fromkeys(known[name], "TEXT")
        tree = qualify(
            self._tree(), dialect=_DIALECT, schema=schema, validate_qualify_columns=False
        )
        tables = {t.alias_or_name: f"{t.db}.{t.name}" for t in tree.find_all(exp.Table)}
        own = self.declaration.comments
        found = {}
        for selected in tree.selects:
            column, said = selected.unalias(), ""
            if isinstance(column, exp.Column):
                said = known.get(tables.get(column.table, ""), {}).get(column.name, "")
            found[selected.alias_or_name] = own.get(selected.alias_or_name, said)
        for name in own:
            if name not in found:
                raise LakehouseError(
                    f"{self.place}: {self.name} comments on {name}, which it does not select;"
                    f" {did_you_mean(name, found)}."
                )
        return found

    def _tree(self) -> exp.Expression:
        try:
            return sqlglot.parse_one(self.sql, read=_DIALECT)
        except sqlglot.errors.SqlglotError as error:
            raise LakehouseError(
                f"{self.place}: {self.name} is no SQL that can be read ({first_line(error)});"
                " mend it."
            ) from None
