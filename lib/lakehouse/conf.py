"""Conf: base.yaml, then the environment's file, then the source's settings, merged."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import LakehouseError


def conf_folder() -> Path:
    """$LAKEHOUSE_CONF, or conf/ beside lib/."""
    return Path(os.environ.get("LAKEHOUSE_CONF") or Path(__file__).parents[2] / "conf")


def load(env: str = "local", settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The merged conf of an environment, with a source's settings on top.

    Raises LakehouseError for an environment that has no file, or a file that is no YAML map.
    """
    folder = conf_folder()
    conf: dict[str, Any] = {}
    for name in ("base", env):
        path = folder / f"{name}.yaml"
        if not path.is_file():
            known = sorted(p.stem for p in folder.glob("*.yaml") if p.stem != "base")
            raise LakehouseError(
                f"There is no environment {name}: {path} does not exist;"
                f" expected one of {', '.join(known)}."
            )
        conf = merge(conf, _read(path))
    return merge(conf, settings or {})


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise LakehouseError(f"{path} is no YAML: {reason}; mend the file.") from None
    if not isinstance(found or {}, dict):
        raise LakehouseError(
            f"{path} holds a {type(found).__name__}; expected a map of settings, as zone: null."
        )
    return found or {}


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both maps, ``above`` winning, nested maps merged key by key."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        nested = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(old, value) if nested else value  # type: ignore[arg-type]
    return merged


def lookup(conf: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path.

    Raises LakehouseError where conf has no such value.
    """
    value: Any = conf
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise LakehouseError(
                f"conf has no setting {path}, which a table asks for; add it to conf/base.yaml."
            )
        value = value[part]
    return value
