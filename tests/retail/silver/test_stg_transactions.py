"""Transaction lines: clocks, the newest state, what is rejected and what only warns."""

import json
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from rows import CONF, assert_rows, frame, landed, rules_broken, staged, table

from lakehouse import quality, split
from lakehouse.checks.rules import render
from retail.contracts import TRANSACTIONS
from retail.silver.int_store_zones import int_store_zones
from retail.silver.stg_transactions import stg_transactions

GOOD = {
    "transaction_id": "TXN-1",
    "order_id": "ORD-1",
    "customer_id": "CUS-00000001",
    "store_id": "STR-0001",
    "product_id": "PRD-000001",
    "transaction_date": "2026-06-10 23:30:00",
    "quantity": "2",
    "unit_price": "5.00",
    "discount_amount": "0",
    "total_amount": "10.00",
    "order_status": "delivered",
    "channel": "in_store",
    "fulfillment_type": "in_store",
    "updated_at": "2026-06-10 23:30:00",
    "line_type": None,
    "_source_file": "t/2026-06-10.csv",
}


def lines(spark: SparkSession, *changes: dict[str, Any]) -> DataFrame:
    """Landed lines that differ from GOOD as said."""
    return landed(
        spark, TRANSACTIONS, " ".join(GOOD), *[tuple((GOOD | c).values()) for c in changes]
    )


def zones(spark: SparkSession) -> DataFrame:
    return frame(
        spark,
        int_store_zones,
        "store_id zone",
        ("STR-0001", "America/Los_Angeles"),
        ("STR-0002", "America/Chicago"),
    )


def test_the_store_s_clock_gives_the_day_and_its_zone_the_instant(spark: SparkSession) -> None:
    raw = lines(
        spark,
        {},
        {"transaction_id": "TXN-2", "store_id": "STR-0002"},
        {"transaction_id": "TXN-3", "store_id": "STR-0009"},  # a store not yet known
    )
    assert_rows(
        staged(stg_transactions, raw, zones(spark), None),
        stg_transactions,
        "transaction_id sold_on sold_at",
        ("TXN-1", "2026-06-10", "2026-06-11 06:30:00"),
        ("TXN-2", "2026-06-10", "2026-06-11 04:30:00"),
        ("TXN-3", "2026-06-10", "2026-06-10 23:30:00"),
    )
    assert_rows(
        staged(stg_transactions, raw.limit(1), zones(spark), "Europe/London"),
        stg_transactions,
        "sold_on sold_at",
        ("2026-06-10", "2026-06-10 22:30:00"),
    )


def test_the_newest_record_is_the_line_and_its_first_return_the_day_back(
    spark: SparkSession,
) -> None:
    raw = lines(
        spark,
        {"order_status": "returned", "updated_at": "2026-06-15 10:00:00"},
        {"order_status": "returned", "updated_at": "2026-06-14 09:00:00"},
        {},
        {"transaction_id": "TXN-2", "order_status": "cancelled"},
        {"transaction_id": "TXN-2", "order_status": "pending"},  # the same moment: less far along
        # Returned, and then after all not.
        {"transaction_id": "TXN-3", "order_status": "returned"},
        {"transaction_id": "TXN-3", "updated_at": "2026-06-20 09:00:00"},
    )
    assert_rows(
        staged(stg_transactions, raw, zones(spark), None),
        stg_transactions,
        "transaction_id order_status is_cancelled returned_on sequence",
        ("TXN-1", "returned", False, "2026-06-14", "2026-06-15 10:00:00"),
        ("TXN-2", "cancelled", True, None, "2026-06-10 23:30:00"),
        ("TXN-3", "delivered", False, None, "2026-06-20 09:00:00"),
    )


def test_a_return_without_a_time_is_dated_by_its_file_or_its_sale(spark: SparkSession) -> None:
    back = {"order_status": "returned", "updated_at": None}
    raw = lines(
        spark,
        back | {"_source_file": "t/2026-06-18.csv"},
        back | {"transaction_id": "TXN-2", "_source_file": "t/all.csv"},
    )
    assert_rows(
        staged(stg_transactions, raw, zones(spark), None),
        stg_transactions,
        "transaction_id returned_on",
        ("TXN-1", "2026-06-18"),
        ("TXN-2", "2026-06-10"),
    )


