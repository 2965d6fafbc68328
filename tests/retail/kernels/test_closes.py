"""Closing days of the carried features on a lake of few pairs: what is written, kept, and refused."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.table import TableFeatures
from oracles.demand_features import Counts, Sales, by_hand, plain
from pyspark.sql import SparkSession

from lakehouse import LakehouseError, carrying
from lakehouse.backfill import backfill
from lakehouse.frame import Frame, Verdict
from lakehouse.landing.ledger import Survey
from lakehouse.log import Log, Record, commit_properties
from lakehouse.plan import judge
from lakehouse.schema import arrow
from lakehouse.slices import Slice, make
from lakehouse.write import Target
from retail import project
from retail.measure_duckdb import by_duckdb
from retail.measure_peer_files import ranges
from retail.terms.layout import store_range_of

OWN, SOLD, COUNTED = "mart_demand_forecast_input", "int_daily_sales", "fact_inventory_daily"
DAYS = [date(2024, 1, 1) + timedelta(n) for n in range(40)]
SALES: Sales = {(p, d): n % 4 for n, d in enumerate(DAYS) for p in ("A", "B")}
COUNTS: Counts = {(p, d): (True, n % 5 > 0, 5, 1.5) for n, d in enumerate(DAYS) for p in "AC"}


class Lake:
    """A lake that holds the inputs of the features, of a few days at a time."""

    def __init__(self, folder: Path, ranges: int = 1):
        self.folder, self.ranges = folder, ranges
        self.catalogue = self.frame().catalogue
        self.table = self.catalogue.tables[OWN]
        for name in (SOLD, COUNTED):
            Target(self.catalogue.tables[name], self.path(name)).create()

    def frame(self, as_of: date | None = None, kept: int | None = None, **conf: Any) -> Frame:
        nothing = {"source": None, "landing": self.folder / "landing", "lake": self.folder}
        found = project.frame(SimpleNamespace(**nothing, env="local"))  # type: ignore[arg-type]
        object.__setattr__(found, "as_of", as_of)
        settings = {"features": {"kept_days": kept}, "layout": {"store_ranges": self.ranges}}
        found.conf.update(settings | conf)  # type: ignore[attr-defined]
        return found

    def path(self, name: str) -> Path:
        return self.folder / self.catalogue.tables[name].layer / name

    def land(
        self,
        *days: date,
        sales: Sales = SALES,
        counts: Counts = COUNTS,
        stores: str = "S",
        again: bool = False,
    ) -> None:
        """Add the sales and counts of days, the same to every store, or put them there again."""
        for name, column in ((SOLD, "sold_on"), (COUNTED, "snapshot_date")) if again else ():
            for day in days:
                DeltaTable(str(self.path(name))).delete(f"{column} = DATE '{day}'")
        for store in stores:
            sold = [
                {"store_id": store, "product_id": p, "sold_on": d, "gross_units": n}
                for (p, d), n in sales.items()
                if d in days
            ]
            counted = [
                {"store_id": store, "product_id": p, "snapshot_date": d, "is_ranged": ranged,
                 "is_in_stock": stocked, "unit_price": Decimal(price), "daily_demand": Decimal("1.5")}
                for (p, d), (ranged, stocked, price, _) in counts.items() if d in days
            ]  # fmt: skip
            for name, rows in ((SOLD, sold), (COUNTED, counted)):
                place = store_range_of(store, self.ranges)
                schema = arrow(self.catalogue.tables[name].columns)
                made = pa.Table.from_pylist([row | {"store_range": place} for row in rows], schema)
                record = commit_properties(Record(batch="b"))
                write_deltalake(str(self.path(name)), made, mode="append", commit_properties=record)

    def verdict(self, frame: Frame) -> Verdict:
        return judge(frame, self.table, Survey({}, [], []))

    def close(self, day: date, spark: Any = None, **options: Any) -> str:
        """Close a day; the mode in which it was done, or why there was nothing to do."""
        frame = self.frame(day, **options)
        verdict = self.verdict(frame)
        if not verdict.reason:
            return "up to date"
        return carrying.close(spark, frame, verdict, Target(self.table, self.path(OWN)))[0]

    def rows(self) -> dict[Any, dict[str, Any]]:
        """What the table holds, by its key; a row there twice fails."""
        found: dict[Any, dict[str, Any]] = {}
        for row in DeltaTable(str(self.path(OWN))).to_pyarrow_table().to_pylist():
            key = tuple(row.pop(name) for name in ("store_id", "product_id", "observed_on"))
            assert key not in found
            found[key] = plain(row)
        return found

    def days(self) -> list[date]:
        return [date.fromisoformat(d) for d in Log(self.path(OWN)).partition_values("observed_on")]


def expected(days: list[date], stores: str = "S", ranges: int = 1) -> dict[Any, dict[str, Any]]:
    return expected_of(SALES, COUNTS, days, stores, ranges)


def expected_of(
    sales: Sales, counts: Counts, days: list[date], stores: str = "S", ranges: int = 1
) -> dict[Any, dict[str, Any]]:
    sales = {k: n for k, n in sales.items() if k[1] <= days[-1]}
    counts = {k: n for k, n in counts.items() if k[1] <= days[-1]}
    return {
        (store, *key): plain(row) | {"store_range": store_range_of(store, ranges)}
        for key, row in by_hand(sales, counts, "ABC", days).items()
        for store in stores
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.land(*DAYS[:20])
    return lake


def test_each_day_adds_its_own_and_a_day_closed_again_changes_nothing(lake: Lake) -> None:
    assert lake.close(DAYS[19]) == "whole"
    assert lake.rows() == expected(DAYS[:20])
    assert lake.close(DAYS[19]) == "up to date"
    lake.land(DAYS[20])
    assert lake.close(DAYS[20]) == "part"
    assert Log(lake.path(OWN)).last_added().files == 1
    assert lake.rows() == expected(DAYS[:21])


def test_few_days_are_kept_and_a_sunday_that_no_late_sale_reaches(lake: Lake) -> None:
    for last in (19, 22, 23, 31):
        lake.land(*(day for day in DAYS[20:] if day <= DAYS[last] and day > DAYS[last - 1]))
        lake.close(DAYS[last], kept=2)
        sunday = max(day for day in DAYS[: last - 7] if day.isoweekday() == 7)
        assert lake.days() == [sunday, DAYS[last - 1], DAYS[last]]
    landed = [*DAYS[:20], DAYS[22], DAYS[23], DAYS[31]]
    sales = {k: n for k, n in SALES.items() if k[1] in landed}
    counts = {k: v for k, v in COUNTS.items() if k[1] in landed}
    assert lake.rows() == expected_of(sales, counts, lake.days())


@pytest.mark.parametrize("kept", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_the_day_carried_from_is_mended_where_late_rows_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, kept: int
) -> None:
    """Without Spark, and from the newest day at hand: one that is made again, or goes."""
    bases: list[date | None] = []
    mended: list[bool] = []

    def seen(session: Any, slices: list[Slice], *others: Any) -> list[Any]:
        bases.extend(one.base for one in slices)
        mended.extend(one.base in one.amendable for one in slices)
        return make(session, slices, *others)

    monkeypatch.setattr(carrying, "make", seen)
    luck, lake, landed = random.Random(seed), Lake(tmp_path), set(DAYS[:20])
    sales, counts = dict(SALES), dict(COUNTS)
    lake.land(*landed)
    lake.close(DAYS[19], kept=kept)
    for last in (20, 21, 21, 24, 25):
        again = [DAYS[luck.randrange(last - 9, 19)], luck.choice(DAYS[19:last]), DAYS[last]]
        for day in again:
            for product in luck.sample("ABC", 2):
                sales[product, day] = luck.choice([0, 1, 9])
                counts[product, day] = luck.random() < 0.7, luck.random() < 0.7, 5, 1.5
            if luck.random() < 0.2:
                counts.pop(("A", day), None)
        lake.land(*again, sales=sales, counts=counts, again=True)
        landed.update(again)
        before = lake.days()
        assert lake.close(DAYS[last], kept=kept) == "part"
        assert lake.rows() == expected_of(
            {k: n for k, n in sales.items() if k[1] in landed},
            {k: v for k, v in counts.items() if k[1] in landed},
            lake.days(),
        )
        assert lake.days()[-kept:] == DAYS[last + 1 - kept : last + 1]
        first = DAYS[last + 1 - kept]
        assert bases[-1] == max(day for day in before if day <= first)
        assert mended[-1]


def test_a_sunday_that_a_later_sale_reaches_is_mended_from_itself(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases: list[date | None] = []

    def seen(session: Any, slices: list[Slice], *others: Any) -> list[Any]:
        bases.extend(one.base for one in slices)
        return make(session, slices, *others)

    lake.close(DAYS[19], kept=1)
    assert lake.days() == [DAYS[6], DAYS[19]]
    monkeypatch.setattr(carrying, "make", seen)
    sales = SALES | {("A", DAYS[3]): 0, ("B", DAYS[2]): 8}
    lake.land(DAYS[2], DAYS[3], sales=sales, again=True)
    lake.land(DAYS[20])
    lake.close(DAYS[20], kept=1)
    assert bases == [DAYS[6], DAYS[19]]
    assert lake.rows() == expected_of(sales, COUNTS, [DAYS[6], DAYS[20]])


def test_a_close_by_a_verdict_of_before_mends_nothing_twice(lake: Lake) -> None:
    lake.close(DAYS[19], kept=1)
    sales = SALES | {("A", DAYS[15]): 7}
    lake.land(DAYS[15], sales=sales, again=True)
    lake.land(DAYS[20])
    frame = lake.frame(DAYS[20], kept=1)
    verdict, target = lake.verdict(frame), Target(lake.table, lake.path(OWN))
    for _ in range(2):
        carrying.close(None, frame, verdict, target)  # type: ignore[arg-type]
        assert lake.rows() == expected_of(sales, COUNTS, lake.days())


def test_an_earlier_as_of_day_takes_the_later_ones_away(lake: Lake) -> None:
    lake.close(DAYS[19])
    assert lake.close(DAYS[15]) == "part"
    assert lake.rows() == expected(DAYS[:16])


def test_killed_between_files_and_commit_leaves_the_table_as_it_was(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.close(DAYS[19])
    lake.land(DAYS[20])
    version = Log(lake.path(OWN)).version

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    whole = carrying.commit
    monkeypatch.setattr(carrying, "commit", killed)
    with pytest.raises(KeyboardInterrupt):
        lake.close(DAYS[20])
    monkeypatch.setattr(carrying, "commit", whole)
    files = list(lake.path(OWN).glob(f"observed_on={DAYS[20]}/*/*.parquet"))
    assert len(files) == 1
    assert Log(lake.path(OWN)).version == version
    lake.close(DAYS[20])
    assert lake.rows() == expected(DAYS[:21])


def test_a_close_whose_reply_was_lost_is_there_once(lake: Lake) -> None:
    lake.close(DAYS[19])
    lake.land(DAYS[20])
    frame = lake.frame(DAYS[20])
    verdict, target = lake.verdict(frame), Target(lake.table, lake.path(OWN))
    for _ in range(2):
        carrying.close(None, frame, verdict, target)  # type: ignore[arg-type]
    assert lake.rows() == expected(DAYS[:21])


def test_of_two_processes_that_close_a_day_the_second_is_refused(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.close(DAYS[19])
    lake.land(DAYS[20])
    one = carrying.commit

    def after_another(*arguments: Any) -> None:
        monkeypatch.setattr(carrying, "commit", one)
        lake.close(DAYS[20])
        one(*arguments)

    monkeypatch.setattr(carrying, "commit", after_another)
    with pytest.raises(CommitFailedError):
        lake.close(DAYS[20])
    assert lake.rows() == expected(DAYS[:21])


def test_a_task_that_is_tried_again_doubles_nothing(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_twice(*arguments: Any) -> list[Any]:
        make(*arguments)
        return make(*arguments)

    monkeypatch.setattr(carrying, "make", made_twice)
    lake.close(DAYS[19])
    assert lake.rows() == expected(DAYS[:20])


def test_ranges_of_stores_are_made_by_tasks(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(tmp_path, ranges=3)
    lake.land(*DAYS[:12], stores="STUV")
    lake.close(DAYS[11], spark)
    lake.land(DAYS[12], stores="STUV")
    lake.close(DAYS[12], spark)
    assert Log(lake.path(OWN)).last_added().files == len({store_range_of(s, 3) for s in "STUV"}) > 1
    assert lake.rows() == expected(DAYS[:13], "STUV", 3)


def test_days_of_history_are_made_as_the_closes_made_them(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.close(DAYS[19], kept=1)
    held, days, output = lake.rows(), DAYS[4:9], tmp_path / "features"
    whole = carrying.make_days

    def killed(*arguments: Any) -> None:
        whole(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(carrying, "make_days", killed)
    with pytest.raises(KeyboardInterrupt):
        backfill(None, lake.frame(), lake.table, days[0], days[-1], output)  # type: ignore[arg-type]
    assert not output.exists()

    def tried_again(*arguments: Any) -> Any:
        whole(*arguments)  # what a task that died has left
        return whole(*arguments)

    monkeypatch.setattr(carrying, "make_days", tried_again)
    backfill(None, lake.frame(), lake.table, days[0], days[-1], output)  # type: ignore[arg-type]
    found = {}
    for row in pq.read_table(output).to_pylist():
        key = row.pop("store_id"), row.pop("product_id")
        day = date.fromisoformat(row.pop("observed_on"))
        found[*key, day] = plain(row)
    wanted = expected(DAYS[:20])
    assert found == {key: row for key, row in wanted.items() if key[2] in days}
    assert len(found) == pq.read_table(output).num_rows == 15
    assert lake.rows() == held
    assert sorted(path.name for path in tmp_path.glob(".*")) == []
    with pytest.raises(LakehouseError, match="features exists already"):
        backfill(None, lake.frame(), lake.table, days[0], days[-1], output)  # type: ignore[arg-type]


def test_duckdb_carries_what_the_kernel_does(lake: Lake, tmp_path: Path) -> None:
    """The peer of the benchmark makes the same rows, of days whose windows something leaves."""
    lake.land(*DAYS[20:34], *DAYS[36:])
    for day in (DAYS[37], DAYS[38], DAYS[39]):
        lake.close(day, kept=1)
        wanted = {key: row for key, row in lake.rows().items() if key[2] == day}
        if day == DAYS[37]:
            continue  # nothing to carry from
        output = tmp_path / f"{day}.parquet"
        by_duckdb(ranges(lake.folder, day)["0"], day, "carry", output)
        found = {}
        for row in pq.read_table(output).to_pylist():
            key = (row.pop("store_id"), row.pop("product_id"), day)
            found[key] = plain(row | {"store_range": 0})
        assert found == wanted
        assert len(found) == 3


def test_a_day_before_all_that_is_known_is_refused(lake: Lake) -> None:
    with pytest.raises(LakehouseError, match=r"begin on 2024-01-01.*jobs/backfill\.py"):
        lake.close(date(2023, 12, 31))


@pytest.mark.parametrize("kept", [0, -1, "two"])
def test_to_keep_no_day_is_refused(lake: Lake, kept: Any) -> None:
    with pytest.raises(LakehouseError, match=rf"features\.kept_days is {kept!r}; expected .* 1 or"):
        lake.close(DAYS[19], kept=kept)


def test_an_unknown_way_is_refused(lake: Lake) -> None:
    with pytest.raises(
        LakehouseError, match=r"carry\.by is 'magic'; expected one of kernel, spark"
    ):
        lake.close(DAYS[19], carry={"by": "magic"})


def test_files_that_arrow_would_misread_are_refused(lake: Lake) -> None:
    DeltaTable(str(lake.path(SOLD))).alter.add_feature(
        TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
    )
    with pytest.raises(LakehouseError, match="int_daily_sales uses deletionVectors"):
        lake.close(DAYS[19])


def test_a_broken_stop_rule_stops(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(slice_: Slice) -> Iterator[tuple[date, pa.Table]]:
        for day, rows in kernel(slice_):
            place = rows.schema.get_field_index("units_sum_7")
            yield day, rows.set_column(place, "units_sum_7", pa.array([99] * len(rows), pa.int32()))

    scope = carrying.scope_of(lake.table)
    kernel = scope.kernel
    assert kernel is not None
    monkeypatch.setattr(carrying, "scope_of", lambda _: replace(scope, kernel=broken))
    with pytest.raises(
        RuntimeError, match=r"stop rule: gold\.mart.*'windows nest' is broken at S, A"
    ):
        lake.close(DAYS[19])
    assert lake.rows() == {}
