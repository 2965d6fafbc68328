"""The tables in the groups that a scheduler runs, derived from the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.catalogue import Catalogue, Table
from lakehouse.errors import LakehouseError, did_you_mean

INGESTION, QUALITY, TRANSFORMATIONS, ANALYTICS = STAGES = (
    "ingestion",
    "data_quality",
    "transformations",
    "analytics",
)


@dataclass(frozen=True)
class Group:
    """Tables that one task builds; ``needs`` are the groups whose tables they read."""

    name: str
    stage: str
    tables: tuple[str, ...]
    needs: tuple[str, ...]


def groups(catalogue: Catalogue, schedule: Mapping[str, Any]) -> list[Group]:
    """Every table of the catalogue in exactly one group, groups in an order that can be built.

    Raw tables go by ``schedule.ingestion`` (an entity that it does not name is a group of its own),
    staging tables, and what these read, are data_quality, tables that ``schedule.analytics`` names
    are the group it says, all others go by their layer: silver, gold (with ops). A table never
    stands before what it reads: a silver table that reads gold is built with gold.

    Raises LakehouseError for a name in the schedule that nothing declares.
    """
    entities = _named(
        schedule[INGESTION], {t.entity for t in catalogue.tables.values() if t.entity}
    )
    marts = _named(schedule[ANALYTICS], set(catalogue.tables))
    order = ["silver", "gold", *schedule[ANALYTICS]]
    staged = {name for t in catalogue.tables.values() if t.is_staging for name in t.inputs}
    group_of: dict[str, str] = {}
    for name in catalogue.order:
        table = catalogue.tables[name]
        if table.entity:
            group_of[name] = entities.get(table.entity, table.entity)
            continue
        own = QUALITY if table.is_staging or name in staged else marts.get(name, _layer(table))
        read = [group_of[upstream] for upstream in table.inputs if group_of[upstream] in order]
        group_of[name] = max(
            [own, *read], key=lambda group: order.index(group) if group in order else -1
        )
    ingested = dict.fromkeys(group_of[n] for n in catalogue.order if catalogue.tables[n].entity)
    names = [*ingested, QUALITY, *order]
    return [
        Group(
            name, _stage(name, ingested, schedule), tables, _needs(catalogue, group_of, name, names)
        )
        for name in names
        if (tables := tuple(n for n in catalogue.order if group_of[n] == name))
    ]


def checks(made: list[Group], schedule: Mapping[str, Any]) -> dict[str, str]:
    """The group after which each job that judges the lake runs.

    Raises LakehouseError for a group that there is not.
    """
    known = [group.name for group in made]
    found: dict[str, str] = schedule["checks"]
    for job, after in found.items():
        if after not in known:
            raise LakehouseError(
                f"conf/base.yaml runs the check {job} after {after}, which is no group of its"
                f" schedule; {did_you_mean(after, known)}."
            )
    return found


def _named(listed: Mapping[str, list[str]], known: set[str]) -> dict[str, str]:
    """The group by member, from the members by group."""
    by_member = {member: group for group, members in listed.items() for member in members}
    for member in by_member:
        if member not in known:
            raise LakehouseError(
                f"conf/base.yaml puts {member} into the group {by_member[member]} of its schedule,"
                f" but nothing declares it; {did_you_mean(member, known)}."
            )
    return by_member


def _layer(table: Table) -> str:
    return "silver" if table.layer == "silver" else "gold"


def _stage(name: str, ingested: Mapping[str, Any], schedule: Mapping[str, Any]) -> str:
    if name in ingested:
        return INGESTION
    if name in schedule[ANALYTICS]:
        return ANALYTICS
    return QUALITY if name == QUALITY else TRANSFORMATIONS


def _needs(
    catalogue: Catalogue, group_of: Mapping[str, str], name: str, names: list[str]
) -> tuple[str, ...]:
    read = {
        group_of[upstream]
        for table, group in group_of.items()
        if group == name
        for upstream in catalogue.tables[table].inputs
    }
    return tuple(n for n in names if n in read and n != name)
