"""Days of stock that few changes reach: the rows of those are made, and put where the others lie."""

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
from deltalake.exceptions import CommitFailedError
from pyspark.sql import SparkSession

from lakehouse import carrying, merging, storage
from lakehouse.frame import Frame
from lakehouse.landing.ledger import Survey
from lakehouse.log import Log, Record, commit_properties
from lakehouse.plan import judge
from lakehouse.schema import arrow
from lakehouse.write import Target, files_and_bytes
from retail import project
from retail.terms.layout import store_range_of

OWN, SOLD, COUNTED = "fact_inventory_daily", "int_daily_sales", "stg_inventory_snapshots"
DAYS = [date(2026, 5, 1) + timedelta(n) for n in range(34)]
PRODUCTS = [f"P{n}" for n in range(12)]
STORES = ["S1", "S2"]
Rows = list[dict[str, Any]]
Row = tuple[tuple[str, Any], ...]


class Lake:
    """A lake that holds what stock is made of, a file a day and range of stores."""

    def __init__(self, folder: Path, ranges: int = 1):
        self.folder, self.ranges = folder, ranges
        self.catalogue = self.frame().catalogue
        self.table = self.catalogue.tables[OWN]
        for name in (SOLD, COUNTED, "dim_product"):
            Target(self.catalogue.tables[name], self.path(name)).create()
        self.put("dim_product", versions(), None)

    def frame(self) -> Frame:
        nothing = {"source": None, "landing": self.folder / "landing", "lake": self.folder}
        found = project.frame(SimpleNamespace(**nothing, env="local", as_of=None))  # type: ignore[arg-type]
        found.conf.update({"layout": {"store_ranges": self.ranges}})  # type: ignore[attr-defined]
        return found

    def path(self, name: str) -> Path:
        return self.folder / self.catalogue.tables[name].layer / name

    def put(self, name: str, rows: Rows, day: tuple[str, date] | None) -> None:
        """Replace the rows of a day, or add some to a table without days."""
        schema = arrow(self.catalogue.tables[name].columns)
        ranged = [
            row | ({"store_range": store_range_of(row["store_id"], self.ranges)} if day else {})
            for row in rows
        ]
        filled = pa.Table.from_pylist(ranged, schema)
        where = f"{day[0]} = '{day[1]}'" if day else None
        write_deltalake(
            str(self.path(name)),
            filled,
            mode="overwrite" if day else "append",
            predicate=where,
            commit_properties=commit_properties(Record(batch="b")),
        )

    def land(self, sales: Rows, counts: Rows) -> None:
        """Replace the days of which there are rows."""
        for name, column, rows in ((SOLD, "sold_on", sales), (COUNTED, "snapshot_date", counts)):
            for day in sorted({row[column] for row in rows}):
                self.put(name, [row for row in rows if row[column] == day], (column, day))

    def close(self, spark: Any = None) -> str:
        frame = self.frame()
        verdict = judge(frame, self.table, Survey({}, [], []))
        if not verdict.reason:
            return "up to date"
        return carrying.close(spark, frame, verdict, Target(self.table, self.path(OWN)))[0]

    def version(self) -> int:
        return Log(self.path(OWN)).version

    def rows(self, version: int | None = None) -> set[Row]:
        found = DeltaTable(str(self.path(OWN)), version=version).to_pyarrow_table().to_pylist()
        assert len(set(map(hashable, found))) == len(found)
        return set(map(hashable, found))

    def said(self, since: int) -> list[dict[str, Any]]:
        """What the commits after a version say of files."""
        newest = Log(self.path(OWN)).version
        return [a for v in range(since + 1, newest + 1) for a in storage.actions(self.path(OWN), v)]


def hashable(values: dict[str, Any]) -> Row:
    return tuple(sorted(values.items()))


def versions() -> Rows:
    always, never = datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
    kept = {"is_active": True, "valid_from": always, "valid_to": never}
    return [
        {"product_key": n + 1, "product_id": p, "unit_price": Decimal(n), **kept}
        for n, p in enumerate(PRODUCTS)
    ]


def history(luck: random.Random) -> tuple[Rows, Rows]:
    """Sales and counts of all days but the last, by lot."""
    sales: Rows = []
    counts: Rows = []
    for day in DAYS[:-1]:
        for store in STORES:
            for product in PRODUCTS:
                if luck.random() < 0.5:
                    sales += [sale(luck, store, product, day)]
                if luck.random() < 0.9:
                    counts += [count(luck, store, product, day)]
    return sales, counts


def sale(luck: random.Random, store: str, product: str, day: date) -> dict[str, Any]:
    units = {"gross_units": luck.randint(0, 5), "net_units": luck.randint(-2, 5)}
    return {"store_id": store, "product_id": product, "sold_on": day, **units}


def count(luck: random.Random, store: str, product: str, day: date) -> dict[str, Any]:
    closed = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    levels = {"quantity_available": luck.choice([0, 3, 40]), "safety_stock": luck.choice([None, 2])}
    return {"store_id": store, "product_id": product, "snapshot_date": day, "closed_at": closed,
            "days_of_supply": 1.5, **levels}  # fmt: skip


def late(luck: random.Random, rows: Rows, day: str, last: date) -> Rows:
    """Days of the last week as they are known later: a row is another, one is gone, one is new."""
    known: Rows = []
    changed = [d for d in DAYS[-9:-1] if luck.random() < 0.5]
    make = sale if day == "sold_on" else count
    for one in changed:
        held = [row for row in rows if row[day] == one]
        luck.shuffle(held)
        present = {(row["store_id"], row["product_id"]) for row in held}
        every = [(s, p) for s in STORES for p in PRODUCTS]
        known += held[2:]
        known += [make(luck, row["store_id"], row["product_id"], one) for row in held[1:2]]
        known += [make(luck, *pair, one) for pair in every if pair not in present][:1]
    return known + [make(luck, s, p, last) for s in STORES for p in PRODUCTS if luck.random() < 0.7]


