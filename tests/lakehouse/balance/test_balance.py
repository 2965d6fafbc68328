"""The balance over lakes written by hand: what adds up, and every way in which it may not."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import log
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from toy.house import House

from lakehouse import quarantine
from lakehouse.balance.dispositions import Staged, classify, query
from lakehouse.balance.report import balance, opened, staged_tables
from lakehouse.balance.watch import drifted, few, late, stability
from lakehouse.errors import LakehouseError
from lakehouse.landing import ledger
from lakehouse.query import connect
from lakehouse.schema import arrow, parse

ONE, TWO = "sales/2026-06-01.csv", "sales/2026-06-02.csv"
DAY = date(2026, 6, 1)
AT, LATER = "2026-06-01 10:00:00", "2026-06-02 10:00:00"
# file, place, sale_id, item_id, sold_on, amount, updated_at, as they landed
LANDED = [
    (ONE, 1, "1", "A", "2026-06-01", "5.00", AT),  # superseded by the record of the next file
    (ONE, 2, "2", "A", "2026-06-01", "7.00", AT),  # good
    (ONE, 3, "2", "A", "2026-06-01", "7", AT),  # says the same again
    (ONE, 4, "3", "A", "2026-06-01", "-1", AT),  # quarantined
    (ONE, 5, "4", "A", "2026-06-01", "much", AT),  # quarantined, and no amount at all
    (TWO, 1, "1", "A", "2026-06-01", "6.00", LATER),  # good
]
STAGED = [("1", "A", DAY, "6.00", LATER), ("2", "A", DAY, "7.00", AT)]
ASIDE = [(ONE, 4), (ONE, 5)]
Lake = Callable[..., House]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of the toy's sales; ``landed``, ``staged``, ``aside``, ``daily`` as asked for.

    ``counted`` are the rows of each file in bronze, ``in_files`` those of the file, if known.
    """

    def make(
        landed: list[Any] = LANDED,
        staged: list[Any] = STAGED,
        aside: list[Any] = ASIDE,
        daily: Any = 13,
        counted: dict[str, int] | None = None,
        in_files: dict[str, int] | None = None,
    ) -> House:
        house = House(tmp_path)
        raw = ["_source_file", "_row", "sale_id", "item_id", "sold_on", "amount", "updated_at"]
        put(
            house,
            "bronze/raw_sales",
            pa.Table.from_pylist([dict(zip(raw, r, strict=False)) for r in landed]),
        )
        names = ["sale_id", "item_id", "sold_on", "amount", "sequence"]
        rows = [dict(zip(names, r, strict=False)) for r in staged]
        for row in rows:
            row["amount"] = Decimal(row["amount"]).quantize(Decimal("0.01"))
            row["sequence"] = datetime.fromisoformat(row["sequence"]).replace(tzinfo=UTC)
        put(house, "silver/stg_sales", declared(house, "stg_sales", rows))
        put(
            house,
            "silver/int_daily",
            declared(house, "int_daily", [{"sold_on": DAY, "amount": Decimal(daily)}]),
        )
        bad = [
            {
                "record_id": f"{file}{place}",
                "table_name": "stg_sales",
                "source_file": file,
                "row_no": place,
                "status": "quarantined",
            }
            for file, place in aside
        ]
        put(house, "ops/quarantine", pa.Table.from_pylist(bad, arrow(parse(quarantine.DDL))))
        files = counted or {file: sum(row[0] == file for row in LANDED) for file in (ONE, TWO)}
        known = [
            {
                "entity": "sales",
                "path": path,
                "row_count": count,
                "landed_rows": (in_files or {}).get(path),
                "status": "loaded",
            }
            for path, count in files.items()
        ]
        known.append(
            {
                "entity": "sales",
                "path": "sales/cut.csv",
                "status": "set_aside",
                "reason": "it is empty",
            }
        )
        put(house, "ops/landing_files", pa.Table.from_pylist(known, arrow(parse(ledger.DDL))))
        return house

    return make


