"""A Databricks bundle as its files say it, and what can be read from one of its jobs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from lakehouse.catalogue import Catalogue

_OPTION = re.compile(r'add_argument\(\s*"(--[a-z-]+)"')


@dataclass(frozen=True)
class Bundle:
    """Where a bundle lies in a project, and what the jobs in it may name."""

    folder: Path
    root: Path
    catalogue: Catalogue

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """Jobs by key, of the files that databricks.yml includes."""
        included = [f for pattern in self.settings["include"] for f in self.folder.glob(pattern)]
        read = [yaml.safe_load(path.read_text())["resources"]["jobs"] for path in sorted(included)]
        return {key: job for jobs in read for key, job in jobs.items()}

    @cached_property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((self.folder / "databricks.yml").read_text())
        return found

    def file(self, named: str) -> Path:
        """A file as a job in resources/ names it."""
        return (self.folder / "resources" / named).resolve()


def needs(job: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        task["task_key"]: [one["task_key"] for one in task.get("depends_on", [])]
        for task in job["tasks"]
    }


def before(graph: Mapping[str, list[str]], key: str) -> set[str]:
    """Every task that has ended before ``key`` starts."""
    found: set[str] = set()
    waiting = list(graph.get(key, []))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph.get(name, [])
    return found


def options(script: Path, root: Path) -> set[str]:
    """Options that a job takes: its own, and those that jobs share where it asks for them."""
    text = script.read_text()
    own = set(_OPTION.findall(text))
    shared = "project.parser(" in text
    common = (root / "lib/retail/project.py").read_text() if shared else ""
    return own | set(_OPTION.findall(common))


def value(words: list[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""


def selected(task: Mapping[str, Any]) -> list[str]:
    """The words of a build before its options, those that a run fills in left out."""
    words = task.get("spark_python_task", {}).get("parameters", [])
    end = next((i for i, word in enumerate(words) if word.startswith("--")), len(words))
    is_build = task.get("spark_python_task", {}).get("python_file", "").endswith("build.py")
    return [word for word in words[:end] if is_build and "{{" not in word]
