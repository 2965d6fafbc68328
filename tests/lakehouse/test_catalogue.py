"""The catalogue refuses declarations that cannot be right, and orders and selects the others."""

import itertools
import sys
from pathlib import Path

import pytest

from lakehouse import LakehouseError, build_log, quarantine
from lakehouse.catalogue import load
from lakehouse.checks import verdicts
from lakehouse.doctor import findings
from lakehouse.landing import ledger
from lakehouse.views import OPS

HEAD = """
from typing import Annotated
from lakehouse import by_commit, by_day, by_key, by_version, changelog, conserved, days, files, history, keys, table, view, whole
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


def declared(
    name: str, inputs: str, key: str = "('id',)", scope: str = "whole()", more: str = ""
) -> str:
    options = f"key={key}, scope={scope}, schema=DDL, {more}"
    return f"@table({options})\ndef {name}({inputs}):\n  'One row.'"


def viewed(name: str, sql: str, comments: str = "{}") -> str:
    return f"@view(comments={comments})\ndef {name}():\n  'One row.'\n  return '{sql}'"


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
            "gold/b.py",
            declared(
                "b",
                "stg_a: Annotated[object, by_day('sold_on', uses=('valid_to',))]",
                scope="days('sold_on', rows_by=('id',))",
            ),
            "b makes rows again by id, which it does not take from stg_a",
        ),
        (
            "gold/b.py",
            declared("b", "stg_a", scope="days('sold_on', rows_by=('ident',))"),
            "names the columns ident in its key, references or rows_by",
        ),
        ("gold/b.py", viewed("b", "SELECT id FROM gold.stg_a"), "b selects from gold.stg_a, which no file declares; did you mean silver.stg_a"),
        ("gold/b.py", viewed("b", "SELECT id FROM stg_a"), "b selects from stg_a, which no file declares; did you mean silver.stg_a"),
        ("gold/b.py", viewed("b", "SELECT id FROM gold.b"), "the views b select from each other in a cycle"),
        ("gold/b.py", viewed("b", "SELECT FROM WHERE"), "b is no SQL that can be read"),
        ("gold/stg_a.py", viewed("stg_a", "SELECT 1 AS id"), "stg_a is declared twice, first at"),
        ("gold/b.py", declared("b", "stg_a", more="references={'id': 'stg_aa.id'}"), "id of b refers to stg_aa.id, which is no column of a declared table; did you mean stg_a."),
        ("gold/b.py", declared("b", "stg_a", more="references={'id': 'stg_a.ids'}"), "refers to stg_a.ids, which is no column of a declared table; did you mean id."),
        (
            "gold/b.py",
            declared("b", "stg_a", more="conserves=[conserved('count(*)', 'stg_a', 'count(*)')]"),
            "b conserves count(*) of stg_a, which no file declares; did you mean silver.stg_a",
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


def test_views_may_select_from_what_builds_keep_of_themselves() -> None:
    every = (ledger, quarantine, build_log, verdicts, findings)
    assert set(OPS) == {f"ops.{kept.NAME}" for kept in every}


def test_two_views_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(f"{layer}/b.py", viewed("b", "SELECT 1 AS id")) for layer in ("silver", "gold")]
    made = package(tmp_path, monkeypatch, *both)
    with pytest.raises(LakehouseError, match=r"gold/b.py:\d+: b is declared twice, first at"):
        load(made)


def test_a_view_s_column_keeps_its_comment_through_joins_stars_and_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stg = (STG[0], STG[1].replace("DDL", "\"id STRING COMMENT 'Who', n INT COMMENT 'How many'\""))
    inner = viewed("a", "WITH w AS (SELECT 1 AS one) SELECT s.*, w.one FROM silver.stg_a s, w",
                   "{'one': 'Always 1'}")  # fmt: skip
    outer = viewed("b", "SELECT a.id AS renamed, one, n + 1 AS more, r.batch_id FROM gold.a a, ops.build_log r",
                   "{'one': 'Still 1'}")  # fmt: skip
    made = package(tmp_path, monkeypatch, RAW, stg, ("gold/a.py", inner), ("gold/b.py", outer))
    assert load(made).view_columns == {
        "gold.a": {"id": "Who", "n": "How many", "one": "Always 1"},
        "gold.b": {"renamed": "Who", "one": "Still 1", "more": "", "batch_id": ""},
    }
    lost = viewed("c", "SELECT id FROM silver.stg_a", "{'idd': 'Who'}")
    made = package(tmp_path, monkeypatch, RAW, stg, ("gold/c.py", lost))
    with pytest.raises(LakehouseError, match=r"c comments on idd, which.*; did you mean id\."):
        _ = load(made).view_columns