def put(house: House, path: str, rows: pa.Table) -> None:
    write_deltalake(str(house.lake / path), rows)


def declared(house: House, name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, arrow(house.frame().catalogue.tables[name].columns))


def dispositions(house: House) -> list[str]:
    connection, tables = opened(house.frame())
    (records,) = (one.records for one in tables if one.table.name == "stg_sales")
    found = connection.execute(f"SELECT disposition FROM {records} ORDER BY file, place")
    return [row[0] for row in found.fetchall()]


def test_every_record_has_its_disposition(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    house = lake()
    expected = ["superseded", "good", "repeated", "quarantined", "quarantined", "good"]
    assert dispositions(house) == expected
    assert balance(house.frame(), every_file=True) == 0
    said = capsys.readouterr().out
    assert "2 files balance" in said
    assert f"record 5 of {ONE}: amount = much" in said
    assert "sales/cut.csv (sales), set aside: it is empty" in said
    assert "difference:" not in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"staged": STAGED[:1]}, "record 2 of sales/2026-06-01.csv is in none of"),
        ({"staged": [*STAGED, STAGED[1]]}, "-1 rows between landing and silver.stg_sales"),
        ({"staged": [*STAGED, ("9", "A", DAY, "0", AT)]}, "-1 rows between landing and"),
        ({"staged": [("1", "A", DAY, "6.01", LATER), STAGED[1]]}, f"record 1 of {TWO} is in none"),
        ({"staged": [("1", "A", DAY, "5.00", AT), STAGED[1]]}, f"record 1 of {TWO} is in none"),
        ({"aside": ASIDE[:1]}, f"1 rows of {ONE} between landing and silver.stg_sales"),
        ({"aside": [*ASIDE, (ONE, 9)]}, "-1 rows between landing and silver.stg_sales"),
        ({"landed": LANDED[:-1]}, f"1 rows of {TWO} between landing and"),
        ({"counted": {ONE: 5, TWO: 2}}, f"1 rows of {TWO} between landing and"),
        ({"daily": 12}, "-1 on 2026-06-01 between silver.int_daily (sum(amount)) and"),
    ],
    ids=["lost", "doubled", "invented", "altered", "older", "hidden", "unlanded", "vanished", "miscounted", "layer"],
)  # fmt: skip
def test_what_does_not_add_up_is_a_difference(
    lake: Lake, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str
) -> None:
    house = lake(**changes)
    assert balance(house.frame()) == 1
    assert f"difference: {said}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("in_files", "status"), [({ONE: 5, TWO: 1}, 1), ({ONE: 5, TWO: 0}, 0), ({}, 0)]
)
def test_a_record_that_never_reached_bronze_is_a_difference(
    lake: Lake, capsys: pytest.CaptureFixture[str], in_files: dict[str, int], status: int
) -> None:
    house = lake(
        landed=LANDED[:-1],
        staged=[("1", "A", DAY, "5.00", AT), STAGED[1]],
        daily=12,
        counted={ONE: 5, TWO: 0},
        in_files=in_files,
    )
    assert balance(house.frame()) == status
    said = capsys.readouterr().out
    assert (f"difference: 1 rows of {TWO} between landing and" in said) == bool(status)


def test_the_ledger_of_an_earlier_release_balances(lake: Lake) -> None:
    house = lake()
    path = str(house.path("landing_files"))
    rows = DeltaTable(path).to_pyarrow_table().drop(["landed_rows"])
    write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")
    assert balance(house.frame()) == 0


