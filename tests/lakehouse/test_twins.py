"""Landed rows that DuckDB stages are those that Spark stages; all others are left to Spark."""

import random
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from places import Build, frame

from lakehouse import build as building
from lakehouse import codes, split
from lakehouse.catalogue import Catalogue
from lakehouse.log import Log
from lakehouse.run import Result
from lakehouse.schema import arrow
from lakehouse.twins import days, landed
from retail.contracts import INVENTORY_SNAPSHOTS, PAGE_VIEWS, PRODUCTS, STORES, TRANSACTIONS
from retail.terms.status import STATUSES

COUNTS, VIEWS, LINES = "stg_inventory_snapshots", "stg_page_views", "stg_transactions"
ENTITIES = {
    COUNTS: INVENTORY_SNAPSHOTS,
    VIEWS: PAGE_VIEWS,
    LINES: TRANSACTIONS,
    "stg_stores": STORES,
    "stg_products": PRODUCTS,
}
Rows = list[dict[str, Any]]
Close = Callable[..., Any]


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each staging table built since the test began, whether DuckDB made it.

    Few rows share no words by what they take in files: here they are taken to.
    """
    monkeypatch.setattr(codes, "_SHARED", 10_000)
    found: list[bool] = []
    for way in ("staged", "merged", "appended"):
        whole = getattr(landed, way)

        def tried(frame: Any, verdict: Any, *more: Any, whole: Any = whole, way: str = way) -> Any:
            made = whole(frame, verdict, *more)
            by_keys = verdict.table.name == LINES and not verdict.whole
            if verdict.table.declaration.duckdb and by_keys == (way != "staged"):
                found.append(made is not None)
            return made

        monkeypatch.setattr(landed, way, tried)
    return found


def land(landing: Path, table: str, name: str, rows: Rows, **types: pa.DataType) -> None:
    """A landed Parquet file; ``types`` are of columns that are not as the contract says, or more."""
    contract = ENTITIES[table]
    fields = [f.with_type(types.pop(f.name, f.type)) for f in arrow(contract.columns)]
    fields += [pa.field(name, kind) for name, kind in types.items()]
    file = landing / contract.entity / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), file)


def count(product: str, on: date = date(2026, 6, 1), store: str = "STR-0001", **other: Any) -> Any:
    return {"snapshot_date": on, "store_id": store, "product_id": product} | {
        "quantity_on_hand": 9,
        "quantity_available": 7,
        **other,
    }


def view(event: str, at: datetime = datetime(2026, 6, 1, 9, tzinfo=UTC), **other: Any) -> Any:
    said = {"event_id": event, "session_id": "S1", "event_timestamp": at, "event_type": "search"}
    return said | other


def line(number: int | None, status: str, at: datetime | None = None, **other: Any) -> Any:
    said = {
        "transaction_id": f"T{number}" if number else None,
        "store_id": "S1",
        "product_id": "P",
        "quantity": 1,
    }
    day = datetime(2025, 11, 2, 1, 30) + timedelta(hours=(number or 0) % 7)
    said |= {"transaction_date": day, "unit_price": Decimal(5), "order_status": status}
    said |= {"channel": "online", "fulfillment_type": "bopis", "updated_at": at}
    return said | other


def some_lines(chance: random.Random, numbers: range) -> Rows:
    """States of lines, some of them again, at stores of several zones when clocks change."""
    first = datetime(2025, 11, 3, tzinfo=UTC)
    return [
        line(
            number,
            chance.choice(STATUSES),
            first + timedelta(seconds=chance.randint(0, 10**6)) if number % 9 else None,
            store_id=chance.choice(["S1", "S2", "S3", "nowhere"]),
            quantity=chance.choice([1, 2, -1]),
            discount_amount=chance.choice([None, Decimal("0.50")]),
            line_type=chance.choice([None, "charge"]),
            customer_id=chance.choice([None, "C1"]),
        )
        for number in numbers
        for _ in range(chance.randint(1, 3) if number % 9 else 1)
    ]


def rows(lake: Path, table: str, layer: str = "silver") -> list[tuple[Any, ...]]:
    found = DeltaTable(str(lake / layer / table)).to_pyarrow_table().to_pylist()
    return sorted((tuple(sorted(row.items())) for row in found), key=str)


@pytest.fixture
def close(build: Build) -> Close:
    """Build a staging table with settings of conf, any text that is not blank being an id."""

    def close(
        landing: Path, lake: Path, table: str, catalogue: Catalogue | None = None, **conf: Any
    ) -> Result:
        plain = dict(frame(landing, lake).conf)
        ids = {"ids": dict.fromkeys(plain["ids"], r"\S")}
        given = {"catalogue": catalogue} if catalogue else {}
        result = build(landing, lake, f"+{table}", conf=plain | ids | conf, **given)
        assert result.exit_status == 0, [o.reason for o in result.outcomes]
        return result

    return close


@pytest.fixture
def by_spark(close: Close, tmp_path: Path) -> Close:
    """What Spark alone makes of all that landed."""

    def by_spark(landing: Path, table: str, **conf: Any) -> Any:
        close(landing, tmp_path / "other", table, carry={"by": "spark"}, **conf)
        return rows(tmp_path / "other", table)

    return by_spark


def some_counts(seed: int) -> Rows:
    """Counts of odd stores and products, with nulls, on days on which clocks change."""
    chance = random.Random(seed)
    days = [date(2025, 10, 25), date(2025, 10, 26), date(2025, 11, 2), date(2026, 3, 8)]
    ids = ["A", "b c", "ÄÖ", "online", "x" * 40, "'q'", "0"]

    def some(most: int = 9) -> int | None:
        return chance.choice([None, 0, -3, chance.randint(0, most)])

    return [
        count(
            product,
            day,
            store,
            quantity_on_hand=chance.randint(0, 9),
            quantity_reserved=some(),
            quantity_available=some(),
            reorder_point=some(),
            days_of_supply=chance.choice([None, 1.5, float("inf")]),
        )
        for day in days
        for store in ids
        for product in ids
        if chance.random() < 0.7
    ]


@pytest.mark.parametrize("zone", [None, "America/Chicago", "Atlantic/Azores"])
def test_counts_are_those_of_spark(
    close: Close, by_spark: Close, tmp_path: Path, zone: str | None, told: list[bool]
) -> None:
    """Azorean clocks are set back at midnight: the last second of a day strikes twice."""
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    made = some_counts(7)
    half = len(made) // 2
    land(landing, COUNTS, "2025-12-31_a", made[:half])
    land(landing, COUNTS, "counts", made[half:])
    odd = {"zone": zone, "layout": {"store_ranges": 3}}
    close(landing, lake, COUNTS, **odd)
    assert told == [True]
    assert rows(lake, COUNTS) == by_spark(landing, COUNTS, **odd)
    assert told == [True, False]
    assert len(rows(lake, COUNTS)) == len(made)


def test_views_are_those_of_spark(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    first = datetime(2026, 5, 31, 23, 30, 0, 123456, tzinfo=UTC)
    made = [view(f"E{n}", first + timedelta(hours=n), page_url=f"/{n}") for n in range(40)]
    land(landing, VIEWS, "2026-06-02", made)
    close(landing, lake, VIEWS)
    assert rows(lake, VIEWS) == by_spark(landing, VIEWS)
    assert told == [True, False]


def test_a_new_day_is_appended_and_one_that_came_before_is_left_to_spark(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    for day in (1, 2):
        land(landing, COUNTS, f"2026-06-0{day}", [count("A", date(2026, 6, day))])
        (lake / "silver" / COUNTS / "_made").mkdir(parents=True)  # as a killed build leaves it
        close(landing, lake, COUNTS)
        assert Log(lake / "silver" / COUNTS).last_added().files == 1
    land(landing, COUNTS, "2026-06-03", [count("B"), count("A", quantity_available=1)])
    close(landing, lake, COUNTS)
    assert told == [True, True, False]
    (landing / "inventory_snapshots" / "2026-06-02.parquet").unlink()
    land(landing, COUNTS, "2026-06-02", [count("C", date(2026, 6, 2))])  # corrected
    close(landing, lake, COUNTS)
    assert told == [True, True, False, False]
    assert rows(lake, COUNTS) == by_spark(landing, COUNTS)
    assert len(rows(lake, COUNTS)) == 3


def test_a_day_that_is_held_is_made_of_all_that_landed_of_it(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    midnight = datetime(2026, 6, 2, tzinfo=UTC)
    for day in range(3):
        hours = [midnight + timedelta(days=day, hours=h) for h in (-1, 1)]
        land(landing, VIEWS, f"2026-06-0{day + 2}", [view(f"E{at}", at) for at in hours])
        close(landing, lake, VIEWS)
    assert told == [True, True, True]
    assert Log(lake / "silver" / VIEWS).last_added().rows == 3
    assert rows(lake, VIEWS) == by_spark(landing, VIEWS)
    assert len(rows(lake, VIEWS)) == 6


def test_lines_are_kept_in_their_newest_state_as_spark_keeps_them(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake, chance = tmp_path / "landing", tmp_path / "lake", random.Random(3)
    at = datetime(2020, 1, 1, tzinfo=UTC)
    stores = [
        {"store_id": f"S{n}", "state": state, "updated_at": at + timedelta(days=n), "name": "x"}
        for n, state in ((1, "TX"), (2, "HI"), (1, "NY"), (3, None))
    ]
    land(landing, "stg_stores", "stores", stores)
    for day in range(3, 7):
        land(landing, LINES, f"2025-11-0{day}", some_lines(chance, range(day * 5, 40)))
        close(landing, lake, LINES)
        assert told.pop()
        assert rows(lake, LINES) == by_spark(landing, LINES)
        shutil.rmtree(tmp_path / "other")
        assert not told.pop()
    assert len(rows(lake, LINES)) == 25


@pytest.mark.parametrize("merging", [(10**9, 4), (0, 0)], ids=["days", "rows of days"])
def test_sales_are_those_of_spark(
    close: Close, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, merging: tuple[int, int]
) -> None:
    """Lines of several states, returns, credit notes, charges and cancelled ones, day after day."""
    monkeypatch.setattr(building.merging, "WORTH", merging)
    found: list[tuple[str, bool]] = []
    merged: list[bool] = []
    for way in ("write", "store"):
        whole = getattr(days, way)

        def tried(frame: Any, verdict: Any, *more: Any, whole: Any = whole) -> Any:
            made = whole(frame, verdict, *more)
            if verdict.table.declaration.duckdb and not verdict.table.is_staging:
                found.append((verdict.table.name, bool(made)))
                merged.append(more[1].keys is not None)
            return made

        monkeypatch.setattr(days, way, tried)
    landing, lake, chance = tmp_path / "landing", tmp_path / "lake", random.Random(5)
    at = datetime(2025, 11, 1, tzinfo=UTC)
    for number, cost in enumerate([None, "1.0049", "2.5", "3.125"]):
        product = {"product_id": "P", "unit_cost": cost and Decimal(cost), "unit_price": Decimal(9)}
        product["updated_at"] = at + timedelta(hours=9 * number)
        land(landing, "stg_products", f"{number}", [product])
    for day in range(3, 7):
        made = some_lines(chance, range((day - 3) * 9 + 1, day * 9 + 1))
        for one in made:
            number = int(one["transaction_id"][1:])
            on = datetime(2025, 11, 1 + number // 9 % 6, number % 24, 30)  # no line moves to a day
            one |= {"transaction_date": on, "product_id": chance.choice(["P", "P", "unknown"])}
            one |= {"order_id": chance.choice([None, "O1", "O2"]), "fulfilled_from": "S9"}
            one |= {"total_amount": chance.choice([None, Decimal("7.77"), Decimal("-1.00")])}
            one |= {"fulfillment_type": chance.choice(["bopis", "ship_to_home"])}
        land(landing, LINES, f"2025-11-0{day}", made)
        shutil.rmtree(tmp_path / "other", ignore_errors=True)
        tables = ("fact_sales", "int_daily_sales")
        for table in tables:
            close(landing, lake, table)
        assert {name for name, _ in found} == set(tables)
        assert all(made for _, made in found)
        count = len(found)
        for table in tables:
            close(landing, tmp_path / "other", table, carry={"by": "spark"})
            layer = "gold" if table == "fact_sales" else "silver"
            assert rows(lake, table, layer) == rows(tmp_path / "other", table, layer)
        assert not any(made for _, made in found[count:])
        found.clear()
    assert any(merged) == (merging == (0, 0))
    assert len(rows(lake, "fact_sales", "gold")) == 54


def test_a_row_that_breaks_a_stop_rule_is_left_to_spark(
    close: Close, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, LINES, "2025-11-04", [line(1, "shipped", discount_amount=Decimal("1.50"))])
    changed = frame(landing, lake)
    declaration = changed.catalogue.tables["fact_sales"].declaration
    right = "gross_units - returned_units AS net_units"
    assert right in declaration.duckdb
    wrong = declaration.duckdb.replace(right, "CAST(7 AS BIGINT) AS net_units")
    monkeypatch.setitem(vars(declaration), "duckdb", wrong)
    asked: list[bool] = []
    whole = days.store

    def store(*arguments: Any) -> bool:
        asked.append(whole(*arguments))
        return asked[-1]

    monkeypatch.setattr(days, "store", store)
    close(landing, lake, "fact_sales", changed.catalogue)
    assert asked[-1] is False
    # Spark, to which a row that breaks a rule is left, makes it right.
    assert [dict(row)["net_units"] for row in rows(lake, "fact_sales", "gold")] == [1]


def test_two_states_of_which_neither_is_newer_are_left_to_spark(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    """Equal ones are one: a file landed twice under two names."""
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    at = datetime(2025, 11, 4, tzinfo=UTC)
    for name in ("2025-11-04_a", "2025-11-04_b"):
        land(landing, LINES, name, [line(1, "shipped", at)])
    close(landing, lake, LINES)
    assert told == [True]
    land(landing, LINES, "2025-11-05", [line(1, "shipped", at, quantity=2)])
    close(landing, lake, LINES)
    assert told == [True, False]
    assert rows(lake, LINES) == by_spark(landing, LINES)
    assert len(rows(lake, LINES)) == 1


def test_a_key_of_which_a_state_was_rejected_is_left_to_spark(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, LINES, "2025-11-04", [line(1, "shipped"), line(2, "lost")])
    close(landing, lake, LINES)
    land(landing, LINES, "2025-11-05", [line(1, "delivered"), line(3, "shipped")])
    close(landing, lake, LINES)
    assert told == [False, True]
    land(landing, LINES, "2025-11-06", [line(2, "shipped"), line(3, "delivered")])
    close(landing, lake, LINES)
    assert told == [False, True, False]
    assert rows(lake, LINES) == by_spark(landing, LINES)
    assert len(rows(lake, LINES)) == 3


@pytest.mark.parametrize("unfit", [False, True])
def test_many_new_lines_are_appended_beside_the_others(
    close: Close,
    by_spark: Close,
    tmp_path: Path,
    told: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    unfit: bool,
) -> None:
    monkeypatch.setattr(split, "LARGE", 0)
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, LINES, "2025-11-04", [line(n, "shipped") for n in range(1, 6)])
    close(landing, lake, LINES)
    news = [line(n, "delivered") for n in range(4, 10)]
    news += [line(10, "lost"), line(None, "shipped")] if unfit else []
    land(landing, LINES, "2025-11-05", news)
    close(landing, lake, LINES)
    assert told == ([True, False, False] if unfit else [True, True, True])
    assert rows(lake, LINES) == by_spark(landing, LINES)
    assert len(rows(lake, LINES)) == 9


UNFIT = [
    [count("A"), count(" ")],
    [count("A"), count("B", quantity_on_hand=None, quantity_available=None)],
    [count("A"), count("A", quantity_available=1)],
    [count("A"), count("B\x0b")],
    [count("A"), count("\x0b")],
    [count("A"), count("B", date(1899, 12, 31))],
    [count("A"), {"store_id": "S", "product_id": "P", "quantity_available": 1}],
]


@pytest.mark.parametrize("unfit", UNFIT, ids=lambda rows: str(rows[1]["product_id"]))
def test_a_row_that_does_not_fit_leaves_all_to_spark(
    close: Close, by_spark: Close, tmp_path: Path, unfit: Rows, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, COUNTS, "2026-06-01", unfit)
    close(landing, lake, COUNTS)
    assert told == [False]
    assert rows(lake, COUNTS) == by_spark(landing, COUNTS)
    assert [file.name for file in (lake / "silver" / COUNTS).glob("**/made-*")] == []
    assert not (lake / "silver" / COUNTS / "_made").exists()


def test_other_types_than_the_contract_s_are_left_to_spark(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, COUNTS, "2026-06-01", [count("A")], quantity_on_hand=pa.int64())
    close(landing, lake, COUNTS)
    assert told == [False]
    assert rows(lake, COUNTS) == by_spark(landing, COUNTS)
    assert len(rows(lake, COUNTS)) == 1


def test_columns_beside_the_contract_s_are_none_of_the_table_s(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    odd = {"sold_on": date(1999, 1, 1), "is_cancelled": False, "returned_on": None}
    others = {"zone": "UTC", "minute": 3, "_path": "x", "store_range": 7, "sequence": 5}
    types = {"sold_on": pa.date32(), "is_cancelled": pa.bool_(), "returned_on": pa.date32()}
    types |= {"zone": pa.string(), "_path": pa.string()}
    types |= dict.fromkeys(("minute", "store_range", "sequence"), pa.int32())
    at = datetime(2025, 11, 4, tzinfo=UTC)
    lines = [line(1, "cancelled", at), line(2, "returned", at)]
    land(landing, LINES, "2025-11-04", [one | odd | others for one in lines], **types)
    land(landing, COUNTS, "2025-11-04", [count("A") | others], **types)
    for table in (LINES, COUNTS):
        close(landing, lake, table)
    assert told == [True, True]
    for table in (LINES, COUNTS):
        assert rows(lake, table) == by_spark(landing, table)


def test_a_pattern_that_is_read_otherwise_is_left_to_spark(
    close: Close, tmp_path: Path, told: list[bool]
) -> None:
    """The Kelvin sign is a k to one of them where case does not count."""
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, COUNTS, "2026-06-01", [count("K1"), count("\u212a1")])
    ids = {"product_id": r"(?i)^k\d$", "store_id": None, "customer_id": None}
    close(landing, lake, COUNTS, ids=ids)
    assert told == [False]
    assert len(rows(lake, COUNTS)) == 1
    for pattern in (r"^(?!X)\w+$", r"^\w++$"):  # which DuckDB does not know
        shutil.rmtree(lake)
        close(landing, lake, COUNTS, ids=ids | {"product_id": pattern})
        assert told.pop() is False
        assert [*(lake / "silver" / COUNTS).glob("**/made-*")] == []


def test_a_day_of_earlier_rejects_is_left_to_spark_which_may_release_them(
    close: Close, by_spark: Close, tmp_path: Path, told: list[bool]
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, COUNTS, "2026-06-01", [count("A", date(2026, 6, 2), store=" ")])
    close(landing, lake, COUNTS)
    land(landing, COUNTS, "2026-06-02", [count("A", date(2026, 6, 3))])
    close(landing, lake, COUNTS)
    land(landing, COUNTS, "2026-06-03", [count("A", date(2026, 6, 2))])
    close(landing, lake, COUNTS)
    assert told == [False, True, False]
    assert rows(lake, COUNTS) == by_spark(landing, COUNTS)


@pytest.mark.parametrize(
    ("wrong", "told_of"), [("nothing", "nothing"), ("'x'", "makes sequence as VARCHAR")]
)
def test_a_mistake_in_the_sql_of_a_table_is_an_error(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, told_of: str
) -> None:
    landing, lake = tmp_path / "landing", tmp_path / "lake"
    land(landing, COUNTS, "2026-06-01", [count("A")])
    changed = frame(landing, lake)
    declaration = changed.catalogue.tables[COUNTS].declaration
    sql = declaration.duckdb.replace("file_date AS", f"{wrong} AS")
    monkeypatch.setitem(vars(declaration), "duckdb", sql)
    result = build(landing, lake, f"+{COUNTS}", catalogue=changed.catalogue)
    assert result.exit_status == 1
    (said,) = [one.reason for one in result.outcomes if one.status == "failed"]
    assert "stg_inventory_snapshots.py" in said
    assert told_of in said
