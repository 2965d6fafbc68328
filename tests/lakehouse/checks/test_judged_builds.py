"""Rules over whole tables in builds, the split in one pass, and verdicts that three judges share."""

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from corpus.files import parquet
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse import codes, quarantine
from lakehouse.checks.validate import expected, validate
from lakehouse.run import Result

PATIENT = {"references": {"stop_after_days": 3}}
SALES = ("sale_id", "item_id", "amount")


@pytest.fixture(scope="module")
def first(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A day of sales of known items, built."""
    house = House(tmp_path_factory.mktemp("judged"))
    house.land("prices/2026-06-01.csv", "A,10,a,2026-06-01 00:00:00")
    house.land("sales/2026-06-01.csv", "1,A,2026-06-01,5,2026-06-01 10:00:00")
    house.built()
    return house


@pytest.fixture
def house(first: House, tmp_path: Path) -> House:
    return first.copy(tmp_path)


def warnings(result: Result) -> list[str]:
    return [warning for outcome in result.outcomes for warning in outcome.warnings]


def statuses(result: Result) -> dict[str, str]:
    return {outcome.table.split(".")[1]: outcome.status for outcome in result.outcomes}


@pytest.mark.parametrize("shared", [0, 10_000], ids=["ids of rows", "distinct ids first"])
def test_an_unknown_id_warns_and_stops_once_it_is_old(
    house: House, monkeypatch: pytest.MonkeyPatch, shared: int
) -> None:
    monkeypatch.setattr(codes, "_SHARED", shared)
    house.land("sales/2026-06-03.csv", "3,Z,2026-06-03,1,2026-06-03 10:00:00")
    result = house.build(**PATIENT)
    assert result.exit_status == 0
    assert warnings(result) == [
        "1 rows of silver.stg_sales: item_id has a price (Z since 2026-06-03)"
    ]
    before = house.rows("stg_sales", *SALES)
    house.land("sales/2026-06-07.csv", "4,A,2026-06-07,1,2026-06-07 10:00:00")
    for _ in range(2):  # it stays stopped, and nothing is built of it
        result = house.build(**PATIENT)
        assert result.exit_status == 1
        stopped = {name: status for name, status in statuses(result).items() if name[:3] != "raw"}
        assert stopped == {"stg_sales": "stopped"} | dict.fromkeys(
            ("int_daily", "fact_sale", "mart_trend"), "skipped"
        )
        assert "Z since 2026-06-03): a stop rule is broken" in result.outcomes[-4].reason
        assert house.rows("stg_sales", *SALES) == before
    house.land("prices/2026-06-08.csv", "Z,1,z,2026-06-02 00:00:00")
    assert house.built(**PATIENT)["stg_sales"] == "part"
    assert house.rows("int_daily", "sold_on", "amount")[-1] == ("2026-06-07", "1.00")


def test_a_whole_table_that_breaks_a_stop_rule_is_put_back(house: House) -> None:
    before = house.rows("stg_sales", *SALES)
    lines = [f"{n},{n},2026-06-02,1,2026-06-02 10:00:00" for n in range(2, 22)]
    house.land("sales/2026-06-02.csv", *lines)
    result = house.build("stg_sales", "raw_sales")
    (stopped,) = (o for o in result.outcomes if o.status == "stopped")
    assert "few items are sold (count(distinct item_id) = 21)" in stopped.reason
    assert house.rows("stg_sales", *SALES) == before


@pytest.mark.parametrize(
    ("name", "content", "why", "beside"),
    [
        (
            "2026-06-02.csv",
            b"sale_id,item_id,sold_on\n2,A,2026-06-02\n",
            "it lacks amount; send it as the contract says, or map the columns in the source's YAML",
            "-",
        ),
        (
            "2026-06-02.parquet",
            parquet(amount=pa.array([Decimal("5.00")] * 2, pa.decimal128(5, 2))),
            "amount is DECIMAL(5,2), which cannot hold the contract's DECIMAL(18,2); send it as the"
            " contract says, or take it under drift in the source's YAML",
            "amount DECIMAL(5,2)",
        ),
        (
            "2026-06-02.csv",
            b"sale_id,item_id,sold_on,amt\n2,A,2026-06-02,5\n",
            "it lacks amount; amount is probably called amt now; send it as the contract says, or map"
            " the columns in the source's YAML",
            "amt",
        ),
    ],
    ids=["dropped", "narrowed", "renamed"],
)
def test_a_file_whose_columns_changed_changes_no_table(
    house: House, name: str, content: bytes, why: str, beside: str
) -> None:
    def versions() -> dict[str, int]:
        paths = [house.path(name) for name in ("raw_sales", "stg_sales", "int_daily")]
        return {path.name: DeltaTable(str(path)).version() for path in paths}

    before = versions()
    (house.landing / "sales" / name).write_bytes(content)
    result = house.build()
    assert (result.exit_status, result.outcomes, versions()) == (1, [], before)
    (aside,) = result.set_aside
    said = str(aside.reason).split("\n")
    assert said[0] == why
    assert f"  amount DECIMAL(18,2) | {beside}" in said
    assert house.build().exit_status == 0  # known by now


def test_a_build_that_died_before_its_quarantine_is_made_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise RuntimeError("the machine went away")

    house.land("sales/2026-06-02.csv", "9,A,2026-06-02,-5,2026-06-02 12:00:00")
    with monkeypatch.context() as patched:
        patched.setattr(quarantine, "put_aside", dies)
        assert statuses(house.build("bronze", "silver", full_refresh=True))["stg_sales"] == "failed"
    (again,) = (o for o in house.build().outcomes if o.table == "silver.stg_sales")
    assert again.reason == "the build before died halfway"
    assert (again.rows_in, again.quarantined, again.rows, again.repeated) == (2, 1, 1, 0)
    assert house.rows("quarantine", "record_key", "status") == [('{"sale_id":"9"}', "quarantined")]


# Landed lines by what is to become of them: the rules they break, told without any of ours.
LINES = {
    "2,A,2026-06-02,7,2026-06-02 10:00:00": (),
    "3,Q,2026-06-02,7,2026-06-02 10:00:00": ("item_id has a price",),
    "4,A,2026-06-02,-7,2026-06-02 10:00:00": ("amount is not negative",),
    "5,Q,2026-06-02,-1,2026-06-02 10:00:00": ("amount is not negative",),
    ",A,2026-06-02,7,2026-06-02 10:00:00": ("sale_id is present",),
    ",A,2026-02-31,-7,2026-06-02 10:00:00": (
        *("sale_id is present", "sold_on is present", "amount is not negative"),
        "the record fits its contract",
    ),
    "6,A,2026-06-02,much,2026-06-02 10:00:00": ("the record fits its contract",),
    "7,A,2026-06-02,7": ("the record fits its contract",),
}


def test_great_expectations_the_split_and_plain_python_count_the_same(
    house: House, spark: SparkSession
) -> None:
    house.land("sales/2026-06-02.csv", *LINES)
    house.built("silver", "bronze")
    said: list[str] = []
    assert validate(house.frame(), ["stg_sales"], said.append) == 0
    assert expected(house.frame(), ["stg_sales"], spark, said.append, None) == 0, "\n".join(said)
    results = DeltaTable(str(house.path("quality_results"))).to_pyarrow_table().to_pylist()
    assert not [line for line in said if line.startswith("disagree")]
    counted = Counter(rule for broken in LINES.values() for rule in broken)
    for judge in ("lakehouse", "great_expectations"):
        mine = {row["rule"]: row for row in results if row["checked_by"] == judge}
        assert {n: r["failed_rows"] for n, r in mine.items() if r["failed_rows"]} == counted
        assert mine["amount is not negative"]["verdict"] == "quarantined"
        assert mine["item_id has a price"]["verdict"] == "warned"
        assert {"unique", "columns", "not null", "reference"} <= {r["kind"] for r in mine.values()}
    index = Path(said[-1].removeprefix("Data Docs: "))
    pages = {page: page.read_text() for page in index.parent.rglob("*.html")}
    assert len(pages) == 5  # the index, and of two suites what is expected and what was found
    assert not [page for page, text in pages.items() if re.search('(src|href)="http', text)]
    assert sum("item_id has a price" in text for text in pages.values()) == 2
    found = re.findall('<a href="(validations/[^"]*)">([^<]*)</a>', pages[index])
    assert sorted(name for _, name in found) == ["silver.stg_sales", "silver.stg_sales.landed"]
    assert all((index.parent / link).is_file() for link, _ in found)


def test_a_row_that_the_split_let_through_stops(house: House) -> None:
    path = str(house.path("stg_sales"))
    rows = DeltaTable(path).to_pyarrow_table().to_pylist()
    schema = DeltaTable(path).to_pyarrow_table().schema
    leak = rows[0] | {"sale_id": "8", "amount": -1, "sold_on": date(2026, 6, 1)}
    write_deltalake(
        path, type(DeltaTable(path).to_pyarrow_table()).from_pylist([leak], schema), mode="append"
    )
    said: list[str] = []
    assert validate(house.frame(), ["stg_sales"], said.append) == 1
    assert said[0] == (
        "stopped      1 rows of silver.stg_sales: amount is not negative"
        " (1 rows of the table itself break it: they were let through)"
    )
