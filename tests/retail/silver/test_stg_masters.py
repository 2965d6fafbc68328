"""Master events: typed, in sequence, rejected by rule, one per key and moment."""

from pathlib import Path

from pyspark.sql import SparkSession
from rows import CONF, assert_rows, landed, rules_broken, staged, table

from lakehouse import quality
from lakehouse.changes import WHOLE
from lakehouse.quarantine import ensure, put_aside
from retail.contracts import CUSTOMERS, PRODUCTS, STORES
from retail.silver.stg_customers import stg_customers
from retail.silver.stg_products import stg_products
from retail.silver.stg_stores import stg_stores


def test_product_events_keep_their_own_time_or_their_file_s(spark: SparkSession) -> None:
    raw = landed(
        spark,
        PRODUCTS,
        "product_id unit_price is_active updated_at _operation _source_file",
        ("PRD-000001", "9.99", "false", "2026-06-02 10:00:00", None, "p/2026-06-05.csv"),
        ("PRD-000001", "8.99", None, None, "delete", "p/2026-06-05.csv"),
        ("PRD-000001", "7.99", None, None, None, "p/all.csv"),
    )
    assert_rows(
        staged(stg_products, raw, False),
        stg_products,
        "product_id unit_price is_active sequence operation",
        ("PRD-000001", "9.99", False, "2026-06-02 10:00:00", "upsert"),
        ("PRD-000001", None, True, "2026-06-05 00:00:00", "delete"),
        ("PRD-000001", "7.99", True, "1900-01-01 00:00:00", "upsert"),
    )


def test_a_repeated_event_is_one_row(spark: SparkSession) -> None:
    event = ("PRD-000001", "9.99", "2026-06-02 10:00:00")
    raw = landed(spark, PRODUCTS, "product_id unit_price updated_at", event, event)
    assert staged(stg_products, raw, False).count() == 1


def test_bad_product_records_say_what_they_break(spark: SparkSession) -> None:
    raw = landed(
        spark,
        PRODUCTS,
        "product_id unit_price unit_cost _operation",
        ("PRD-1", "1", "1", None),
        (None, "1", "1", None),
        ("PRD-000001", "-1", "-1", None),
        ("PRD-000002", "cheap", "1", "replace"),
    )
    assert rules_broken(stg_products, raw, False) == [
        ["product_id is present"],
        ["product_id is well-formed"],
        ["unit_price is DECIMAL(18,4)", "operation is known"],
        ["unit_price is not negative", "unit_cost is not negative"],
    ]


def test_store_events(spark: SparkSession) -> None:
    raw = landed(
        spark,
        STORES,
        "store_id state square_footage opened_date is_active updated_at",
        ("STR-0001", "TX", "104000", "1998-04-01", None, "2026-06-01 00:00:00"),
        ("STR-0002", "CA", "104000.5", "1998-04-01", None, "2026-06-01 00:00:00"),
        ("store 3", "CA", None, None, None, None),
    )
    assert_rows(
        staged(stg_stores, raw, False),
        stg_stores,
        "store_id state square_footage opened_date is_active sequence operation",
        ("STR-0001", "TX", 104000, "1998-04-01", True, "2026-06-01 00:00:00", "upsert"),
    )
    assert rules_broken(stg_stores, raw, False) == [
        ["square_footage is INT"],
        ["store_id is well-formed"],
    ]


def test_customer_events(spark: SparkSession) -> None:
    raw = landed(
        spark,
        CUSTOMERS,
        "customer_id loyalty_tier created_at updated_at",
        ("CUS-00000001", "bronze", "2020-01-01 00:00:00", "2026-06-01 00:00:00"),
        ("CUS-00000001", "gold", "2020-01-01 00:00:00", "2026-06-09 00:00:00"),
        ("17850", "gold", None, None),
    )
    assert_rows(
        staged(stg_customers, raw, False),
        stg_customers,
        "customer_id loyalty_tier created_at sequence operation",
        ("CUS-00000001", "bronze", "2020-01-01 00:00:00", "2026-06-01 00:00:00", "upsert"),
        ("CUS-00000001", "gold", "2020-01-01 00:00:00", "2026-06-09 00:00:00", "upsert"),
    )
    assert rules_broken(stg_customers, raw, False) == [["customer_id is well-formed"]]


