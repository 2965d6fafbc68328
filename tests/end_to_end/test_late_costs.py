"""Late, corrected and withdrawn product events: what follows, and what the log says of it."""

import csv
import re
import shlex
import shutil
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import CATALOGUE, TABLES, Rows, ask, differing, rows
from oracles.late_costs import landed, restated, sold
from places import LATE_COSTS, ROOT, Build, called
from pyspark.sql import SparkSession

import lakehouse.build as build_module
import lakehouse.landing.ledger
from lakehouse import LakehouseError, actions, catalogue, register
from lakehouse.known import as_known, as_valid
from lakehouse.log import Log
from lakehouse.storage import tables_in
from retail import project

STAGES = [LATE_COSTS / name for name in ("1_closed", "2_late", "3_corrected")]
# When each stage is built: the clock of the landed rows, in days of June.
MORNINGS = [datetime(2026, 6, day, 6, tzinfo=UTC) for day in (6, 7, 8)]
TELL = """SELECT transaction_id, product_id, event_at, event_change, unit_cost_before,
                 unit_cost_after, line_profit_before, line_profit_after
          FROM ops.restatements"""
WHOLE_LOG = "SELECT * EXCLUDE (batch_id, restated_at) FROM ops.restatements"
MARGIN = "SELECT sum(line_profit) FROM gold.fact_sales"
SCOPE = "+restatements"
ANCESTORS = [t for t in TABLES if t.split(".")[1] in CATALOGUE.ancestors("restatements")]
EXAMPLES = re.findall(
    r"```bash\n(\.venv/bin/python jobs/query.py .*?)\n```\n\n```text\n(.*?)\n```",
    (ROOT / "docs" / "restatements.md").read_text(),
    re.DOTALL,
)


def told(lake: Path, sql: str = TELL) -> Rows:
    return sorted(ask(lake, sql), key=repr)


def land(folder: Path, stage: int) -> None:
    shutil.copytree(STAGES[stage], folder / "landing", dirs_exist_ok=True)


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target, dirs_exist_ok=True))


@pytest.fixture(scope="module")
def clock() -> Iterator[list[datetime]]:
    """The time at which builds start, in a list to be set; no two start at the same."""
    now = [MORNINGS[0]]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            now[0] += timedelta(microseconds=1)
            return now[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lakehouse.landing.ledger, "datetime", Clock)
        # Facts and daily sales by rows, as if they were many.
        patch.setattr(build_module, "worth_merging", lambda _: (-1_000_000, 25))
        yield now


