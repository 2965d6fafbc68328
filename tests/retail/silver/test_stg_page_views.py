"""Events: typed, once a day each, rejected by rule."""

from pyspark.sql import SparkSession
from rows import assert_rows, landed, rules_broken, staged, table

from retail.contracts import PAGE_VIEWS
from retail.silver.stg_page_views import stg_page_views

EVENT = "event_id session_id customer_id event_timestamp event_type"


def test_an_event_counts_once_a_day_by_its_utc_time(spark: SparkSession) -> None:
    raw = landed(
        spark,
        PAGE_VIEWS,
        f"{EVENT} page_url _source_file",
        ("E1", "S1", None, "2026-06-01 23:30:00", "search", "/old", "v/2026-06-01.csv"),
        ("E1", "S1", None, "2026-06-01 23:30:00", "search", "/new", "v/2026-06-02.csv"),
        (
            "E2",
            "S1",
            "CUS-00000001",
            "2026-06-01T20:30:00-05:00",
            "purchase",
            "/",
            "v/2026-06-01.csv",
        ),
        ("E1", "S2", None, "2026-06-03 23:30:00", "search", "/new", "v/2026-06-03.csv"),
    )
    (law,) = table(stg_page_views).declaration.conserves
    assert raw.selectExpr(law.theirs).collect()[0][0] == 3
    assert_rows(
        staged(stg_page_views, raw),
        stg_page_views,
        f"{EVENT} page_url viewed_on",
        ("E1", "S1", None, "2026-06-01 23:30:00", "search", "/new", "2026-06-01"),
        ("E2", "S1", "CUS-00000001", "2026-06-02 01:30:00", "purchase", "/", "2026-06-02"),
        ("E1", "S2", None, "2026-06-03 23:30:00", "search", "/new", "2026-06-03"),
    )


def test_events_that_cannot_be_are_rejected(spark: SparkSession) -> None:
    at = "2026-06-01 10:00:00"
    raw = landed(
        spark,
        PAGE_VIEWS,
        EVENT,
        ("E1", None, None, at, "search"),
        ("E2", " ", None, at, "search"),
        (None, "S1", None, at, "search"),
        ("E3", "S1", "somebody", at, "search"),
        ("E4", "S1", None, at, "click"),
        ("E5", "S1", None, "soon", "search"),
    )
    assert rules_broken(stg_page_views, raw) == [
        ["customer_id is well-formed"],
        ["event_id is present"],
        ["event_timestamp is TIMESTAMP", "event_timestamp is present", "viewed_on is present"],
        ["event_type is known"],
        ["session_id is not blank"],
        ["session_id is present"],
    ]