def test_a_line_without_type_is_a_sale_or_by_its_sign_a_return(spark: SparkSession) -> None:
    raw = lines(
        spark,
        {"customer_id": None},
        {"transaction_id": "TXN-2", "quantity": "-2", "total_amount": "-10.00"},
        {"transaction_id": "TXN-3", "line_type": "charge", "product_id": "PRD-000009"},
    )
    assert_rows(
        staged(stg_transactions, raw, zones(spark), None),
        stg_transactions,
        "transaction_id customer_id quantity line_type",
        ("TXN-1", None, 2, "sale"),
        ("TXN-2", "CUS-00000001", -2, "return"),
        ("TXN-3", "CUS-00000001", 2, "charge"),
    )


def test_a_rejected_record_hides_no_good_one(spark: SparkSession) -> None:
    raw = lines(spark, {}, {"quantity": "0", "updated_at": "2026-06-12 00:00:00"})
    assert_rows(
        staged(stg_transactions, raw, zones(spark), None),
        stg_transactions,
        "transaction_id quantity",
        ("TXN-1", 2),
    )


def test_the_record_of_a_good_line_is_kept_where_it_may_release_an_earlier_one(
    spark: SparkSession,
) -> None:
    """Else it is not even worked out, for all lines are: a fifth of the time of a build."""
    raw = lines(spark, {}, {"quantity": "0"})
    made = stg_transactions(raw, zones(spark), None)
    for is_known, kept in ((True, {"0", "2"}), (False, {"0"})):
        judged = quality.judged(made, table(stg_transactions), CONF, is_known)
        said = [row[0] for row in judged.select(quality.RECORD).collect() if row[0]]
        assert {json.loads(text)["quantity"] for text in said} == kept
    watched, _ = split._observed(judged)
    plan = watched._jdf.queryExecution().optimizedPlan().toString()
    assert "CollectMetrics" in plan
    assert "json" not in plan.lower()


def test_bad_lines_say_what_they_break(spark: SparkSession) -> None:
    raw = lines(
        spark,
        {"quantity": "0"},
        {"quantity": "-1001", "total_amount": "-5005.00"},
        {"quantity": "2.5"},
        {"order_status": "lost", "channel": "phone", "fulfillment_type": "drone"},
        {"line_type": "gift"},
        {"unit_price": None, "total_amount": None},
        {"transaction_id": None},
        {"transaction_date": "2026-02-30 10:00:00"},
        {"order_id": "O1"},
        {"store_id": "S1", "product_id": "P1", "customer_id": "C1"},
    )
    bounds = "absolute quantity is within the source's bounds"
    assert rules_broken(stg_transactions, raw, zones(spark), None) == [
        [bounds],
        [bounds],
        ["line_type is known"],
        ["order_id is well-formed"],
        ["order_status is known", "channel is known", "fulfillment_type is known"],
        ["quantity is INT", "quantity is present"],
        ["store_id is well-formed", "product_id is well-formed", "customer_id is well-formed"],
        ["the amount can be told"],
        ["transaction_date is TIMESTAMP_NTZ", "transaction_date is present",
         "sold_on is present", "sold_at is present"],
        ["transaction_id is present"],
    ]  # fmt: skip


def test_an_amount_that_does_not_add_up_only_warns(spark: SparkSession) -> None:
    raw = lines(spark, {"total_amount": "10.01"}, {"transaction_id": "TXN-2", "total_amount": "9"})
    kept = staged(stg_transactions, raw, zones(spark), None)
    warn = next(r for r in table(stg_transactions).declaration.expects if r.severity == "warn")
    assert kept.count() == 2
    odd = kept.where(f"NOT ({render(warn, CONF)})")
    assert [row.transaction_id for row in odd.collect()] == ["TXN-2"]
