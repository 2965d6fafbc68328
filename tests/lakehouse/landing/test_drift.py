"""Columns that differ from the contract: the whole matrix of what happens to a file."""

import doctest
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy.contracts import CONTRACTS

from lakehouse import LakehouseError
from lakehouse.landing import drift
from lakehouse.landing.ledger import survey
from lakehouse.landing.source import Source, load_source

CONTRACT = {
    "sale_id": pa.string(),
    "item_id": pa.string(),
    "sold_on": pa.date32(),
    "amount": pa.decimal128(18, 2),
    "updated_at": pa.timestamp("us", "UTC"),
}


def source(folder: Path, policy: str = "{}") -> Source:
    file = folder / "toy.yaml"
    file.write_text(f"drift: {policy}\nentities: {{sales: {{files: ['sales/*']}}}}")
    return load_source(file, CONTRACTS)


def landed(folder: Path, form: str, columns: dict[str, pa.DataType], policy: str = "{}") -> str:
    """'' where a file with these columns is taken, after one as the contract says; else why not."""
    landing = folder / "landing" / "sales"
    landing.mkdir(parents=True)
    write(landing / f"2026-06-01.{form}", form, CONTRACT)
    before = survey(landing.parent, source(folder), {}, "a")
    write(landing / f"2026-06-02.{form}", form, columns)
    found = survey(landing.parent, source(folder, policy), before.files, "b")
    file = found.files["sales", f"sales/2026-06-02.{form}"]
    assert file.status == ("set_aside" if file.reason else "registered")
    assert found.files["sales", f"sales/2026-06-01.{form}"].status == "registered"
    return file.reason or ""


def write(path: Path, form: str, columns: dict[str, pa.DataType]) -> None:
    if form == "parquet":
        pq.write_table(pa.schema(columns).empty_table(), path)
    elif form == "csv":
        path.write_text(",".join(columns) + "\n")
    else:
        path.write_text(json.dumps(dict.fromkeys(columns, "1")) + "\n")


def changed(**types: pa.DataType | None) -> dict[str, pa.DataType]:
    """The contract's columns, with other types or, where None, without them."""
    columns = CONTRACT | types
    return {name: kind for name, kind in columns.items() if kind is not None}


def renamed(old: str, new: str) -> dict[str, pa.DataType]:
    return {new if name == old else name: kind for name, kind in CONTRACT.items()}


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (changed(colour=pa.string()), ""),  # added: stays in bronze
        (dict(reversed(CONTRACT.items())), ""),  # reordered
        (changed(updated_at=None), ""),  # an optional column may be missing
        (changed(amount=None), "it lacks amount"),
        (renamed("amount", "amt"), "it lacks amount; amount is probably called amt now"),
        (renamed("item_id", "article"), "it lacks item_id; item_id is probably called article"),
        (renamed("updated_at", "updated"), "updated_at is probably called updated now"),
    ],
)
def test_names_in_every_format(
    tmp_path: Path, form: str, columns: dict[str, pa.DataType], said: str
) -> None:
    reason = landed(tmp_path, form, columns)
    assert reason.startswith(said)
    assert bool(reason) == bool(said)


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ({"amount": pa.decimal128(38, 4)}, ""),  # widened: taken
        ({"amount": pa.float64()}, ""),
        ({"amount": pa.string()}, ""),
        ({"sold_on": pa.timestamp("ns")}, ""),
        ({"updated_at": pa.timestamp("ms")}, ""),
        ({"amount": pa.null()}, ""),
        ({"item_id": pa.dictionary(pa.int32(), pa.string())}, ""),
        (
            {"amount": pa.int64()},
            "amount is BIGINT, which cannot hold the contract's DECIMAL(18,2)",
        ),
        ({"amount": pa.decimal128(9, 2)}, "amount is DECIMAL(9,2), which cannot hold"),
        ({"amount": pa.float32()}, "amount is FLOAT, which cannot hold"),
        ({"updated_at": pa.date32()}, "updated_at is DATE, which cannot hold"),
        ({"item_id": pa.int64()}, "item_id is BIGINT, which cannot hold the contract's STRING"),
        ({"sold_on": pa.bool_()}, "sold_on is BOOLEAN, which cannot hold"),
    ],
)
def test_types_of_parquet(tmp_path: Path, types: dict[str, pa.DataType], said: str) -> None:
    reason = landed(tmp_path, "parquet", changed(**types))
    assert reason.startswith(said)
    assert bool(reason) == bool(said)


@pytest.mark.parametrize(
    ("policy", "columns", "said"),
    [
        ("{narrowed: accept}", changed(amount=pa.int32()), ""),
        ("{renamed: accept}", renamed("updated_at", "updated"), ""),
        ("{renamed: accept}", renamed("amount", "amt"), "it lacks amount"),  # nothing stands in
        ("{added: set_aside}", changed(colour=pa.string()), "colour is new"),
        ("{widened: set_aside}", changed(amount=pa.float64()), "amount is DOUBLE, which is wider"),
    ],
)
def test_a_source_may_choose(
    tmp_path: Path, policy: str, columns: dict[str, pa.DataType], said: str
) -> None:
    reason = landed(tmp_path, "parquet", columns, policy)
    assert reason.startswith(said)
    assert bool(reason) == bool(said)


def test_both_schemas_stand_side_by_side(tmp_path: Path) -> None:
    columns = renamed("amount", "amt") | {"colour": pa.string()}
    assert landed(tmp_path, "parquet", columns).split("\n")[1:] == [
        "  contract             | file",
        "  sale_id STRING       | sale_id STRING",
        "  item_id STRING       | item_id STRING",
        "  sold_on DATE         | sold_on DATE",
        "  amount DECIMAL(18,2) | amt DECIMAL(18,2)",
        "  updated_at TIMESTAMP | updated_at TIMESTAMP",
        "  -                    | colour STRING",
    ]


def test_a_file_is_taken_once_its_source_accepts_it(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    (landing / "sales").mkdir(parents=True)
    write(landing / "sales" / "a.parquet", "parquet", changed(amount=pa.int32()))
    first = survey(landing, source(tmp_path), {}, "a")
    assert len(first.newly_set_aside) == 1
    again = survey(landing, source(tmp_path), first.files, "b")
    assert not again.newly_set_aside  # known, and no error again
    now = survey(landing, source(tmp_path, "{narrowed: accept}"), again.files, "c")
    assert now.files["sales", "sales/a.parquet"].status == "registered"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{narowed: accept}", "says narowed of drift, which means nothing; did you mean narrowed"),
        ("{added: accept}", "says accept of added columns; expected keep or set_aside"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(tmp_path: Path, policy: str, said: str) -> None:
    with pytest.raises(LakehouseError, match=said):
        source(tmp_path, policy)


def test_the_examples() -> None:
    assert not doctest.testmod(drift).failed
