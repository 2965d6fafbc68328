"""Rows of days that changes reach are, told by DuckDB, those that Spark tells of the same images."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from lakehouse import build as building
from lakehouse import reached as reaching
from lakehouse.changes import Affected, affected
from lakehouse.feed import Pinned
from lakehouse.frame import Frame, Verdict
from lakehouse.log import Log, Record, commit_properties
from lakehouse.schema import arrow
from lakehouse.write import Target
from retail import project

DAYS = [date(2026, 5, 1) + timedelta(n) for n in range(8)]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
# Each table that is made by rows of days, with the inputs that change.
TABLES = {
    "fact_sales": ("stg_transactions", "dim_product"),
    "int_daily_sales": ("stg_transactions",),
    "fact_inventory_daily": ("stg_inventory_snapshots", "int_daily_sales", "dim_product"),
}
Rows = list[dict[str, Any]]


class Lake:
    """A lake whose tables hold what a test puts there."""

    def __init__(self, folder: Path):
        self.folder = folder
        nothing = {"source": None, "landing": folder / "landing", "lake": folder}
        self.frame: Frame = project.frame(SimpleNamespace(**nothing, env="local", as_of=None))  # type: ignore[arg-type]
        self.tables = self.frame.catalogue.tables

    def path(self, name: str) -> Path:
        return self.folder / self.tables[name].layer / name

    def put(self, name: str, rows: Rows) -> None:
        """Make rows those of a table, day by day where it lies by days, each by its commit."""
        target = Target(self.tables[name], self.path(name))
        target.create()
        column = target.partition
        held = DeltaTable(str(target.path)).to_pyarrow_table().to_pylist()
        days = {row[column] for row in (*rows, *held)} if column else {None}
        for day in sorted(days, key=str):
            now = [row for row in rows if not column or row[column] == day]
            schema = arrow(self.tables[name].columns)
            was = [row for row in held if not column or row[column] == day]
            made = pa.Table.from_pylist(now, schema)
            if sorted(map(str, made.to_pylist())) == sorted(map(str, was)):
                continue
            write_deltalake(
                str(target.path),
                made,
                mode="overwrite",
                predicate=f"{column} = '{day}'" if column else None,
                commit_properties=commit_properties(Record(batch="b")),
            )


def lines(luck: random.Random, days: list[date]) -> Rows:
    rows = []
    for number in range(40):
        day = luck.choice(days)
        rows += [
            {"transaction_id": f"T{number}", "store_id": luck.choice("AB"), "product_id": luck.choice("PQR"),
             "sold_on": day, "sold_at": datetime(day.year, day.month, day.day, 10, tzinfo=UTC),
             "transaction_date": datetime(day.year, day.month, day.day, 10), "quantity": 1,
             "is_cancelled": False, "line_type": "sale", "sequence": NOON, "order_status": "placed",
             "returned_on": luck.choice([None, None, luck.choice(days)])}
        ]  # fmt: skip
    return rows


def changed_lines(luck: random.Random, rows: Rows, days: list[date]) -> Rows:
    """Some change, in columns that count or not, some go, some come, and some move to another day."""
    known = []
    for row in rows:
        kind = luck.choice(["same"] * 8 + ["status", "unused", "moved", "gone", "returned"])
        if kind != "gone":
            known += [row | {
                "status": {"is_cancelled": True}, "unused": {"order_status": "shipped"},
                "moved": {"sold_on": luck.choice(days)}, "returned": {"returned_on": luck.choice(days)},
            }.get(kind, {})]  # fmt: skip
    return known + [
        row | {"transaction_id": f"N{row['transaction_id']}"} for row in lines(luck, days)[:5]
    ]


def by_pair(luck: random.Random, days: list[date], **columns: Any) -> Rows:
    return [
        {"store_id": s, "product_id": p, "store_range": ord(s) % 2}
        | {name: make(luck, day) for name, make in columns.items()}
        for day in days for s in "AB" for p in "PQR" if luck.random() < 0.7
    ]  # fmt: skip


def counts(luck: random.Random, days: list[date]) -> Rows:
    return by_pair(
        luck,
        days,
        snapshot_date=lambda _, day: day,
        closed_at=lambda _, day: datetime(day.year, day.month, day.day, 23, tzinfo=UTC),
        sequence=lambda *_: NOON,
        quantity_available=lambda luck, _: luck.randint(0, 3),
    )


def sales(luck: random.Random, days: list[date]) -> Rows:
    return by_pair(
        luck,
        days,
        sold_on=lambda _, day: day,
        gross_units=lambda luck, _: luck.randint(0, 3),
        net_units=lambda luck, _: luck.randint(0, 3),
    )


def versions(luck: random.Random) -> Rows:
    """Histories of products whose last version may be cut, another one, or priced otherwise."""
    rows = []
    for number, product in enumerate("PQR"):
        cuts = sorted(
            {NOON + timedelta(hours=luck.randint(0, 150)) for _ in range(luck.randint(0, 2))}
        )
        ends = [*cuts, NEVER]
        for place, (start, end) in enumerate(zip([NOON - timedelta(9), *cuts], ends, strict=True)):
            rows += [{"product_key": 10 * number + place, "product_id": product, "unit_cost": luck.choice([None, 1]),
                      "is_active": True, "valid_from": start, "valid_to": end, "is_current": end == NEVER}]  # fmt: skip
    return rows


def some_changed(luck: random.Random, old: Rows, new: Rows) -> Rows:
    """Of rows by pair and day mostly the old ones."""

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["store_id"], row["product_id"], row.get("sold_on"), row.get("snapshot_date")

    kept = {place(row): row for row in old if luck.random() < 0.9}
    return [*(kept | {place(row): row for row in new if luck.random() < 0.1}).values()]


def put(
    lake: Lake, luck: random.Random, days: list[date], before: dict[str, Rows]
) -> dict[str, Rows]:
    stated = before.get("stg_transactions")
    now = {
        "stg_transactions": changed_lines(luck, stated, days) if stated else lines(luck, days),
        "stg_inventory_snapshots": counts(luck, days),
        "int_daily_sales": sales(luck, days),
        "dim_product": versions(luck),
    }
    for name in ("stg_inventory_snapshots", "int_daily_sales"):
        if before:
            now[name] = some_changed(luck, before[name], now[name])
    if before and luck.random() < 0.6:  # one version costs otherwise, or nothing is another
        now["dim_product"] = [dict(row) for row in before["dim_product"]]
        some = luck.choice(now["dim_product"])
        some["unit_cost"] = luck.choice([some["unit_cost"], 2])
    for name, rows in now.items():
        lake.put(name, rows)
    return now


@pytest.mark.parametrize("seed", range(8))
def test_rows_reached_are_those_that_spark_tells(
    spark: SparkSession, tmp_path: Path, seed: int
) -> None:
    luck, lake = random.Random(seed), Lake(tmp_path)
    before = put(lake, luck, DAYS[:6], {})
    built = {name: Log(lake.path(name)).version for name in before}
    for _ in range(luck.randint(1, 2)):
        before = put(lake, luck, DAYS[: 6 + luck.randint(0, 2)], before)
    for name, inputs in TABLES.items():
        table = lake.tables[name]
        pins = {i: Pinned(lake.path(i), Log(lake.path(i)).version, built[i]) for i in inputs}
        changed = tuple(i for i in inputs if pins[i].version > built[i])
        verdict = Verdict(table, "changed", Record(), False, changed, pins)
        held = frozenset(DAYS[: luck.choice([5, 8])])
        lake.path(name).mkdir(parents=True, exist_ok=True)
        with reaching.beside(lake.path(name)) as folder:
            found = building.told_by_duckdb(spark, lake.frame, verdict, held, folder)
            wanted = affected(spark, table, lake.tables, pins, changed, by_rows_of=held)
            assert found is not None
            assert (found.days, found.new_days) == (wanted.days, wanted.new_days), name
            assert rows_of(found) == rows_of(wanted), name
            assert found.key_count == (
                len(rows_of(found) or ()) if found.keys is not None else None
            )
        assert not folder.exists()


INPUTS = {
    "int_daily_sales": ("sold_on", ("gross_units",)),
    "fact_inventory_daily": (
        "snapshot_date",
        ("is_ranged", "is_in_stock", "unit_price", "daily_demand"),
    ),
}


def stock(luck: random.Random, days: list[date]) -> Rows:
    return by_pair(
        luck,
        days,
        snapshot_date=lambda _, day: day,
        is_ranged=lambda luck, _: luck.random() < 0.5,
        is_in_stock=lambda luck, _: luck.random() < 0.5,
        unit_price=lambda luck, _: luck.choice([None, Decimal(5)]),
        day_units=lambda luck, _: luck.randint(0, 3),  # which the features do not use
    )


@pytest.mark.parametrize("seed", range(6))
def test_amendments_are_the_rows_that_differ_before_and_after(tmp_path: Path, seed: int) -> None:
    luck, lake = random.Random(seed), Lake(tmp_path)
    table, until = lake.tables["mart_demand_forecast_input"], DAYS[5]
    states = [
        {"int_daily_sales": sales(luck, DAYS[:6]), "fact_inventory_daily": stock(luck, DAYS[:6])}
    ]
    for _ in range(luck.randint(1, 3)):
        come = {"int_daily_sales": sales(luck, DAYS), "fact_inventory_daily": stock(luck, DAYS)}
        states.append({name: some_changed(luck, states[-1][name], come[name]) for name in come})
    built = {}
    for state in states:
        for name, rows in state.items():
            lake.put(name, rows)
            built.setdefault(name, Log(lake.path(name)).version)
    pins = {n: Pinned(lake.path(n), Log(lake.path(n)).version, v) for n, v in built.items()}
    lake.path(table.name).mkdir(parents=True)
    with reaching.beside(lake.path(table.name)) as folder:
        assert folder is not None
        found = reaching.write_amendments(table, lake.tables, pins, pins, until, folder)
        assert found is not None
        wanted_days = set()
        for name, (day, columns) in INPUTS.items():
            used = ("store_id", "product_id", "store_range", day, *columns)
            was, now = (
                {tuple(row.get(c) for c in used) for row in rows[name] if row[day] <= until}
                for rows in (states[0], states[-1])
            )
            told = {-1: set(), 1: set()}
            for part, files in found.files.get(name, {}).items():
                for row in (
                    r for f in files for r in pq.read_table(f, partitioning=None).to_pylist()
                ):
                    row["store_range"] = int(part)
                    told[row.pop("_net")].add(tuple(row[c] for c in used))
            assert told == {-1: was - now, 1: now - was}
            changed = {row[3] for row in was ^ now}
            wanted_days |= {d + timedelta(n) for d in changed for n in range(2 * 364 + 1)}
        assert found.days == wanted_days


def test_amendments_that_cannot_be_told_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck, lake = random.Random(1), Lake(tmp_path)
    name, table = "int_daily_sales", lake.tables["mart_demand_forecast_input"]
    lake.put(name, sales(luck, DAYS[:6]))
    built = Log(lake.path(name)).version
    lake.put(name, sales(luck, DAYS[:6]))
    pins = {name: Pinned(lake.path(name), Log(lake.path(name)).version, built)}

    def found(of: str = table.name) -> Any:
        with reaching.beside(tmp_path / "beside") as folder:
            assert folder is not None
            one = lake.tables[of]
            return reaching.write_amendments(one, lake.tables, pins, pins, DAYS[5], folder)

    (tmp_path / "beside").mkdir()
    assert found()
    assert found("int_pooled_sales") is None  # which does not lie in slices
    with monkeypatch.context() as few:
        few.setattr(reaching, "MOST_IMAGES", 1)
        assert found() is None
    for file in lake.path(name).rglob("*.parquet"):
        file.unlink()
    assert found() is None


def rows_of(part: Affected) -> set[tuple[Any, ...]] | None:
    return None if part.keys is None else {tuple(row) for row in part.keys.collect()}


def test_what_duckdb_cannot_tell_is_left_to_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck, lake = random.Random(1), Lake(tmp_path)
    before = put(lake, luck, DAYS[:6], {})
    built = Log(lake.path("stg_transactions")).version
    put(lake, luck, DAYS[:6], before)
    pin = Pinned(lake.path("stg_transactions"), Log(lake.path("stg_transactions")).version, built)
    table, pins = lake.tables["int_daily_sales"], {"stg_transactions": pin}

    def found() -> Any:
        with reaching.beside(tmp_path / "beside") as folder:
            return reaching.reached_keys(table, lake.tables, pins, pins, DAYS, folder)

    (tmp_path / "beside").mkdir()
    assert found() is not None
    with monkeypatch.context() as few:
        few.setattr(reaching, "MOST", 1)
        assert found() is None
    for file in lake.path("stg_transactions").rglob("*.parquet"):
        file.unlink()
    assert found() is None