def test_deletes_log_positions_and_dates_that_cannot_be(spark: SparkSession) -> None:
    raw = landed(
        spark,
        CUSTOMERS,
        "customer_id loyalty_tier updated_at _operation _event_no",
        ("CUS-00000001", "gold", "2026-06-01 00:00:00", None, 7),
        ("CUS-00000001", None, "2026-06-01 00:00:00", "delete", 8),
        ("CUS-00000002", "gold", "2099-12-31 00:00:00", None, None),
        ("CUS-00000002", "gold", "2999-01-01 00:00:00", None, None),
        ("CUS-00000002", "gold", "2026-06-01 00:00:00", "merge", None),
    )
    assert_rows(
        staged(stg_customers, raw, False),
        stg_customers,
        "customer_id sequence event_no operation",
        ("CUS-00000001", "2026-06-01 00:00:00", 7, "upsert"),
        ("CUS-00000001", "2026-06-01 00:00:00", 8, "delete"),
        ("CUS-00000002", "2099-12-31 00:00:00", 0, "upsert"),
    )
    assert rules_broken(stg_customers, raw, False) == [
        ["operation is known"],
        ["sequence is not in the far future"],
    ]


def test_records_of_one_moment_that_differ_are_all_rejected(spark: SparkSession) -> None:
    at = "2026-06-02 10:00:00"
    raw = landed(
        spark,
        PRODUCTS,
        "product_id sku category unit_price updated_at _source_file",
        ("PRD-000001", "A", None, 1, at, "p/1.csv"),
        ("PRD-000001", None, "A", 1, at, "p/2.csv"),
        ("PRD-000002", "B", None, 1, at, "p/1.csv"),
        ("PRD-000002", "B", None, 1, at, "p/2.csv"),
        ("PRD-000002", "B", None, -1, at, "p/3.csv"),  # rejected for itself, and no tie
    )
    assert_rows(
        staged(stg_products, raw, False), stg_products, "product_id sku", ("PRD-000002", "B")
    )
    tie = ["no ties"]
    assert rules_broken(stg_products, raw, False) == [tie, tie, ["unit_price is not negative"]]


def test_deletes_of_one_moment_are_equal_whatever_they_repeat(spark: SparkSession) -> None:
    at = "2026-06-02 00:00:00"
    for function, contract, key, column, value, kept in (
        (stg_products, PRODUCTS, "PRD-000001", "is_active", "false", True),
        (stg_stores, STORES, "STR-0001", "state", "TX", None),
        (stg_customers, CUSTOMERS, "CUS-00000001", "loyalty_tier", "gold", None),
    ):
        id_name = contract.columns[0].name
        raw = landed(
            spark,
            contract,
            f"{id_name} {column} updated_at _operation _source_file",
            (key, value, at, "delete", "f/2026-06-05.csv"),
            (key, None, None, "delete", "f/2026-06-02.csv"),
        )
        columns = f"{id_name} {column} sequence operation"
        assert_rows(staged(function, raw, False), function, columns, (key, kept, at, "delete"))


def test_products_from_full_snapshots(spark: SparkSession, tmp_path: Path) -> None:
    raw = landed(
        spark,
        PRODUCTS,
        "product_id unit_price updated_at _source_file",
        ("PRD-000001", "9.99", "2026-05-01 10:00:00", "p/2026-06-01.csv"),
        ("PRD-000001", "9.99", "2026-05-01 10:00:00", "p/2026-06-02.csv"),  # the same: one event
        ("PRD-000001", "9.99", "2026-05-01 10:00:00", "p/2026-06-04.csv"),  # it had gone: a new one
        ("PRD-000002", "1.00", "2026-05-01 10:00:00", "p/2026-06-01.csv"),
        ("PRD-000002", "-1", "2026-06-02 08:00:00", "p/2026-06-02.csv"),  # rejected, but there
        ("PRD-000002", "2.00", "2026-06-02 09:00:00", "p/2026-06-03.csv"),
        ("PRD-3", "1.00", None, "p/2026-06-01.csv"),  # rejected, and no delete is made of it
        (None, "1.00", None, "p/2026-06-01.csv"),
    )
    assert_rows(
        staged(stg_products, raw, True),
        stg_products,
        "product_id unit_price sequence operation",
        ("PRD-000001", "9.99", "2026-05-01 10:00:00", "upsert"),
        ("PRD-000001", None, "2026-06-03 00:00:00", "delete"),
        ("PRD-000001", "9.99", "2026-06-04 00:00:00", "upsert"),
        ("PRD-000002", "1.00", "2026-05-01 10:00:00", "upsert"),
        ("PRD-000002", "2.00", "2026-06-02 09:00:00", "upsert"),
        ("PRD-000002", None, "2026-06-04 00:00:00", "delete"),
    )
    products = table(stg_products)
    judged = quality.judged(stg_products(raw, True), products, CONF)
    put_aside(judged, products, WHOLE, ensure(tmp_path))
    # Eight landed records, and two deletes.
    assert tuple(judged.agg(*quality.counts()).collect()[0]) == (10, 3)
    few = quality.judged(stg_products(raw, True), products, CONF, is_known=False)
    assert few.where(f"{quality.RECORD} IS NOT NULL").count() == 3
    assert few.count() == 10
