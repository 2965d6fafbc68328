"""Incremental builds of the toy: after any change the lake is what one full build gives."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from toy.house import House

from lakehouse import LakehouseError, build, build_log, catalogue, merging, quarantine, report
from lakehouse.build import Outcome
from lakehouse.checks import after
from lakehouse.landing import load
from lakehouse.log import Log, Record
from lakehouse.own import write_rows
from lakehouse.run import dry_run

DAILY = ("sold_on", "amount")
FACT = ("sale_id", "sold_on", "amount", "price")
COMPARED = {
    "stg_sales": ("sale_id", "item_id", "sold_on", "amount", "sequence"),
    "stg_prices": ("item_id", "price", "label", "sequence"),
    "int_daily": DAILY,
    "dim_item": ("item_key", "item_id", "price", "label", "valid_from", "valid_to", "is_current"),
    "fact_sale": FACT,
    "mart_trend": DAILY,
}


@pytest.fixture(scope="module")
def first(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> House:
    """Two days of sales and one price, built."""
    house = House(tmp_path_factory.mktemp("first"))
    house.land("prices/2026-06-01.csv", "A,10,old,2026-06-01 00:00:00")
    house.land("sales/2026-06-01.csv", "1,A,2026-06-01,5,2026-06-01 10:00:00")
    house.land("sales/2026-06-02.csv", "2,A,2026-06-02,7,2026-06-02 10:00:00")
    assert set(house.built().values()) == {"whole"}
    return house


@pytest.fixture
def house(first: House, tmp_path: Path) -> House:
    return first.copy(tmp_path)


def test_every_scope_from_landing_to_gold(first: House) -> None:
    assert first.rows("int_daily", *DAILY) == [("2026-06-01", "5.00"), ("2026-06-02", "7.00")]
    assert first.rows("mart_trend", *DAILY) == [("2026-06-01", "5.00"), ("2026-06-02", "12.00")]
    assert first.rows("fact_sale", *FACT) == [
        ("1", "2026-06-01", "5.00", "10.00"),
        ("2", "2026-06-02", "7.00", "10.00"),
    ]
    assert first.built() == {}


def test_a_row_that_moves_to_another_day_leaves_its_old_one(house: House) -> None:
    house.land("sales/2026-06-03.csv", "1,A,2026-06-03,6,2026-06-03 09:00:00")
    assert house.built()["fact_sale"] == "part"
    assert house.rows("int_daily", *DAILY) == [("2026-06-02", "7.00"), ("2026-06-03", "6.00")]
    assert house.rows("mart_trend", *DAILY) == [("2026-06-02", "7.00"), ("2026-06-03", "13.00")]
    assert [row[:2] for row in house.rows("fact_sale", *FACT)] == [
        ("1", "2026-06-03"),
        ("2", "2026-06-02"),
    ]


def test_a_late_version_reaches_the_rows_of_its_interval_alone(house: House) -> None:
    house.land("prices/2026-06-04.csv", "A,11,new,2026-06-02 00:00:00")
    tables = ("raw_prices", "stg_prices", "dim_item", "fact_sale")
    assert house.built() == dict.fromkeys(tables, "part")
    assert [row[3] for row in house.rows("fact_sale", *FACT)] == ["10.00", "11.00"]
    assert house.rows("dim_item", "price", "label", "valid_from", "is_current") == [
        ("10.00", "new", "1900-01-01 00:00:00+00:00", "False"),
        ("11.00", "new", "2026-06-02 00:00:00+00:00", "True"),
    ]


@pytest.mark.parametrize(
    ("is_by_spark", "changed"),
    [
        (False, [f"num_target_rows_{name}" for name in ("inserted", "updated", "deleted")]),
        (True, [f"numTargetRows{name}" for name in ("Inserted", "Updated", "Deleted")]),
    ],
    ids=["without Spark", "by Spark"],
)
def test_of_large_days_only_the_rows_that_differ_are_written(
    house: House, monkeypatch: pytest.MonkeyPatch, is_by_spark: bool, changed: list[str]
) -> None:
    """One sale re-costed, one new, one moved to another day, one gone; one stays as it is."""
    house.land(
        "sales/2026-06-03.csv",
        "3,B,2026-06-02,3,2026-06-03 10:00:00",
        "4,A,2026-06-02,4,2026-06-03 10:00:00",
        "7,B,2026-06-03,7,",
        "8,B,2026-06-04,8,",
    )
    house.land("sales/gone.csv", "5,B,2026-06-01,1,2026-06-03 10:00:00")
    house.built()
    monkeypatch.setattr(build, "worth_merging", lambda _: (-1_000_000, 25))
    if is_by_spark:
        monkeypatch.setattr(merging, "opened", lambda *_: None)
    house.land("prices/2026-06-04.csv", "A,11,new,2026-06-02 00:00:00")
    house.land("sales/2026-06-04.csv", "1,A,2026-06-03,5,2026-06-04 10:00:00", "6,B,2026-06-04,2,")
    house.land("sales/gone.csv")
    assert house.built()["fact_sale"] == "part"
    written = DeltaTable(str(house.path("fact_sale"))).history(1)[0]["operationMetrics"]
    assert [int(written[name]) for name in changed] == [1, 3, 1]
    assert house.rows("fact_sale", *FACT) == [
        ("1", "2026-06-03", "5.00", "11.00"),
        ("2", "2026-06-02", "7.00", "11.00"),
        ("3", "2026-06-02", "3.00", "None"),
        ("4", "2026-06-02", "4.00", "11.00"),
        ("6", "2026-06-04", "2.00", "None"),
        ("7", "2026-06-03", "7.00", "None"),
        ("8", "2026-06-04", "8.00", "None"),
    ]


def test_new_days_are_added_after_the_rows_of_others_were_merged(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commits, of which the first says that another follows; a row that leaves its day for a
    new one moves by one commit.
    """
    fact = house.path("fact_sale")
    monkeypatch.setattr(build, "worth_merging", lambda _: (-1_000_000, 25))
    house.land("prices/2026-06-04.csv", "A,11,new,2026-06-02 00:00:00")
    house.land("sales/2026-06-05.csv", "6,B,2026-06-05,2,")
    version = Log(fact).version
    assert house.built()["fact_sale"] == "part"
    log = Log(fact)
    assert (log.version, [c["operation"] for c in log.commits()[:2]]) == (
        version + 2,
        ["WRITE", "MERGE"],
    )
    records = [log.record(version + n) for n in (1, 2)]
    assert [record and record.is_finished for record in records] == [False, True]
    expected = [
        ("1", "2026-06-01", "5.00", "10.00"),
        ("2", "2026-06-02", "7.00", "11.00"),
        ("6", "2026-06-05", "2.00", "None"),
    ]
    assert house.rows("fact_sale", *FACT) == expected

    house.land("sales/2026-06-06.csv", "1,A,2026-06-06,5,2026-06-06 10:00:00")
    assert house.built()["fact_sale"] == "part"
    assert Log(fact).version == version + 3
    assert house.rows("fact_sale", *FACT) == [("1", "2026-06-06", "5.00", "11.00"), *expected[1:]]


