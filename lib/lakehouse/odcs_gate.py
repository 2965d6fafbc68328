"""The gate on contract documents: valid by the standard, and no change that breaks unsaid.

Needs the packages of the extra ``quality``.
"""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import yaml

from lakehouse.errors import LakehouseError

API_VERSION, KIND = "v3.1.0", "DataContract"


def faults(folder: Path, revision: str) -> list[str]:
    """What is wrong with the documents: by the standard, or where they break those of a revision.

    ``revision`` is one of git's, as HEAD or origin/main. A change that breaks somebody raises the
    major version. Raises LakehouseError for a revision that is none.
    """
    before = _committed(folder, revision)
    gone = [name for name in before if not (folder / name).is_file()]
    found = [f"{name} is gone, and {revision} has it" for name in gone]
    for path in sorted(folder.glob("*.yaml")):
        text = path.read_text()
        said, old = yaml.safe_load(text), before.get(path.name, text)
        if (said.get("kind"), said.get("apiVersion")) != (KIND, API_VERSION):
            found.append(f"{path.name}: expected kind {KIND} and apiVersion {API_VERSION}")
        found += [f"{path.name}: {reason}" for reason in lint(text)]
        if _major(old) == _major(text):
            found += [f"{path.name} breaks that of {revision}: {one}" for one in broken(old, text)]
    return found


def _committed(folder: Path, revision: str) -> dict[str, str]:
    """The documents of a revision by file name; none where it had none.

    Raises LakehouseError for a revision that is none.
    """

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)

    if which("git") is None or git("rev-parse", "--verify", f"{revision}^{{commit}}").returncode:
        raise LakehouseError(
            f"Git knows no revision {revision} to hold {folder} against; name a commit or a branch"
            " of a clone, as HEAD or origin/main."
        )
    listed = git("ls-tree", "--name-only", revision, "./").stdout.split()
    documents = [name for name in listed if name.endswith(".yaml")]
    return {name: git("show", f"{revision}:./{name}").stdout for name in documents}


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