def test_a_record_that_is_good_and_quarantined_at_once_is_a_difference(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    assert balance(lake(aside=[*ASIDE, (TWO, 1)]).frame()) == 1
    assert f"difference: record 1 of {ONE} is in none of" in capsys.readouterr().out


def test_of_records_that_tie_the_one_that_is_shown_is_good(lake: Lake) -> None:
    tied = (ONE, 6, "1", "A", "2026-06-01", None, LATER)
    house = lake(landed=[*LANDED, tied], counted={ONE: 6, TWO: 1})
    assert dispositions(house)[-2:] == ["superseded", "good"]
    assert balance(house.frame()) == 0


def test_a_copy_of_a_superseded_record_is_a_repeat(lake: Lake) -> None:
    again = [*LANDED, (TWO, 2, "1", "A", "2026-06-01", "5.0", AT)]
    house = lake(landed=again, counted={ONE: 5, TWO: 2})
    assert dispositions(house)[-1] == "repeated"
    assert balance(house.frame()) == 0


@pytest.mark.parametrize(("shown", "status"), [("8.00", 0), ("9.00", 1)])
def test_a_record_without_a_time_is_as_old_as_its_file_says(
    lake: Lake, shown: str, status: int
) -> None:
    landed = [(f"sales/2026-06-0{day}.csv", 1, "7", "A", "2026-06-01", amount, None)
              for day, amount in ((3, "9.00"), (4, "8.00"))]  # fmt: skip
    at = "2026-06-04" if status == 0 else "2026-06-03"
    house = lake(
        landed=[*LANDED, *landed],
        staged=[*STAGED, ("7", "A", DAY, shown, f"{at} 00:00:00")],
        counted={ONE: 5, TWO: 1} | {row[0]: 1 for row in landed},
        daily=13 + Decimal(shown),
    )
    assert balance(house.frame()) == status
    assert dispositions(house)[-2:] == (["superseded", "good"] if status == 0 else ["good", "lost"])


def test_records_find_their_rows_by_hash(lake: Lake) -> None:
    connection, (staged,) = opened(lake().frame())
    text = query(staged, {column.name: "VARCHAR" for column in staged.raw.columns})
    plan = connection.execute(f"EXPLAIN {text}").fetchall()[0][1]
    assert "HASH_JOIN" in plan
    assert not {"NL_JOIN", "NESTED_LOOP_JOIN"} & set(plan.split())


def test_bronze_without_places_is_refused(lake: Lake) -> None:
    house = lake()
    rows = DeltaTable(str(house.path("raw_sales"))).to_pyarrow_table().drop(["_row"])
    write_deltalake(str(house.path("raw_sales")), rows, mode="overwrite", schema_mode="overwrite")
    frame = house.frame()
    (staged,) = staged_tables(frame)
    with pytest.raises(LakehouseError, match=r"before places in files were kept; build it"):
        classify(connect(frame.lake, frame.catalogue), staged)


def test_no_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="There is no lake"):
        balance(House(tmp_path).frame())


def counts(*rows: int) -> dict[date, int]:
    return {DAY + timedelta(days=number): count for number, count in enumerate(rows) if count}


def test_a_day_with_half_its_usual_rows_is_few() -> None:
    weekdays = [100, 100, 100, 100, 100, 20, 20] * 3
    assert list(few("t", counts(*weekdays), 0.5)) == []
    low = list(few("t", counts(*weekdays[:-1], 10), 0.5))
    assert [finding.sentence for finding in low] == ["2026-06-21 has 10 rows, where 20 are usual"]
    gone = list(few("t", counts(*weekdays[:16], 0, *weekdays[17:]), 0.5))
    assert [finding.sentence[:24] for finding in gone] == ["2026-06-17 has 0 rows, w"]


def test_a_table_that_ends_before_the_others_is_late() -> None:
    odd = counts(*[100] * 10) | {date(2099, 1, 1): 1}
    daily = {"full": odd, "late": counts(*[100] * 6)}
    found = [finding.sentence for finding in late(daily, 2)]
    assert found == ["ends on 2026-06-06, 4 days behind the newest day in the lake (2026-06-10)"]
    assert list(late(daily, 4)) == []


