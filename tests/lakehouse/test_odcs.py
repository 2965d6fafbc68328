"""Contracts as documents: valid by the standard, and no breaking change unless it is wanted."""

import doctest
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from places import ROOT

from lakehouse import LakehouseError, odcs, odcs_gate
from lakehouse.landing.source import Contract
from lakehouse.odcs import Contracts
from retail import project

FILES = sorted((ROOT / "conf" / "contracts").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_committed_contracts_are_valid(file: Path) -> None:
    said = yaml.safe_load(file.read_text())
    assert (said["kind"], said["apiVersion"], said["name"]) == ("DataContract", "v3.1.0", file.stem)
    assert odcs_gate.lint(file.read_text()) == []


def test_there_is_one_for_each_of_the_six_entities() -> None:
    assert len(FILES) == 6


def test_a_contract_says_what_the_rules_say() -> None:
    (document,) = (yaml.safe_load(f.read_text()) for f in FILES if f.stem == "transactions")
    lines = {column["name"]: column for column in document["schema"][0]["properties"]}
    assert lines["transaction_id"]["primaryKey"] is True
    assert lines["store_id"]["logicalTypeOptions"] == {"pattern": r"^STR-\d{4}$"}
    assert lines["product_id"]["relationships"] == [
        {"type": "foreignKey", "to": "products.product_id"}
    ]
    assert lines["channel"]["quality"][0]["arguments"] == {
        "validValues": ["online", "in_store", "app"]
    }
    assert [name for name, column in lines.items() if column["required"]] == [
        *("transaction_id", "store_id", "product_id", "transaction_date", "quantity")
    ]
    quality = {one["name"]: one.get("query") for one in document["schema"][0]["quality"]}
    assert (
        "abs(quantity) BETWEEN 1 AND 1000"
        in quality["absolute quantity is within the source's bounds"]
    )


def with_ddl(folder: Path, old: str, new: str, optional: str = "") -> Contracts:
    """The contracts written to a folder, and then one of them declared otherwise."""
    written = replace(project.contracts(ROOT), folder=folder)
    for path, text in written.pages().items():
        path.write_text(text)
    mapping = written.source.mappings["page_views"]
    assert old in mapping.contract.ddl
    more = mapping.contract.optional | ({optional} if optional else set())
    contract = Contract("page_views", mapping.contract.ddl.replace(old, new), more)
    mappings = {"page_views": replace(mapping, contract=contract)}
    return replace(written, source=replace(written.source, mappings=mappings))


def version(contracts: Contracts, breaking: bool = False) -> str:
    (text,) = contracts.pages(breaking, gate=True).values()
    return str(yaml.safe_load(text)["version"])


def test_what_may_be_added_raises_the_minor_version(tmp_path: Path) -> None:
    more = "browser         STRING COMMENT 'Browser', tab STRING COMMENT 'Tab'"
    contracts = with_ddl(tmp_path, "browser         STRING COMMENT 'Browser'", more, "tab")
    assert version(contracts) == "1.1.0"


def test_a_breaking_change_must_be_wanted(tmp_path: Path) -> None:
    contracts = with_ddl(tmp_path, "browser         STRING", "agent           STRING")
    with pytest.raises(
        LakehouseError, match=r"page_views.yaml would change.*Removed property browser.*--breaking"
    ):
        version(contracts)
    assert version(contracts, breaking=True) == "2.0.0"


def test_what_narrows_or_asks_for_more_breaks() -> None:
    (text,) = (file.read_text() for file in FILES if file.stem == "page_views")
    narrow = text.replace("logicalType: timestamp", "logicalType: date")
    asked = text.replace("required: false", "required: true", 1)
    assert "from 'timestamp' to 'date'" in odcs_gate.broken(text, narrow)[0]
    assert "from 'False' to 'True'" in odcs_gate.broken(text, asked)[0]


def test_the_gate_holds_documents_against_a_revision(tmp_path: Path) -> None:
    (text,) = (file.read_text() for file in FILES if file.stem == "page_views")
    (tmp_path / "page_views.yaml").write_text(text)
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "c"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert odcs_gate.faults(tmp_path, "HEAD") == []
    changed = text.replace("name: browser", "name: agent")
    (tmp_path / "page_views.yaml").write_text(changed)
    assert odcs_gate.faults(tmp_path, "HEAD") == [
        "page_views.yaml breaks that of HEAD: Removed property browser",
        "page_views.yaml breaks that of HEAD: Added property agent",
    ]
    (tmp_path / "page_views.yaml").write_text(changed.replace("version: 1", "version: 2"))
    assert odcs_gate.faults(tmp_path, "HEAD") == []
    (tmp_path / "page_views.yaml").write_text(text.replace("DataContract", "Contract"))
    assert "expected kind DataContract" in odcs_gate.faults(tmp_path, "HEAD")[0]
    (tmp_path / "page_views.yaml").unlink()
    assert odcs_gate.faults(tmp_path, "HEAD") == ["page_views.yaml is gone, and HEAD has it"]
    with pytest.raises(LakehouseError, match="Git knows no revision origin/nothing"):
        odcs_gate.faults(tmp_path, "origin/nothing")


def test_the_examples() -> None:
    assert not doctest.testmod(odcs).failed
