"""The part of Airflow's DAG that follows from the tables: groups, what they need, and when."""

from collections.abc import Mapping
from typing import Any

from lakehouse.catalogue import Catalogue
from lakehouse.docs import between
from lakehouse.publish.groups import Group, checks, groups

MARKS = ("# <groups>\n", "# </groups>\n")


def dag(text: str, catalogue: Catalogue, schedule: Mapping[str, Any]) -> str:
    """The DAG's file with what stands between its marks written anew."""
    return between(text, MARKS, _derived(catalogue, schedule))


def _derived(catalogue: Catalogue, schedule: Mapping[str, Any]) -> str:
    hour, minute = map(int, schedule["at"].split(":"))
    made = groups(catalogue, schedule)
    stages = dict.fromkeys(group.stage for group in made)
    by_stage = {s: {_task(g): list(g.tables) for g in made if g.stage == s} for s in stages}
    task_of = {group.name: _task(group) for group in made}
    needs = {_task(group): [task_of[name] for name in group.needs] for group in made}
    judged = {job: task_of[after] for job, after in checks(made, schedule).items()}
    return (
        f'CRON = "{minute} {hour} * * *"\n'
        f"GROUPS = {_literal(by_stage)}\nNEEDS = {_literal(needs)}\nCHECKS = {_literal(judged)}\n"
    )


def _task(group: Group) -> str:
    """The one group of data_quality builds the staging tables, which judge what landed."""
    return "staging" if group.name == group.stage else group.name


def _literal(value: Any, indent: str = "") -> str:
    """A literal with a line for each member, as the formatter leaves it."""
    inner = f"{indent}    "
    if isinstance(value, dict) and value:
        lines = [f'{inner}"{key}": {_literal(one, inner)},\n' for key, one in value.items()]
        return f"{{\n{''.join(lines)}{indent}}}"
    if isinstance(value, list) and value:
        return f"[\n{''.join(f'{inner}{_literal(one)},{chr(10)}' for one in value)}{indent}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
