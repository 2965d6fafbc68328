"""The gate on contract documents: valid by the standard, and no change that breaks unsaid.

Needs the packages of the extra ``quality``.
"""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import yaml

from lakehouse.errors import LakehouseError

API_VERSION, KIND = "v3.1.0", "DataContract"


def faults(folder: Path, revision: str) -> list[str]:
    """What is wrong with the documents: by the standard, or where they break those of a revision.

    ``revision`` is one of git's, as HEAD or origin/main. A change that breaks somebody raises the
    major version.
    """
    found = []
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text()
        said, asked = yaml.safe_load(text), f"{revision}:./{path.name}"
        if (said.get("kind"), said.get("apiVersion")) != (KIND, API_VERSION):
            found.append(f"{path.name}: expected kind {KIND} and apiVersion {API_VERSION}")
        found += [f"{path.name}: {reason}" for reason in lint(text)]
        git = subprocess.run(["git", "show", asked], cwd=folder, capture_output=True, text=True)
        old = git.stdout if git.returncode == 0 else text
        if _major(old) == _major(text):
            found += [f"{path.name} breaks that of {revision}: {one}" for one in broken(old, text)]
    return found


def _major(text: str) -> str:
    return str(yaml.safe_load(text)["version"]).split(".")[0]


def lint(text: str) -> list[str]:
    """Why a document is none of the standard."""
    from datacontract.data_contract import DataContract

    checks = DataContract(data_contract_str=text).lint().checks
    return [str(c.reason) for c in checks if c.result is not None and c.result.value != "passed"]


def broken(old: str, new: str) -> list[str]:
    """What of a change breaks those who bring files, or those who read them.

    Raises LakehouseError where the package that tells is not installed.
    """
    if old == new:
        return []
    if find_spec("datacontract") is None:
        raise LakehouseError(
            "A contract changed, and datacontract-cli, which tells whether that breaks somebody,"
            " is not installed; make quality sets it up (or pip install '.[quality]')."
        )
    from datacontract.data_contract import DataContract

    read = [DataContract(data_contract_str=text).get_data_contract() for text in (old, new)]
    before, after = (DataContract(data_contract=document) for document in read)
    free = {f"properties.{name}" for name in _may_be_missing(new)}
    found: dict[str, None] = {}
    for side in ("consumer", "producer"):
        for entry in before.breaking(after, perspective=side).entries:
            is_free = entry.path.endswith(tuple(free)) and entry.change_type.value == "added"
            if entry.level.value == "error" and not is_free:
                found[entry.message.strip()] = None
    return list(found)


def _may_be_missing(text: str) -> list[str]:
    """Columns of a document that nobody has to bring."""
    columns = yaml.safe_load(text)["schema"][0]["properties"]
    return [column["name"] for column in columns if "customProperties" in column]
