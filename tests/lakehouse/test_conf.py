"""Conf: what wins over what, and what is refused."""

from datetime import date
from pathlib import Path

import pytest

from lakehouse import LakehouseError, expect
from lakehouse.checks.rules import render
from lakehouse.conf import conf_folder, load, lookup, merge


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A conf folder of our own with one environment, ``near``."""
    (tmp_path / "base.yaml").write_text("zone: null\nquantity: {min: 1, max: 1000}\n")
    (tmp_path / "near.yaml").write_text("quantity: {max: 5}\n")
    monkeypatch.setenv("LAKEHOUSE_CONF", str(tmp_path))
    return tmp_path


def test_an_environment_overrides_only_the_keys_it_names(folder: Path) -> None:
    assert load("near") == {"zone": None, "quantity": {"min": 1, "max": 5}}


def test_a_source_overrides_the_environment(folder: Path) -> None:
    conf = load("near", {"zone": "Europe/London", "quantity": {"max": 100_000}})
    assert conf == {"zone": "Europe/London", "quantity": {"min": 1, "max": 100_000}}


def test_an_empty_environment_changes_nothing(folder: Path) -> None:
    (folder / "far.yaml").write_text("# nothing differs here\n")
    assert load("far") == {"zone": None, "quantity": {"min": 1, "max": 1000}}


def test_an_unknown_environment_is_refused_with_those_there_are(folder: Path) -> None:
    with pytest.raises(LakehouseError, match=r"no environment nere: .*nere\.yaml.* one of near"):
        load("nere")


def test_a_file_that_is_no_yaml_is_refused_with_its_line(folder: Path) -> None:
    (folder / "near.yaml").write_text("zone: [\n")
    with pytest.raises(LakehouseError, match=r"near\.yaml is no YAML: .*line 2"):
        load("near")


@pytest.mark.parametrize("text", ["- zone\n", "zone\n"])
def test_a_file_that_is_no_map_is_refused(folder: Path, text: str) -> None:
    (folder / "near.yaml").write_text(text)
    with pytest.raises(LakehouseError, match=r"near\.yaml holds a (list|str); expected a map"):
        load("near")


def test_merging_changes_neither_map() -> None:
    below, above = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(below, above) == {"a": {"b": 1, "c": 2}}
    assert (below, above) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_a_value_replaces_a_map_and_a_map_a_value() -> None:
    assert merge({"a": {"b": 1}, "c": 2}, {"a": 3, "c": {"d": 4}}) == {"a": 3, "c": {"d": 4}}


def test_a_setting_is_found_by_its_path_also_when_null() -> None:
    conf = {"stock": {"overstocked_days": 90}, "zone": None}
    assert lookup(conf, "stock.overstocked_days") == 90
    assert lookup(conf, "zone") is None


@pytest.mark.parametrize("path", ["stock.days", "stok", "stock.overstocked_days.more"])
def test_a_setting_that_is_not_there_is_refused(path: str) -> None:
    with pytest.raises(LakehouseError, match=f"no setting {path},"):
        lookup({"stock": {"overstocked_days": 90}}, path)


@pytest.mark.parametrize("env", ["local", "cluster"])
def test_the_committed_environments_keep_what_delta_and_landing_need(
    env: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAKEHOUSE_CONF", raising=False)
    spark = load(env)["spark"]
    assert (conf_folder() / "base.yaml").is_file()
    assert spark["spark.sql.session.timeZone"] == "UTC"
    assert spark["spark.sql.ansi.enabled"] is True
    assert spark["spark.sql.legacy.parquet.nanosAsLong"] is True


def test_a_date_without_quotes_is_a_literal_in_a_rule() -> None:
    rule = expect.quarantine("sequence <= {history.latest}", "not in the far future")
    assert render(rule, {"history": {"latest": date(2100, 1, 1)}}) == ("sequence <= '2100-01-01'")
