"""Customers week by week: figures, scores by thresholds, segments and where they came from."""

from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from rows import assert_rows, frame

from retail.silver.int_customer_metrics import int_customer_metrics
from retail.silver.stg_transactions import stg_transactions
from retail.terms.segments import segment

LINE = (
    "transaction_id order_id customer_id sold_on quantity total_amount line_type is_cancelled"
    " returned_on"
)


# By recency, 5 the most recent first, and by the mean of the other two scores, 1 to 5.
SEGMENTS = """
    5 new         potential   loyal       champions champions
    4 new         potential   loyal       loyal     champions
    3 potential   potential   loyal       loyal     loyal
    2 hibernating hibernating at_risk     at_risk   cant_lose
    1 lost        lost        hibernating at_risk   cant_lose
"""
# A mean of two scores, half up, by their sum.
MEANS = {2: 1, 3: 2, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4, 9: 5, 10: 5}


def line(order: str | None, customer: str | None, day: str, amount: str, back: str | None = None,
         cancelled: bool = False, kind: str = "sale", number: str = "T") -> tuple:  # fmt: skip
    return (number, order, customer, day, 1, amount, kind, cancelled, back)


def test_figures_are_those_of_each_grid_day(spark: SparkSession) -> None:
    lines = frame(
        spark,
        stg_transactions,
        LINE,
        line("O0", "C1", "2024-01-02", "7.00"),
        line("O1", "C1", "2026-06-05", "10.00"),
        line("O1", "C1", "2026-06-05", "5.00", back="2026-06-10"),
        line("O2", "C1", "2026-06-06", "2.50"),
        line("O3", "C2", "2026-06-09", "99.00", cancelled=True),
        line("O4", "C2", "2026-06-09", "4.00", kind="return"),
        line(None, "C3", "2026-06-09", "5.00", number="T1"),  # each an order of its own
        line(None, "C3", "2026-06-09", "3.00", number="T2"),
        line("O6", None, "2026-06-09", "8.00"),
    )
    metrics = int_customer_metrics(lines, "nrf_454", date(2026, 6, 10))
    assert_rows(
        metrics.where("grid_on >= DATE'2026-05-30'"),
        int_customer_metrics,
        "customer_id grid_on first_ordered_on last_ordered_on recency_days frequency"
        " monetary_amount lifetime_value segment previous_segment",
        ("C1", "2026-05-30", "2024-01-02", "2024-01-02", None, 0, "0.00", "7.00",
         "no_purchase", "no_purchase"),
        ("C1", "2026-06-06", "2024-01-02", "2026-06-06", 0, 2, "17.50", "24.50",
         "new", "no_purchase"),
        ("C1", "2026-06-10", "2024-01-02", "2026-06-06", 4, 2, "12.50", "19.50",
         "potential", "new"),
        ("C3", "2026-06-10", "2026-06-09", "2026-06-09", 1, 2, "8.00", "8.00",
         "new", None),
    )  # fmt: skip
    # Weekly from the first sale's week end, 2024-01-06, and the day itself.
    assert metrics.select("grid_on").distinct().count() == 127 + 1


def test_equal_customers_get_equal_scores_in_any_order(spark: SparkSession) -> None:
    """Ten customers spend 1, 1, 1, 1, 2, 2, 3, 4, 5, 5, each as many days ago.

    Of ten, 4 spend less than 2: 2 scores 1 + 4 * 5 // 10; 4 came later than 2 days ago: 5 - 4 * 5 // 10.
    """
    spent = [1, 1, 1, 1, 2, 2, 3, 4, 5, 5]
    rows = [line(f"O{i}", f"C{i}", f"2026-06-0{6 - s}", str(s)) for i, s in enumerate(spent)]
    lines = frame(spark, stg_transactions, LINE, *rows)
    expected = {1: 1, 2: 3, 3: 4, 4: 4, 5: 5}
    recent = {1: 5, 2: 3, 3: 2, 4: 2, 5: 1}
    for order in (lines, lines.orderBy(F.desc("total_amount")).repartition(5)):
        scored = int_customer_metrics(order, "nrf_454", date(2026, 6, 6))
        scored = scored.where("grid_on = DATE'2026-06-06'").collect()
        assert {(int(r.monetary_amount), r.monetary_score) for r in scored} == set(expected.items())
        assert {(r.recency_days, r.recency_score) for r in scored} == set(recent.items())
        assert {r.frequency_score for r in scored} == {1}


def test_every_three_scores_have_their_segment(spark: SparkSession) -> None:
    names = {int(row.split()[0]): row.split() for row in SEGMENTS.strip().splitlines()}
    scores = [(r, f, m) for r in names for f in range(1, 6) for m in range(1, 6)]
    expected = [(*score, names[score[0]][MEANS[score[1] + score[2]]]) for score in scores]
    assert len({(r, MEANS[f + m]) for r, f, m in scores}) == 25
    rows = spark.createDataFrame([*scores, (None, None, None)], "r INT, f INT, m INT")
    found = rows.withColumn("segment", segment(F.col("r"), F.col("f"), F.col("m")))
    assert [tuple(row) for row in found.collect()] == [
        *expected,
        (None, None, None, "no_purchase"),
    ]
