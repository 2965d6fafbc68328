"""Landing contracts as documents of the Open Data Contract Standard.

Each is derived from the entity's contract, the rules of its staging table and the settings of the
default source. A change raises the version: the minor one, or the major one where it breaks
somebody, which has to be wanted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlglot
import yaml
from sqlglot import exp

from lakehouse.catalogue import Catalogue, Table
from lakehouse.checks.rules import REFERENCE, Rule, declared, render
from lakehouse.errors import LakehouseError
from lakehouse.landing.source import Contract, Source
from lakehouse.odcs_gate import API_VERSION, KIND, broken
from lakehouse.schema import Column

_NOTE = "# Written by jobs/describe.py from the declarations; change those, not this file.\n"
_TYPES = {
    "STRING": "string", "BIGINT": "integer", "INT": "integer", "DOUBLE": "number",
    "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp", "TIMESTAMP_NTZ": "timestamp",
}  # fmt: skip


@dataclass(frozen=True)
class Contracts:
    """What the documents are made of."""

    catalogue: Catalogue
    source: Source
    conf: Mapping[str, Any]
    folder: Path

    def pages(self, breaking: bool = False, gate: bool = False) -> dict[Path, str]:
        """Every document by its path; one that changed has the next version.

        Raises LakehouseError where, with the ``gate``, a change breaks and may not.
        """
        found = {}
        for entity, mapping in self.source.mappings.items():
            path = self.folder / f"{entity}.yaml"
            old = path.read_text() if path.is_file() else ""
            version = str(yaml.safe_load(old)["version"]) if old else "1.0.0"
            new = self._text(mapping.contract, version)
            if old and new != old:
                major = broken(old, new) if gate else []
                if major and not breaking:
                    raise LakehouseError(
                        f"{path} would change so that it breaks those who rely on it"
                        f" ({'; '.join(major)}); declare it otherwise, or say --breaking, which"
                        " raises its major version."
                    )
                new = self._text(mapping.contract, raised(version, bool(major)))
            found[path] = new
        return found

    def _text(self, contract: Contract, version: str) -> str:
        document = self._document(contract, version)
        return _NOTE + yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)

    def _document(self, contract: Contract, version: str) -> dict[str, Any]:
        staging = self._staging(contract.entity)
        rules = [rule for rule in declared(staging) if _is_of(rule, contract)]
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "id": f"landing-{contract.entity.replace('_', '-')}",
            "name": contract.entity,
            "version": version,
            "status": "active",
            "description": {
                "purpose": f"What a landed file of {contract.entity} must hold.",
                "usage": f"{staging.grain} Records that break a rule of severity quarantine are"
                " kept in ops.quarantine; files whose columns do not fit are set aside.",
            },
            "schema": [
                {
                    "name": contract.entity,
                    "logicalType": "object",
                    "physicalType": "file",
                    "properties": [
                        self._property(column, contract, staging, rules)
                        for column in contract.columns
                    ],
                    "quality": [self._quality(rule, contract) for rule in rules if _is_left(rule)],
                }
            ],
        }

    def _staging(self, entity: str) -> Table:
        tables = self.catalogue.tables.values()
        raw = next(table.name for table in tables if table.entity == entity)
        return next(table for table in tables if table.is_staging and raw in table.inputs)

    def _property(
        self, column: Column, contract: Contract, staging: Table, rules: list[Rule]
    ) -> dict[str, Any]:
        kept = {c.name: c for c in staging.columns}.get(column.name)
        never_null = bool(kept and kept.required and column.name not in contract.may_be_null)
        mine = [rule for rule in rules if column.name in rule.columns[-1:]]
        said: dict[str, Any] = {
            "name": column.name,
            "logicalType": _TYPES.get(column.type, "number"),
            "physicalType": column.type,
            "description": column.comment,
            "required": never_null,
        }
        if column.name in staging.declaration.key:
            position = list(staging.declaration.key).index(column.name) + 1
            said |= {"primaryKey": True, "primaryKeyPosition": position}
        said |= dict(self._told(mine))
        if column.name in contract.optional:
            said["customProperties"] = [{"property": "mayBeMissing", "value": True}]
        return said

    def _told(self, rules: list[Rule]) -> Iterator[tuple[str, Any]]:
        """What the rules of one column say in the standard's own words."""
        for rule in rules:
            if rule.kind == "pattern":
                pattern = sqlglot.parse_one(render(rule, self.conf), read="spark").expression
                if not isinstance(pattern, exp.Null):
                    yield "logicalTypeOptions", {"pattern": pattern.this}
            if rule.kind == "accepted values":
                values = [literal.this for literal in rule.tree.find_all(exp.Literal)]
                yield (
                    "quality",
                    [
                        {
                            **_named(rule),
                            "type": "library",
                            "metric": "invalidValues",
                            "arguments": {"validValues": values},
                            "mustBe": 0,
                        }
                    ],
                )
            if rule.reference:
                other = self.catalogue.tables[rule.reference.table]
                raw = self.catalogue.tables[next(iter(other.inputs))]
                target = f"{raw.entity}.{rule.reference.key}"
                yield "relationships", [{"type": "foreignKey", "to": target}]

    def _quality(self, rule: Rule, contract: Contract) -> dict[str, Any]:
        if not rule.is_row_rule:
            return {**_named(rule), "type": "text", "description": f"{rule.name}: {rule.sql}"}
        sql = render(rule, self.conf)
        query = f"SELECT count(*) FROM {contract.entity} WHERE NOT coalesce({sql}, true)"
        return {**_named(rule), "type": "sql", "query": query, "mustBe": 0}


def _named(rule: Rule) -> dict[str, str]:
    return {"name": rule.name, "severity": rule.severity}


def _is_of(rule: Rule, contract: Contract) -> bool:
    """Whether a rule speaks of landed columns alone."""
    return set(rule.columns) <= {column.name for column in contract.columns}


def _is_left(rule: Rule) -> bool:
    """Whether the standard has no words of its own for a rule."""
    return rule.kind not in ("pattern", "accepted values", REFERENCE)


def raised(version: str, is_major: bool) -> str:
    """The next version.

    >>> raised("1.4.0", is_major=False), raised("1.4.0", is_major=True)
    ('1.5.0', '2.0.0')
    """
    major, minor, _ = map(int, version.split("."))
    return f"{major + 1}.0.0" if is_major else f"{major}.{minor + 1}.0"