def test_a_small_day_and_a_late_table_warn_and_are_no_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House(tmp_path, package="retail")
    days = [DAY + timedelta(days=number) for number in range(29)]
    at = datetime(2026, 6, 29, tzinfo=UTC)
    views = [
        {"event_id": f"{day}{n}", "session_id": "1", "event_timestamp": moment, "viewed_on": day,
         "event_type": "search", "sequence": at}
        for day in days
        for n in range(2 if day == days[-1] else 4)
        for moment in [datetime(day.year, day.month, day.day, tzinfo=UTC)]
    ]  # fmt: skip
    counts = [
        {"snapshot_date": day, "store_id": "STR-0001", "product_id": f"PRD-00000{n}",
         "quantity_available": 1, "closed_at": at, "sequence": at}
        for day in days[:-4]
        for n in range(4)
    ]  # fmt: skip
    known = []
    for entity, rows in {"page_views": views, "inventory_snapshots": counts}.items():
        file = f"{entity}/2026-06-29.parquet"
        ddl = f"{house.contracts[entity].ddl}, _source_file STRING, _row BIGINT"
        landed = [{"_source_file": file, "_row": n} | row for n, row in enumerate(rows, start=1)]
        put(house, f"bronze/raw_{entity}", pa.Table.from_pylist(landed, arrow(parse(ddl))))
        put(house, f"silver/stg_{entity}", declared(house, f"stg_{entity}", rows))
        known.append({"entity": entity, "path": file, "row_count": len(rows), "status": "loaded"})
    put(house, "ops/quarantine", pa.Table.from_pylist([], arrow(parse(quarantine.DDL))))
    put(house, "ops/landing_files", pa.Table.from_pylist(known, arrow(parse(ledger.DDL))))
    assert balance(house.frame()) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "warning" in line] == [
        "warning: silver.stg_inventory_snapshots ends on 2026-06-25, 4 days behind the newest day in"
        " the lake (2026-06-29) (freshness)",
        "warning: silver.stg_page_views 2026-06-29 has 2 rows, where 4 are usual (volume)",
    ]


@pytest.mark.parametrize(
    ("units", "amount", "found"), [(1, 1, []), (3, 1, ["units"]), (1, 3, ["amount"])]
)
def test_values_spread_otherwise_than_in_the_weeks_before_have_drifted(
    tmp_path: Path, units: int, amount: int, found: list[str]
) -> None:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA silver")
    connection.execute(
        f"""CREATE TABLE silver.stg_transactions AS
            SELECT DATE '2026-06-01' + CAST(n // 40 AS INTEGER) AS sold_on,
                   n * 7919 % 1000 * CASE WHEN n // 40 > 32 THEN {units} ELSE 1 END AS quantity,
                   n * 7919 % 1000 * CASE WHEN n // 40 > 32 THEN {amount} ELSE 1 END
                       AS total_amount,
                   0 AS unit_price, 0 AS discount_amount
            FROM range(40 * 40) t(n)"""
    )
    tables = House(tmp_path, package="retail").frame().catalogue.tables
    sales = (tables["stg_transactions"], tables["raw_transactions"])
    told = list(drifted(connection, Staged(*sales, frozenset(), False), 0.2))
    assert [finding.sentence.split(" is ")[0] for finding in told] == [
        f"{measure} of the 7 days to 2026-07-10" for measure in found
    ]
    assert {finding.kind for finding in told} <= {"drift"}


def test_the_stability_index_is_that_of_the_textbook() -> None:
    assert stability([(0.5, 0.5), (0.5, 0.5)], 0.01) == 0
    assert stability([(0.8, 0.5), (0.2, 0.5)], 0.01) == pytest.approx(
        0.3 * log(1.6) - 0.3 * log(0.4)
    )
    assert stability([(0.5, 0.5), (0.5, 0.0)], 0.01) > 1
