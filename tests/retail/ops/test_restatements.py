"""Restated lines: which count, at which units, and by which event."""

from pyspark.sql import DataFrame, SparkSession
from rows import assert_rows

from retail.ops.restatements import restatements

STATE = "product_id STRING, sold_on DATE, sold_at TIMESTAMP, net_units BIGINT, net_amount DECIMAL(18,2), product_key BIGINT, unit_cost DECIMAL(18,4)"
EVENT = "operation STRING"
DAY = "2026-06-03"


def state(units: int, key: int, cost: float | None, product: str = "P") -> tuple:
    return (product, DAY, f"{DAY} 12:00:00", units, 10 * units, key, cost)


def images(spark: SparkSession, keys: str, state: str, *rows: tuple) -> DataFrame:
    """Images as the engine gives them, typed by a cast of their text."""
    texts = ", ".join(f"{part.split()[0]} STRING" for part in state.split(", "))
    frame = spark.createDataFrame(rows, f"{keys}, before STRUCT<{texts}>, after STRUCT<{texts}>")
    kind = f"STRUCT<{state}>"
    return frame.selectExpr(
        "* EXCEPT (before, after)",
        f"CAST(before AS {kind}) AS before",
        f"CAST(after AS {kind}) AS after",
        "TIMESTAMP'2026-06-09' AS committed_at",
        "'b' AS batch_id",
    )


def text(values: tuple | None) -> tuple | None:
    return values and tuple(None if v is None else str(v) for v in values)


def test_what_is_restated_and_why(spark: SparkSession) -> None:
    recut = spark.sql("SELECT xxhash64('T', TIMESTAMP'2026-06-02 09:00:00')").collect()[0][0]
    lines = [
        ("units alone", 5, state(2, 1, 6), state(1, 1, 6)),
        ("new", 5, None, state(1, 1, 6)),
        ("gone", 5, state(1, 1, 6), None),
        ("both", 5, state(3, 1, 6), state(2, 2, 7)),
        ("again", 6, state(2, 2, 7), state(2, 2, 8)),
        ("key alone", 5, state(1, 1, 6), state(1, 2, 6)),
        ("arrived", 5, state(1, 0, None, "Q"), state(1, 3, 4, "Q")),
        ("lost", 5, state(1, 3, 4, "R"), state(1, 0, None, "R")),
        ("renamed since", 5, state(1, 3, 4, "T"), state(1, recut, 5, "T")),
    ]
    upsert, delete = ("upsert",), ("delete",)
    events = [
        ("P", "2026-06-01 00:00:00", 5, None, upsert),
        ("P", "2026-06-03 12:00:00", 5, None, upsert),
        ("P", "2026-06-03 12:00:01", 5, None, upsert),
        ("P", "2026-06-02 00:00:00", 6, upsert, delete),
        ("Q", "2026-06-04 00:00:00", 5, upsert, None),
        ("Q", "2026-06-05 00:00:00", 5, None, upsert),
        ("T", "2026-06-02 09:00:00", 5, None, upsert),
        ("T", "2026-06-03 02:00:00", 5, None, upsert),  # a rename, which cuts no version
    ]
    told = restatements(
        images(
            spark,
            "transaction_id STRING, commit_version BIGINT",
            STATE,
            *[(line, version, text(a), text(b)) for line, version, a, b in lines],
        ),
        images(spark, "product_id STRING, at STRING, commit_version BIGINT", EVENT, *events)
        .drop("committed_at", "batch_id")
        .selectExpr("* EXCEPT (at)", "CAST(at AS TIMESTAMP) AS sequence", "0L AS event_no"),
    )
    assert_rows(
        told,
        restatements,
        "transaction_id sold_on fact_version product_key_before product_key_after event_at"
        " event_operation event_change line_cost_before line_cost_after line_profit_before"
        " line_profit_after cost_change_amount profit_change_amount",
        ("both", DAY, 5, 1, 2, "2026-06-03 12:00:00", "upsert", "arrived", 12, 14, 8, 6, 2, -2),
        ("again", DAY, 6, 2, 2, "2026-06-02 00:00:00", "delete", "corrected", 14, 16, 6, 4, 2, -2),
        ("key alone", DAY, 5, 1, 2, "2026-06-03 12:00:00", "upsert", "arrived", 6, 6, 4, 4, 0, 0),
        ("arrived", DAY, 5, 0, 3, "2026-06-04 00:00:00", "upsert", "withdrawn", None, 4, None, 6, 4, 6),
        ("lost", DAY, 5, 3, 0, None, None, None, 4, None, 6, None, -4, -6),
        ("renamed since", DAY, 5, 3, recut, "2026-06-02 09:00:00", "upsert", "arrived", 4, 5, 6, 5, 1, -1),
    )  # fmt: skip