def test_what_stops_a_new_day_stops_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "worth_merging", lambda _: (-1_000_000, 25))
    before = Log(house.path("fact_sale")).version
    house.land("prices/2026-06-04.csv", "A,11,new,2026-06-01 00:00:00")
    house.land("sales/2026-06-05.csv", "6,B,2026-06-05,2,")
    with monkeypatch.context() as patch:

        def stopped(*_: object) -> None:
            raise OSError("the disk is full")

        patch.setattr(build, "write_days", stopped)
        assert house.build().exit_status == 1
    assert Log(house.path("fact_sale")).version == before
    assert house.built()["fact_sale"] == "part"


def test_arrival_order_and_repeats_do_not_matter(house: House, tmp_path: Path) -> None:
    house.land("prices/b.csv", "A,12,c,2026-06-03 00:00:00", "B,1,b,2026-06-02 00:00:00")
    house.land("sales/2026-06-05.csv", "3,B,2026-06-01,3,2026-06-05 10:00:00")
    house.built()
    house.land("prices/a.csv", "A,11,b,2026-06-02 00:00:00", "A,10,a,2026-06-01 00:00:00")
    house.land("sales/2026-06-04.csv", "1,A,2026-06-02,4,2026-06-01 11:00:00", "4,C,2026-06-04,-1,")
    house.land("sales/2026-06-02.csv", "5,A,2026-06-02,8,2026-06-02 10:00:00")  # corrected
    house.built()
    once = House(tmp_path / "once")
    once.folder.mkdir()
    house.landing.rename(once.landing)
    once.built()
    for table, columns in COMPARED.items():
        assert house.rows(table, *columns) == once.rows(table, *columns), table


