"""The catalogue refuses declarations that cannot be right, and orders and selects the others."""

import itertools
import sys
from pathlib import Path

import pytest

from lakehouse import LakehouseError
from lakehouse.catalogue import load

HEAD = """
from typing import Annotated
from lakehouse import by_commit, by_day, by_key, by_version, changelog, days, files, history, keys, table, view, whole
DDL = "id STRING NOT NULL, sold_on DATE, valid_from TIMESTAMP, valid_to TIMESTAMP"
"""
RAW = (
    "bronze/raw_a.py",
    "@table(key=(), scope=files('a'), schema=DDL)\ndef raw_a():\n  'One row.'",
)
STG = (
    "silver/stg_a.py",
    "@table(key=('id',), scope=keys('id'), schema=DDL)\n"
    "def stg_a(raw_a: Annotated[object, by_key('id')]):\n  'One row.'",
)
COUNT = itertools.count()


def declared(name: str, inputs: str, key: str = "('id',)", scope: str = "whole()") -> str:
    return f"@table(key={key}, scope={scope}, schema=DDL)\ndef {name}({inputs}):\n  'One row.'"


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, *files: tuple[str, str]) -> str:
    """A package of table files in a folder of its own; returns its name."""
    name = f"made_{next(COUNT)}"
    for layer in ("bronze", "silver", "gold", "ops"):
        (folder / name / layer).mkdir(parents=True)
        (folder / name / layer / "__init__.py").touch()
    (folder / name / "__init__.py").touch()
    for path, text in files:
        (folder / name / path).write_text(HEAD + text)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return name


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        ("gold/b.py", declared("b", "stg_aa"), "reads stg_aa, which no file declares; did you mean stg_a"),
        ("gold/b.py", declared("b", "raw_a"), "only stg_ tables may, so read stg_a instead"),
        ("gold/b.py", declared("c", "stg_a"), "the file declares c; expected the one table or view b"),
        ("gold/b.py", "def b(): 'One row.'", "the file declares no table"),
        ("gold/b.py", declared("b", "stg_a", "('ident',)"), "names the columns ident in its key"),
        ("gold/b.py", declared("b", "b"), "tables b -> b read each other in a cycle"),
        ("gold/stg_a.py", declared("stg_a", ""), "stg_a is declared twice, first at"),
        ("gold/b.py", declared("b", "stg_a").replace("'One row.'", "pass"), "b has no docstring"),
        (
            "gold/b.py",
            declared("b", "stg_a: Annotated[object, by_day('day')]", scope="days('sold_on')"),
            "takes the column day from stg_a, which has none",
        ),
        (
            "gold/b.py",
            declared("b", "stg_a: Annotated[object, by_key('id')]", scope="days('sold_on')"),
            "must spread to its scope directly",
        ),
        (
            "ops/b.py",
            declared("b", "stg_a: Annotated[object, by_key('id')]", scope="changelog()"),
            "b takes stg_a by the wrong spread; expected by_commit(...)",
        ),
        (
            "gold/b.py",
            declared("b", "stg_a: Annotated[object, by_commit('id')]"),
            "b takes stg_a by the wrong spread; expected another",
        ),
        (
            "ops/b.py",
            declared("b", "stg_a: Annotated[object, by_commit('sold_on')]", scope="changelog()"),
            "takes stg_a by commit of sold_on; expected its key, id",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, text: str, said: str
) -> None:
    made = package(tmp_path, monkeypatch, RAW, STG, (path, text))
    with pytest.raises(LakehouseError) as refused:
        load(made)
    assert said in str(refused.value)
    assert ".py:" in str(refused.value)


def test_tables_come_after_what_they_read_and_are_selected_by_lineage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = package(
        tmp_path,
        monkeypatch,
        RAW,
        STG,
        ("gold/a.py", declared("a", "z")),
        ("gold/z.py", declared("z", "stg_a")),
    )
    catalogue = load(made)
    assert catalogue.order == ["raw_a", "stg_a", "z", "a"]
    assert catalogue.select([]) == catalogue.order
    assert catalogue.select(["gold"]) == ["z", "a"]
    assert catalogue.select(["z"]) == ["z"]
    assert catalogue.select(["gold.z+"]) == ["z", "a"]
    assert catalogue.select(["+z"]) == ["raw_a", "stg_a", "z"]
    with pytest.raises(LakehouseError, match=r"'stg_b' selects nothing.*did you mean stg_a"):
        catalogue.select(["stg_b"])
