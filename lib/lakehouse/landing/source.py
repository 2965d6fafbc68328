"""A source: which landing files feed which entity, and how they map to its contract."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from lakehouse.conf import conf_folder
from lakehouse.declare import ROW, SOURCE_FILE
from lakehouse.errors import LakehouseError, did_you_mean, first_line
from lakehouse.schema import Column, parse

_TOP = {"name", "settings", "adapter", "entities", "drift"}
# What a source may make of columns that differ from the contract, the first as it is by default.
KEEP, ACCEPT, SET_ASIDE = "keep", "accept", "set_aside"
DRIFT = {
    "added": (KEEP, SET_ASIDE),
    "widened": (ACCEPT, SET_ASIDE),
    "narrowed": (SET_ASIDE, ACCEPT),
    "renamed": (SET_ASIDE, ACCEPT),
}
_KEYS = {"files", "format", "options", "where", "distinct", "columns"}


@dataclass(frozen=True)
class Contract:
    """What an entity's landed records must hold: columns as DDL, and those that may be missing.

    ``filled`` are columns that staging tells from others where they are null.
    """

    entity: str
    ddl: str
    optional: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[Column, ...]:
        return parse(self.ddl)

    @property
    def may_be_null(self) -> frozenset[str]:
        """Columns that may be null even where staging's are not."""
        return self.optional | self.filled

    @property
    def required(self) -> list[str]:
        return [column.name for column in self.columns if column.name not in self.optional]


@dataclass(frozen=True)
class EntityMapping:
    """How the files of one entity become records of its contract."""

    contract: Contract
    files: tuple[str, ...]
    format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    distinct: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    drift: Mapping[str, str] = field(default_factory=lambda: drift_policy("", {}))

    def matches(self, path: str) -> bool:
        """Whether a path relative to the landing folder belongs to the entity."""
        return any(fnmatch(path, pattern) for pattern in self.files)

    @cached_property
    def text(self) -> str:
        """All that decides what a file's records become, their place in it included: a change
        reloads the files.
        """
        contract = (self.contract.entity, self.contract.ddl, sorted(self.contract.optional))
        reading = (self.format, sorted(self.options.items()), self.where, self.distinct)
        return repr((contract, reading, sorted(self.columns.items()), ROW))

    @cached_property
    def needs(self) -> frozenset[str]:
        """The landed columns, in lower case, that a file must have."""
        if not self.columns:
            return frozenset(self.contract.required)
        found = set()
        for expression in [*self.columns.values(), *self.where]:
            tree = sqlglot.parse_one(expression, read="spark")
            found |= {column.name.lower() for column in tree.find_all(exp.Column)}
        return frozenset(found - {SOURCE_FILE})


@dataclass(frozen=True)
class Source:
    """A named source: one mapping an entity, and the settings it overrides.

    ``adapter`` is the module that makes its landing files, where a mapping cannot.
    """

    name: str
    place: str
    mappings: Mapping[str, EntityMapping]
    settings: Mapping[str, Any]
    adapter: str | None = None


def load_source(path: Path, contracts: Mapping[str, Contract]) -> Source:
    """Read and check a source's YAML.

    Raises LakehouseError where the file is missing or says what cannot be meant.
    """
    if not path.is_file():
        shipped = conf_folder() / "sources"
        known = {p.stem: p for folder in (path.parent, shipped) for p in folder.glob("*.yaml")}
        close = difflib.get_close_matches(path.stem, known, n=1)
        hint = f"did you mean {known[close[0]]}" if close else "write one as docs/sources.md shows"
        raise LakehouseError(f"There is no source file {path}; {hint}.")
    try:
        content = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise LakehouseError(f"{path} is no YAML: {' '.join(str(error).split())}.") from None
    if unknown := sorted(set(content) - _TOP):
        raise LakehouseError(
            f"{path} says {unknown[0]}, which means nothing; {did_you_mean(unknown[0], _TOP)}."
        )
    entities = content.get("entities") or {}
    drift = drift_policy(str(path), content.get("drift") or {})
    mappings = {
        entity: replace(_mapping(path, contracts, entity, body or {}), drift=drift)
        for entity, body in entities.items()
    }
    name, settings = content.get("name", path.stem), content.get("settings", {})
    return Source(name, str(path), mappings, settings, content.get("adapter"))


def drift_policy(place: str, said: Mapping[str, str]) -> dict[str, str]:
    """A source's drift policy, complete.

    Raises LakehouseError for a kind or a choice that is none.
    """
    for kind, choice in said.items():
        if kind not in DRIFT:
            raise LakehouseError(
                f"{place} says {kind} of drift, which means nothing; {did_you_mean(kind, DRIFT)}."
            )
        if choice not in DRIFT[kind]:
            raise LakehouseError(
                f"{place} says {choice} of {kind} columns; expected {' or '.join(DRIFT[kind])}."
            )
    return {kind: choices[0] for kind, choices in DRIFT.items()} | dict(said)


def _mapping(
    path: Path, contracts: Mapping[str, Contract], entity: str, body: dict[str, Any]
) -> EntityMapping:
    if entity not in contracts:
        raise LakehouseError(
            f"{path} maps the entity {entity}, which has no contract;"
            f" {did_you_mean(entity, contracts)}."
        )
    if unknown := set(body) - _KEYS:
        raise LakehouseError(
            f"{path} says {sorted(unknown)[0]} of {entity}, which means nothing;"
            f" {did_you_mean(sorted(unknown)[0], _KEYS)}."
        )
    contract = contracts[entity]
    columns = {name: str(text) for name, text in (body.get("columns") or {}).items()}
    where = tuple(_list(body.get("where")))
    known = [column.name for column in contract.columns]
    for name in columns:
        if name not in known:
            raise LakehouseError(
                f"{path} maps {entity}.{name}, which the contract lacks;"
                f" {did_you_mean(name, known)}."
            )
    if columns and (missing := [name for name in contract.required if name not in columns]):
        raise LakehouseError(
            f"{path} does not map {', '.join(missing)} of {entity}; give each an expression,"
            " or null where the source knows nothing of it."
        )
    for expression in [*columns.values(), *where]:
        _check_sql(path, entity, expression)
    return EntityMapping(
        contract,
        tuple(_list(body.get("files", [f"{entity}/*", f"{entity}.*"]))),
        body.get("format"),
        body.get("options", {}),
        where,
        bool(body.get("distinct", False)),
        columns,
    )


def _check_sql(path: Path, entity: str, expression: str) -> None:
    try:
        sqlglot.parse_one(expression, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise LakehouseError(
            f"{path}: '{expression}' of {entity} is no SQL expression ({first_line(error)});"
            " mend it."
        ) from None


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