def test_a_file_without_records_wakes_nothing_downstream(house: House) -> None:
    house.land("sales/2026-06-03.csv")
    assert house.built() == {"raw_sales": "part"}
    assert house.built() == {}


def test_a_corrected_file_replaces_its_rows(house: House) -> None:
    house.land("sales/2026-06-01.csv", "9,A,2026-06-01,3,2026-06-01 10:00:00")
    house.built("bronze", "stg_sales")
    assert house.rows("raw_sales", "sale_id") == [("2",), ("9",)]
    assert house.rows("stg_sales", "sale_id") == [("2",), ("9",)]


def test_a_record_that_moves_to_a_file_of_another_date_is_judged_again(house: House) -> None:
    house.land("prices/2026-06-02.csv", "B,1,b,", "C,1,c,,one too many")
    house.land("prices/2026-06-03.csv", "C,2,c,2026-06-03 00:00:00")
    house.built("bronze", "stg_prices")
    assert [row[0] for row in house.rows("stg_prices", "item_id")] == ["A", "B", "C"]
    house.land("prices/2026-06-02.csv", "C,1,c,")  # and the line is mended
    house.land("prices/2026-06-05.csv", "B,1,b,")
    assert house.built("bronze", "stg_prices") == dict.fromkeys(
        ("raw_prices", "stg_prices"), "part"
    )
    columns = ("item_id", "price", "sequence")
    assert [(i, p, at[:10]) for i, p, at in house.rows("stg_prices", *columns)] == [
        ("A", "10.00", "2026-06-01"),
        ("B", "1.00", "2026-06-05"),
        ("C", "1.00", "2026-06-02"),
        ("C", "2.00", "2026-06-03"),
    ]
    assert house.rows("quarantine", "rules", "status") == [("['record is whole']", "withdrawn")]