def late_sales(luck: random.Random, sales: Rows) -> Rows:
    """Sales of days that the table holds, as they are known later."""
    return [row for row in late(luck, sales, "sold_on", DAYS[-1]) if row["sold_on"] < DAYS[-1]]


def closed(folder: Path, seed: int) -> tuple[random.Random, Lake, Rows]:
    """A lake of which all days but the last are closed, and what was sold on them."""
    luck, lake = random.Random(seed), Lake(folder)
    sales, counts = history(luck)
    lake.land(sales, counts)
    lake.close()
    return luck, lake, sales


@pytest.fixture(autouse=True)
def few_rows_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "WORTH", (0, 0))


@pytest.mark.parametrize("seed", range(6))
def test_the_rows_are_those_of_a_table_made_whole(tmp_path: Path, seed: int) -> None:
    luck = random.Random(seed)
    lake, whole = Lake(tmp_path / "lake"), Lake(tmp_path / "whole")
    sales, counts = history(luck)
    known = late(luck, sales, "sold_on", DAYS[-1])
    recounted = late(luck, counts, "snapshot_date", DAYS[-1]) if seed % 2 else []
    for one in (lake, whole):
        one.land(sales, counts)
    assert lake.close() == "whole"
    before = Log(lake.path(OWN)).version
    for one in (lake, whole):
        one.land(known, recounted)
    assert lake.close() == "part"
    assert whole.close() == "whole"
    assert lake.rows() == whole.rows()
    assert lake.close() == "up to date"
    measured = [
        files_and_bytes(lake.path(OWN), v)[0] for v in range(before + 1, lake.version() + 1)
    ]
    said = lake.said(before)
    feeds = [action["cdc"] for action in said if "cdc" in action]
    images = [image for one in feeds for image in pq.read_table(lake.path(OWN) / one["path"],
              partitioning=None).to_pylist()]  # fmt: skip
    day_of = [date.fromisoformat(one["partitionValues"]["snapshot_date"]) for one in feeds for _ in
              range(pq.read_metadata(lake.path(OWN) / one["path"]).num_rows)]  # fmt: skip
    went, came = set[Row](), set[Row]()
    for image, day in zip(images, day_of, strict=True):
        kind = image.pop("_change_type")
        told = went if kind in ("delete", "update_preimage") else came
        told.add(hashable({**image, "snapshot_date": day, "store_range": 0}))
    old, now = lake.rows(before), {r for r in lake.rows() if dict(r)["snapshot_date"] < DAYS[-1]}
    assert went | came
    new_day = sum(dict(r)["snapshot_date"] == DAYS[-1] for r in lake.rows())
    assert measured == [len(came), *([new_day] if new_day else [])]
    assert went <= old
    assert (old - went) | came == now
    # Days that nothing reached lie where they lay, and the new day is not among the images.
    removed = {a["remove"]["partitionValues"]["snapshot_date"] for a in said if "remove" in a}
    assert min(removed) >= str(DAYS[-9])
    assert removed == {str(dict(r)["snapshot_date"]) for r in old ^ now}


def test_each_range_of_stores_is_patched_by_a_task(spark: SparkSession, tmp_path: Path) -> None:
    luck = random.Random(7)
    lake, whole = Lake(tmp_path / "lake", 5), Lake(tmp_path / "whole", 5)
    sales, counts = history(luck)
    known = late(luck, [s for s in sales if s["store_id"] == "S1"], "sold_on", DAYS[-1])
    for one in (lake, whole):
        one.land(sales, counts)
    lake.close(spark)
    before = Log(lake.path(OWN)).version
    for one in (lake, whole):
        one.land([k for k in known if k["sold_on"] < DAYS[-1]], [])
    lake.close(spark)
    whole.close(spark)
    assert lake.rows() == whole.rows()
    assert any("cdc" in action for action in lake.said(before))


def test_a_stop_after_the_patches_is_told_and_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck, lake, sales = closed(tmp_path, 3)
    before = lake.rows(), Log(lake.path(OWN)).version
    more = [count(luck, s, p, DAYS[-1]) for s in STORES for p in PRODUCTS]
    lake.land(late_sales(luck, sales), more)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    for step in ("actions", "register"):
        with monkeypatch.context() as dying:
            dying.setattr(getattr(carrying, step), "commit", killed)
            with pytest.raises(KeyboardInterrupt):
                lake.close()
        if step == "actions":
            assert (lake.rows(), Log(lake.path(OWN)).version) == before
    record = Log(lake.path(OWN)).record()
    assert record is not None
    assert not record.is_finished
    assert lake.close() == "whole"
    made = lake.rows()
    fresh = Lake(tmp_path / "fresh")
    for name in (SOLD, COUNTED):
        held = DeltaTable(str(lake.path(name))).to_pyarrow_table().to_pylist()
        column = "sold_on" if name == SOLD else "snapshot_date"
        for day in sorted({row[column] for row in held}):
            fresh.put(name, [row for row in held if row[column] == day], (column, day))
    fresh.close()
    assert made == fresh.rows()


def test_of_two_that_patch_the_second_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luck, lake, sales = closed(tmp_path, 4)
    lake.land(late_sales(luck, sales), [])
    one = carrying.commit

    def after_another(*arguments: Any) -> None:
        monkeypatch.setattr(carrying, "commit", one)
        lake.close()
        one(*arguments)

    monkeypatch.setattr(carrying, "commit", after_another)
    with pytest.raises(CommitFailedError):
        lake.close()
