"""Spreads over days, schemas as text, and what changes a fingerprint."""

import re
import sys
from datetime import date
from pathlib import Path

import pytest

from lakehouse import LakehouseError, by_day, fingerprint, history
from lakehouse.schema import Column, parse
from lakehouse.submit import archive


def test_a_window_reaches_the_days_after_and_a_lag_the_day_it_names() -> None:
    spread = by_day("sold_on", windows=(2,), lags=(7,))
    first = date(2026, 6, 1)
    assert spread.rewritten({first}) == {date(2026, 6, day) for day in (1, 2, 3, 8)}
    assert spread.read({date(2026, 6, 8)}) == {date(2026, 6, day) for day in (8, 7, 6, 1)}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"first_version": "1900"}, "'1900'; expected a date, as 1900-01-01, or event."),
        ({"open_end": "event"}, "'event'; expected a date, as 1900-01-01."),
    ],
)
def test_a_history_starts_and_ends_at_dates(how: dict[str, str], said: str) -> None:
    with pytest.raises(LakehouseError, match=re.escape(said)):
        history("id", tracked=(), **how)  # type: ignore[arg-type]


def test_a_schema_is_read_without_a_session() -> None:
    assert parse(
        "id STRING NOT NULL COMMENT 'a, it''s (one)', n decimal(18, 2), l ARRAY<STRING>"
    ) == (
        Column("id", "STRING", True, "a, it's (one)"),
        Column("n", "DECIMAL(18,2)"),
        Column("l", "ARRAY<STRING>"),
    )
    with pytest.raises(LakehouseError, match="'id TEXT' is no column; expected name TYPE"):
        parse("id TEXT")


def test_code_and_imported_terms_count_and_comments_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, term = tmp_path / "fp" / "table.py", tmp_path / "fp" / "term.py"
    table.parent.mkdir()
    (tmp_path / "fp" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))

    def printed(table_text: str, term_text: str, other: str = "") -> str:
        table.write_text(table_text)
        term.write_text(term_text)
        (tmp_path / "fp" / "other.py").write_text(other)
        fingerprint._tree.cache_clear()

        def made() -> None: ...

        made.__module__ = "fp.table"
        return fingerprint.fingerprint(made)

    base = printed("from fp.term import x\ny = x", "x = 1")
    assert printed("from fp.term import x\n# a comment\ny  =  x", "'''Said.'''\nx = 1") == base
    assert printed("from fp.term import x\ny = x", "x = 1", "z = 2") == base
    assert printed("from fp.term import x\ny = x", "x = 2") != base
    assert printed("from fp.term import x\ny = x + 1", "x = 1") != base


def test_code_in_a_zip_as_submits_bring_it_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib" / "fz"
    package.mkdir(parents=True)
    for name, text in {"__init__": "", "table": "from fz.term import x", "term": "x = 1"}.items():
        (package / f"{name}.py").write_text(text)
    zipped = archive(tmp_path / "lib", tmp_path / "lib.zip")

    def made() -> None: ...

    made.__module__ = "fz.table"
    found = set()
    for root in (tmp_path / "lib", zipped):
        fingerprint._tree.cache_clear()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(root))
            assert fingerprint.source("fz.term") == "x = 1"
            found.add(fingerprint.fingerprint(made))
        sys.modules.pop("fz")
    assert len(found) == 1


def test_code_without_its_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="The source of _heapq is not there"):
        fingerprint.source("_heapq")