def test_a_crash_between_bronze_and_the_ledger_is_made_good(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError("the disk is full")

    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,6,2026-06-03 09:00:00")
    with monkeypatch.context() as patch:
        patch.setattr(load, "_note_loaded", crash)
        assert [o.status for o in house.build("raw_sales").outcomes] == ["failed"]
    said = ("sales/2026-06-03.csv", "registered", "None")
    assert said in house.rows("landing_files", "path", "status", "row_count")
    assert house.built("raw_sales") == {}
    said = ("sales/2026-06-03.csv", "loaded", "1")
    assert said in house.rows("landing_files", "path", "status", "row_count")
    assert len(house.rows("raw_sales", "sale_id")) == 3


def test_odd_signs_in_ids_and_file_names_mean_nothing(house: House) -> None:
    odd, file = "it's\\n", "sales/it's 100%\\n[1]{a}*?.csv"
    house.land(file, f"{odd},A,2026-06-01,3,2026-06-01 10:00:00")
    house.built("bronze", "stg_sales")
    house.land(file, f"{odd},A,2026-06-01,4,2026-06-01 10:00:00")
    house.built("bronze", "stg_sales")
    assert house.rows("raw_sales", "sale_id", "amount")[-1] == (odd, "4")
    assert house.rows("stg_sales", "sale_id", "amount")[-1] == (odd, "4.00")
    assert len(house.rows("stg_sales", "sale_id")) == 3


def test_the_date_in_a_file_s_name_goes_before_its_folder_s(house: House) -> None:
    house.land("sales/2026-07-01 export 2026-06-03.csv", "3,A,2026-06-03,3,")
    house.built("bronze", "stg_sales")
    assert house.rows("stg_sales", "sale_id", "sequence")[-1][1].startswith("2026-06-03")


def test_a_changed_setting_rebuilds_only_what_takes_it(house: House) -> None:
    assert house.built(factor=2) == {"mart_trend": "whole"}
    assert house.rows("mart_trend", *DAILY) == [("2026-06-01", "10.00"), ("2026-06-02", "24.00")]


def test_a_changed_term_rebuilds_its_table_and_equal_rows_end_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = catalogue.fingerprint
    changed = {"int_daily": "another"}
    monkeypatch.setattr(catalogue, "fingerprint", lambda f: changed.get(f.__name__) or own(f))
    rebuilt, reached = house.build("silver", "gold").outcomes
    assert (rebuilt.table, rebuilt.reason) == ("silver.int_daily", "its code changed")
    assert (reached.table, reached.mode, reached.files) == ("gold.mart_trend", "part", 0)
    assert house.built() == {}


def test_a_changed_mapping_reloads_its_files(house: House) -> None:
    names = ("sale_id", "item_id", "sold_on", "updated_at")
    house.columns = {"sales": dict(zip(names, names, strict=True)) | {"amount": "amount * 10"}}
    assert house.built("bronze", "stg_sales") == {"raw_sales": "whole", "stg_sales": "part"}
    assert house.rows("stg_sales", "amount") == [("50.00",), ("70.00",)]


def test_an_unreadable_file_is_set_aside_and_the_rest_goes_on(house: House) -> None:
    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,6,2026-06-03 09:00:00")
    (house.landing / "sales" / "2026-06-04.parquet").write_bytes(b"PAR1 cut off")
    result = house.build()
    assert result.exit_status == 1
    assert [file.path for file in result.set_aside] == ["sales/2026-06-04.parquet"]
    assert ("2026-06-03", "6.00") in house.rows("int_daily", *DAILY)
    again = house.build()
    assert (again.exit_status, again.outcomes) == (0, [])
    assert len(again.known_set_aside) == 1


@pytest.mark.parametrize("counted", ["in files", "by Spark"])
def test_a_broken_stop_rule_keeps_the_table_as_it_was(
    house: House, monkeypatch: pytest.MonkeyPatch, counted: str
) -> None:
    if counted == "by Spark":
        monkeypatch.setattr(after, "_in_files", lambda *_: None)
    else:
        monkeypatch.setattr(after, "change_feed", None)
    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,2000,2026-06-03 09:00:00")
    result = house.build()
    ended = {o.table: (o.status, o.reason) for o in result.outcomes}
    assert result.exit_status == 1
    assert ended["silver.int_daily"][0] == "stopped"
    assert "a day takes less than a thousand" in ended["silver.int_daily"][1]
    assert ended["gold.mart_trend"] == ("skipped", "int_daily did not get built")
    assert ended["gold.fact_sale"][0] == "built"
    assert house.rows("int_daily", *DAILY) == [("2026-06-01", "5.00"), ("2026-06-02", "7.00")]
    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,600,2026-06-03 09:00:00")
    mended = house.build()
    assert mended.exit_status == 0
    assert [w for o in mended.outcomes for w in o.warnings] == [
        "1 rows of silver.int_daily: a day takes less than five hundred"
    ]


@pytest.mark.parametrize("few", [50_000, -1], ids=["without Spark", "by Spark"])
def test_a_rejected_record_is_kept_and_withdrawn_when_its_file_is_corrected(
    house: House, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(quarantine, "FEW_ROWS", few)
    house.land("sales/2026-06-03.csv", "1,A,2026-06-03,-6,2026-06-03 09:00:00", "x,A,nonsense,1,")
    house.built("bronze", "stg_sales")
    found = house.rows("quarantine", "rules", "source_file", "status")
    assert [row[1:] for row in found] == [("sales/2026-06-03.csv", "quarantined")] * 2
    assert {row[0] for row in found} == {
        "['amount is not negative']",
        "['sold_on is DATE', 'sold_on is present']",
    }
    assert house.rows("stg_sales", "amount") == [("5.00",), ("7.00",)]
    house.land("sales/2026-06-03.csv", "1,A,2026-06-03,6,2026-06-03 09:00:00")
    house.built("bronze", "stg_sales")
    assert house.rows("quarantine", "status") == [("withdrawn",)] * 2
    assert house.rows("stg_sales", "amount") == [("6.00",), ("7.00",)]


def test_maintenance_leaves_nothing_to_build(house: House, spark: SparkSession) -> None:
    house.land("sales/2026-06-03.csv", "3,A,2026-06-02,6,2026-06-03 09:00:00")
    house.built("+int_daily")
    for table in ("stg_sales", "int_daily", "dim_item"):
        spark.sql(f"OPTIMIZE delta.`{house.path(table)}`")
        DeltaTable(str(house.path(table))).vacuum(
            0, dry_run=False, enforce_retention_duration=False
        )
    assert house.built("+int_daily") == {}


def test_a_restored_table_is_brought_up_to_date_again(house: House) -> None:
    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,6,2026-06-03 09:00:00")
    house.built("+mart_trend")
    wanted = house.rows("int_daily", *DAILY), house.rows("mart_trend", *DAILY)
    DeltaTable(str(house.path("int_daily"))).restore(1)
    assert set(house.built("+mart_trend")) == {"int_daily", "mart_trend"}
    assert (house.rows("int_daily", *DAILY), house.rows("mart_trend", *DAILY)) == wanted


def test_a_vacuumed_change_feed_means_a_whole_build(house: House) -> None:
    house.land("sales/2026-06-03.csv", "1,A,2026-06-02,6,2026-06-03 09:00:00")
    house.built("bronze", "stg_sales")
    house.land("sales/2026-06-04.csv", "1,A,2026-06-03,8,2026-06-04 09:00:00")
    house.built("bronze", "stg_sales")
    staged = DeltaTable(str(house.path("stg_sales")))
    staged.vacuum(0, dry_run=False, enforce_retention_duration=False)
    for file in (house.path("stg_sales") / "_change_data").rglob("*.parquet"):
        file.unlink()
    outcome = house.build("int_daily").outcomes[0]
    assert outcome.mode == "whole"
    assert "change" in outcome.reason
    assert house.rows("int_daily", *DAILY) == [("2026-06-02", "7.00"), ("2026-06-03", "8.00")]


def test_the_log_says_what_went_in_and_out_and_events_say_the_same(house: House) -> None:
    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,6,", "4,A,2026-06-03,1,", ",A,2026-06-03,1,")
    (house.path("fact_sale").parent / "dim_item").rename(house.folder / "dim_item")
    target, kept = house.folder / "events.jsonl", house.lake / "ops" / "build_log"
    before = Log(kept).version
    assert house.build(openlineage=str(target)).exit_status == 0
    assert Log(kept).version == before + 1  # one append a run
    log = {row["table_name"]: row for row in build_log.last_run(house.lake)}
    judged, fact = log["silver.stg_sales"], log["gold.fact_sale"]
    assert (judged["rows_in"], judged["quarantined"], judged["row_count"]) == (3, 1, 2)
    assert (log["bronze.raw_sales"]["rows_in"], log["bronze.raw_sales"]["row_count"]) == (3, 3)
    # Four sales and the one version of item A, read whole because dim_item is another table now.
    assert (fact["mode"], fact["rows_in"], fact["row_count"]) == ("whole", 5, 4)
    held = DeltaTable(str(house.path("fact_sale")))
    assert (fact["version_before"], fact["version"]) == (held.version() - 1, held.version())
    assert fact["inputs"] == [
        f"silver.stg_sales@{DeltaTable(str(house.path('stg_sales'))).version()}",
        f"gold.dim_item@{DeltaTable(str(house.path('dim_item'))).version()}",
    ]
    assert fact["started_at"] >= max(log["gold.dim_item"]["ended_at"], judged["ended_at"])
    assert fact["seconds"] == (fact["ended_at"] - fact["started_at"]).total_seconds() > 0
    events = [json.loads(line) for line in target.read_text().splitlines()]
    done = {e["job"]["name"]: e for e in events if e["eventType"] == "COMPLETE"}
    assert set(done) == {*log, "build"}
    written = done["gold.fact_sale"]["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (written["rowCount"], written["size"]) == (fact["row_count"], fact["bytes"])


def test_a_log_of_an_earlier_release_gets_the_columns_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LakehouseError, match=f"no build log in {tmp_path}; build first"):
        report.last_run(tmp_path)
    record = Record(batch="1")
    earlier = "batch_id STRING NOT NULL COMMENT 'b', ended_at TIMESTAMP COMMENT 'e'"
    write_rows(tmp_path / "ops/build_log", earlier, "g", [{"batch_id": "1"}], record)
    frame = replace(House(tmp_path).frame(), lake=tmp_path)
    build_log.append(frame, [Outcome("gold.fact_sale", "skipped", "why")])
    (row,) = build_log.last_run(tmp_path)
    assert (row["batch_id"], row["status"], row["started_at"]) == (frame.batch, "skipped", None)
    assert report.last_run(tmp_path) == 0
    shown = " ".join(capsys.readouterr().out.split())  # however wide the terminal is
    assert f"Build {frame.batch} of {tmp_path}: 1 tables in 0 s" in shown
    assert "gold.fact_sale" in shown


def test_as_of_reads_no_further(house: House) -> None:
    before = house.rows("mart_trend", *DAILY)
    assert house.built(as_of=date(2026, 6, 1)) == {"mart_trend": "part"}
    assert house.rows("mart_trend", *DAILY) == [("2026-06-01", "5.00")]
    assert house.built() == {"mart_trend": "part"}
    assert house.rows("mart_trend", *DAILY) == before
    assert house.built(as_of=date(2020, 1, 1)) == {"mart_trend": "whole"}


def test_the_same_content_under_another_name_adds_nothing(house: House) -> None:
    (house.landing / "sales" / "again.csv").write_bytes(
        (house.landing / "sales" / "2026-06-01.csv").read_bytes()
    )
    result = house.build()
    assert [file.path for file in result.replays] == ["sales/again.csv"]
    assert result.outcomes == []


def test_an_absent_entity_is_an_empty_table(spark: SparkSession, tmp_path: Path) -> None:
    house = House(tmp_path)
    house.land("sales/2026-06-01.csv", "1,A,2026-06-01,5,2026-06-01 10:00:00")
    result = house.build("+fact_sale")
    assert (result.exit_status, result.absent) == (0, ["prices"])
    assert house.rows("fact_sale", *FACT) == [("1", "2026-06-01", "5.00", "None")]


def test_a_dry_run_names_what_is_stale_and_writes_nothing(house: House) -> None:
    house.land("sales/2026-06-03.csv", "3,A,2026-06-03,6,2026-06-03 09:00:00")
    before = sorted(house.lake.rglob("*"))
    stale = dry_run(house.frame())
    assert [o.table for o in stale] == [
        "bronze.raw_sales",
        "silver.stg_sales",
        "silver.int_daily",
        "gold.fact_sale",
        "gold.mart_trend",
    ]
    assert sorted(house.lake.rglob("*")) == before


def test_a_table_whose_input_was_never_built_is_refused(
    spark: SparkSession, tmp_path: Path
) -> None:
    house = House(tmp_path)
    house.land("sales/2026-06-01.csv", "1,A,2026-06-01,5,2026-06-01 10:00:00")
    for selection in (["stg_sales"], ["raw_prices", "raw_sales", "int_daily"]):
        with pytest.raises(LakehouseError, match=rf"reads .*build \+{selection[-1]}"):
            house.build(*selection)
        with pytest.raises(LakehouseError, match=rf"reads .*build \+{selection[-1]}"):
            dry_run(house.frame(), selection)
    assert not house.lake.exists()