@pytest.fixture(scope="module")
def closed(build: Build, clock: list[datetime], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landing and lake after the first stage: five days closed."""
    folder = tmp_path_factory.mktemp("closed")
    land(folder, 0)
    assert build(folder / "landing", folder / "lake", SCOPE).exit_status == 0
    return folder


@pytest.fixture(scope="module")
def corrected(
    build: Build, clock: list[datetime], closed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same after all stages, each built as it came; lakes before them are kept beside."""
    folder = copied(closed, tmp_path_factory.mktemp("corrected"))
    for stage in (1, 2):
        shutil.copytree(folder / "lake", folder / f"before_{stage}")
        land(folder, stage)
        clock[0] = MORNINGS[stage]
        assert build(folder / "landing", folder / "lake", SCOPE).exit_status == 0
    return folder


def test_the_log_starts_empty(closed: Path) -> None:
    assert told(closed / "lake") == []
    assert told(closed / "lake", MARGIN) == [(Decimal("515.00"),)]


def test_each_stage_restates_what_plain_python_says(corrected: Path) -> None:
    first, second = (restated(landed(*STAGES[:n]), landed(*STAGES[: n + 1])) for n in (1, 2))
    assert (len(first), len(second)) == (5, 5)
    assert told(corrected / "before_2") == first
    assert told(corrected / "lake") == sorted(first + second, key=repr)


def test_sums_of_restatements_are_differences_of_margins(corrected: Path) -> None:
    """Of lines that both states have, at their present units; an unknown profit counts as 0."""
    for stage, lake in ((1, "before_2"), (2, "lake")):
        old, new = sold(landed(*STAGES[:stage])), sold(landed(*STAGES[: stage + 1]))
        known = [(new[line], old[line].cost if line in old else new[line].cost) for line in new]
        now = sum(line.profit for line, _ in known if line.profit is not None)
        then = sum(line.amount - line.units * cost for line, cost in known if cost is not None)
        newest = "batch_id = (SELECT max(batch_id) FROM ops.restatements)"
        changed = f"SELECT sum(profit_change_amount) FROM ops.restatements WHERE {newest}"
        assert told(corrected / lake, MARGIN) == [(now,)]
        assert told(corrected / lake, changed) == [(now - then,)]


def test_a_crash_at_any_commit_neither_doubles_nor_loses(
    build: Build, closed: Path, corrected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six builds fail at or just after a commit, over two stages; the seventh is undisturbed."""
    folder = copied(closed, tmp_path)
    moments = [
        ("dim_product", "at"),
        ("dim_product", "after"),
        ("fact_sales", "at"),
        ("fact_sales", "after"),
        ("restatements", "at"),
        ("restatements", "after"),
    ]
    for table, when in moments:
        if (table, when) in (moments[0], moments[-1]):
            land(folder, 1 if table == "dim_product" else 2)
        with monkeypatch.context() as patch:
            crash(patch, table, when)
            result = build(folder / "landing", folder / "lake", SCOPE)
        failed = [o.table.split(".")[1] for o in result.outcomes if o.status == "failed"]
        assert (failed, result.exit_status) == ([table], 1)
    assert build(folder / "landing", folder / "lake", SCOPE).exit_status == 0
    assert differing(folder / "lake", corrected / "lake", ANCESTORS) == {}
    assert told(folder / "lake", WHOLE_LOG) == told(corrected / "lake", WHOLE_LOG)


def crash(patch: pytest.MonkeyPatch, table: str, when: str) -> None:
    """Every commit of a table raises, before it is made or when it has been."""
    for module in (register, actions):
        commit = module.commit

        def crashing(
            changed: DeltaTable, *arguments: Any, commit: Any = commit, **options: Any
        ) -> None:
            is_it = changed.table_uri.rstrip("/").endswith(f"/{table}")
            if not is_it or when == "after":
                commit(changed, *arguments, **options)
            if is_it:
                raise OSError("no space left on device")

        patch.setattr(module, "commit", crashing)


def test_what_is_made_again_restates_nothing_and_lost_changes_are_named(
    build: Build, corrected: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(corrected, tmp_path)
    landing, lake = folder / "landing", folder / "lake"
    before, names = told(lake, WHOLE_LOG), ("dim_product", "fact_sales", "restatements")

    def record() -> Any:
        return Log(lake / "ops" / "restatements").record()

    assert len(build(landing, lake, *names, full_refresh=True).outcomes) == 3
    assert differing(lake, corrected / "lake", ANCESTORS) == {}
    own = catalogue.fingerprint
    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "fingerprint", lambda f: own(f)[::-1])
        assert build(landing, lake, "restatements").outcomes == []
    assert (told(lake, WHOLE_LOG), record().skipped) == (before, "")
    land(folder, 1)
    build(landing, lake, "+fact_sales")
    facts = DeltaTable(str(lake / "gold" / "fact_sales"))
    lost = facts.version()
    facts.vacuum(0, dry_run=False, enforce_retention_duration=False)
    for file in (lake / "gold" / "fact_sales" / "_change_data").rglob("*.parquet"):
        file.unlink()
    (outcome,) = build(landing, lake, "restatements").outcomes
    assert "but skipped fact_sales" in outcome.reason
    assert record().skipped.startswith(f"fact_sales {lost} to {facts.version()}: its change files")
    shutil.rmtree(lake / "gold" / "fact_sales")
    build(landing, lake, "fact_sales", "restatements")
    assert "it is another table than before" in record().skipped
    assert told(lake, WHOLE_LOG) == before
    assert build(landing, lake, SCOPE).outcomes == []


def test_tables_as_known_are_those_the_lake_held_then(
    spark: SparkSession, build: Build, corrected: Path, tmp_path: Path
) -> None:
    """Before the late files landed, told after bronze was loaded again and every old version went."""
    folder = copied(corrected, tmp_path)
    raw = ("raw_products", "raw_transactions", "raw_stores")
    again = build(folder / "landing", folder / "lake", *raw, full_refresh=True)
    assert [outcome.mode for outcome in again.outcomes] == ["whole"] * 3
    for _, _, path in tables_in(folder / "lake"):
        DeltaTable(str(path)).vacuum(0, dry_run=False, enforce_retention_duration=False)
    house = project.frame(
        Namespace(source=None, landing=folder / "landing", lake=folder / "lake", env="local")
    )
    noon = MORNINGS[0] + timedelta(hours=6)
    for name in ("gold.dim_product", "gold.fact_sales"):
        found = as_known(spark, house, name.split(".")[1], noon).toArrow()
        columns = sorted(found.column_names)
        made = sorted(zip(*(found[c].to_pylist() for c in columns), strict=True), key=repr)
        assert made == rows(corrected / "before_1", name)
    with pytest.raises(LakehouseError, match="restatements is a log of what happened"):
        as_known(spark, house, "restatements", noon)
    with pytest.raises(LakehouseError, match="int_customer_metrics follows the last business day"):
        as_known(spark, house, "dim_customer", noon)


def test_versions_valid_at_an_instant(spark: SparkSession, corrected: Path) -> None:
    """Against the events of the late stage, read in plain Python."""
    dimension = spark.read.format("delta").load(str(corrected / "before_2/gold/dim_product"))
    events = [
        (row["product_id"], datetime.fromisoformat(row["updated_at"]), Decimal(row["unit_cost"]))
        for path in landed(*STAGES[:2]).values()
        if path.parent.name == "products"
        for row in csv.DictReader(path.open())
    ]
    for instant in ("2026-04-01 00:00", "2026-06-02 15:59", "2026-06-02 16:00", "2026-06-10 00:00"):
        moment = datetime.fromisoformat(instant)
        costs = {}
        for product, at, cost in sorted(events, key=lambda e: e[1]):
            if product not in costs or at <= moment:
                costs[product] = cost
        valid = as_valid(dimension, moment.replace(tzinfo=UTC)).where("product_key NOT IN (0, -1)")
        found = {row.product_id: row.unit_cost for row in valid.collect()}
        assert found == costs, instant


def test_margin_as_first_reported_is_told_of_present_units(corrected: Path, tmp_path: Path) -> None:
    """Line 4, re-costed by the second stage, comes back later: it was first told 120, then 102."""
    lake = copied(corrected / "before_2", tmp_path)
    facts = DeltaTable(str(lake / "gold" / "fact_sales"))
    nothing = dict.fromkeys(("net_units", "net_amount", "line_cost", "line_profit"), "0")
    facts.update(nothing, predicate="transaction_id = 'TXN-4'")
    sql = shlex.split(EXAMPLES[0][0])[-1]
    margins = {str(day): (first, moved, now) for day, _, first, moved, now in ask(lake, sql)}
    assert margins["2026-06-02"] == (Decimal(75), Decimal(14), Decimal(89))
    assert margins["2026-06-03"] == (Decimal(214 - 120), Decimal(-18 + 18), Decimal(196 - 102))


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_page_answers_as_it_says(
    corrected: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    output: str,
) -> None:
    """The page stands after the second stage."""
    words = shlex.split(command)[2:]
    words = [w.replace("data/late_costs_lake", str(corrected / "before_2")) for w in words]
    status = called(monkeypatch, "query", *words)
    said = capsys.readouterr()
    assert status == 0, said.err
    found = "\n".join(line.rstrip() for line in said.out.splitlines())
    assert found.strip("\n") == output


def test_a_late_cost_reaches_its_lines_and_days_and_no_others(
    build: Build, landing: Path, days: list[str], whole: Path, tmp_path: Path
) -> None:
    """Three days late, for a product of one version, from the second of three days on."""
    files, lake = copied(landing, tmp_path / "landing"), copied(whole, tmp_path / "lake")
    since = datetime.fromisoformat(f"{days[1]} 18:00:00").replace(tzinfo=UTC)
    product = land_late_cost(files, lake, since)
    old = {row["transaction_id"]: row for row in table(lake, "gold/fact_sales")}
    result = build(files, lake)
    assert result.exit_status == 0, [o.reason for o in result.outcomes]
    new = {row["transaction_id"]: row for row in table(lake, "gold/fact_sales")}
    lines = {
        i for i, row in old.items() if row["product_id"] == product and row["sold_at"] >= since
    }
    assert {row["sold_on"] for row in old.values() if row["product_id"] == product} == {
        date.fromisoformat(day) for day in days
    }
    assert {i for i in new if new[i] != old.get(i)} == lines
    (key,) = {new[i]["product_key"] for i in lines}
    for i in lines:
        cost = old[i]["unit_cost"] + 1
        line_cost = (old[i]["net_units"] * cost).quantize(Decimal("0.01"), ROUND_HALF_UP)
        moved = {"product_key": key, "unit_cost": cost, "line_cost": line_cost}
        assert new[i] == old[i] | moved | {"line_profit": old[i]["net_amount"] - line_cost}
    assert {
        row["transaction_id"]: (row["product_key_before"], row["product_key_after"])
        for row in table(lake, "ops/restatements")
    } == {i: (old[i]["product_key"], new[i]["product_key"]) for i in lines}
    changed = "SELECT sum(profit_change_amount) FROM ops.restatements"
    ((change,),), ((before,),), ((after,),) = (
        ask(lake, changed),
        ask(whole, MARGIN),
        ask(lake, MARGIN),
    )
    assert change == after - before < 0
    costed = {str(new[i]["sold_on"]) for i in lines if new[i]["line_cost"] != old[i]["line_cost"]}
    reached = {
        t: days_differing(whole, lake, t)
        for t in sorted(CATALOGUE.descendants("dim_product"))
        if t not in ("restatements", "int_product_performance")
    }
    assert reached == {
        "fact_inventory_daily": set(days[1:]),
        "fact_sales": {str(new[i]["sold_on"]) for i in lines},
        "mart_channel_performance": costed,
        "int_pooled_sales": set(),
        "mart_demand_forecast_input": set(),
        "mart_inventory_health": {
            str(row["snapshot_date"])
            for row in table(lake, "gold/fact_inventory_daily")
            if row["product_key"] == key and row["quantity_available"] > 0
        },
    }
    again = copied(lake, tmp_path / "again")
    build(files, again, "dim_product+", full_refresh=True)
    assert differing(lake, again) == {}
    assert told(lake, WHOLE_LOG) == told(again, WHOLE_LOG)


def land_late_cost(files: Path, lake: Path, since: datetime) -> str:
    """Land a product's present state with a cost one higher since an instant; returns which."""
    ((product, *state),) = ask(
        lake,
        """SELECT p.product_id, sku, product_name, category, subcategory, brand, p.unit_price,
                  p.unit_cost + 1, weight_lbs, is_active, created_at
           FROM gold.dim_product p
           JOIN gold.fact_sales f USING (product_key)
           JOIN gold.fact_inventory_daily i ON i.product_key = p.product_key
           WHERE p.product_key NOT IN (0, -1) AND is_current AND year(valid_from) = 1900
           GROUP BY ALL
           ORDER BY count(DISTINCT sold_on) DESC, count(DISTINCT snapshot_date) DESC,
                    count(*) DESC, p.product_id LIMIT 1""",
    )
    text = [product, *(str(value).removesuffix("+00:00") for value in state)]
    head = "product_id sku product_name category subcategory brand unit_price unit_cost weight_lbs"
    landing_day = (since + timedelta(3)).date()
    with (files / "products" / f"{landing_day}.csv").open("w", newline="") as file:
        csv.writer(file).writerow([*head.split(), "is_active", "created_at", "updated_at"])
        csv.writer(file).writerow([*text, since.strftime("%Y-%m-%d %H:%M:%S")])
    return str(product)


def table(lake: Path, path: str) -> list[dict[str, Any]]:
    return list(DeltaTable(str(lake / path)).to_pyarrow_table().to_pylist())


def days_differing(one: Path, other: Path, name: str) -> set[str]:
    """Days of the rows that only one of two lakes has, in a table by days."""
    declared = CATALOGUE.tables[name]
    path = f"{declared.layer}/{name}"
    a, b = ({tuple(row.items()) for row in table(lake, path)} for lake in (one, other))
    return {str(dict(row)[str(declared.declaration.scope.partition)]) for row in a ^ b}
