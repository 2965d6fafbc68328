"""The page of a sweep: totals of a day, CPU by million pairs, and what is not true."""

from dataclasses import asdict
from pathlib import Path

from retail.measure_page import Cost, report, write_between

COSTS = [
    Cost("generate", "landing and past", 10.0, 18.0, 0.5),
    Cost("close of 2026-06-29", "stg_inventory_snapshots", 5.0, 8.0, 2.0, 1_000_000, 1, 2_000_000),
    Cost("close of 2026-06-30", "stg_inventory_snapshots", 4.0, 6.0, 2.0, 2_000_000, 1, 2_000_000),
    Cost("close of 2026-06-30", "mart_demand_forecast_input", 2.0, 3.0, 2.5, 2_000_000, 2, 10),
    Cost("duckdb, move", "mart_demand_forecast_input", 2.0, 5.0, 1.0),
]
FOUND = {"scale": "0.01", "pairs": 1_000, "differing": [], "costs": [asdict(c) for c in COSTS]}


def test_a_day_s_close_is_the_sum_of_its_tables() -> None:
    text = report([FOUND])
    assert "**1.0% of the chain**, 2 days; 1,000 random pairs of the last day equal" in text
    assert "| close of 2026-06-30 | 6.0 s | 9.0 s | 2.5 GB | 4,000,000 | 3 | 2 MB | 0 MB |" in text
    assert "| 1.0% | 4.50 | 4.50 | 1.50 | 0.00 | 2.50 | 0.00 | 0.00 |" in text


def test_what_more_pairs_cost_is_told_without_what_any_number_costs() -> None:
    double = [Cost(**asdict(c) | {"cpu": 2 * c.cpu - 1, "rows": 2 * c.rows}) for c in COSTS]
    text = report([FOUND, FOUND | {"scale": "0.02", "costs": [asdict(c) for c in double]}])
    assert "| 2.0% | 4.00 | 3.50 |" in text


def test_a_feature_that_is_not_true_is_told() -> None:
    text = report([FOUND | {"differing": ["(1, 2): units is 3, expected 4"]}])
    assert "of 1,000 random pairs 1 values differ, as (1, 2): units is 3, expected 4" in text


def test_what_people_wrote_around_the_marks_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write_between(page, ("<!-- a -->", "<!-- b -->"), "new")
    page.write_text("above\n" + page.read_text() + "\nbelow")
    write_between(page, ("<!-- a -->", "<!-- b -->"), "newer")
    assert page.read_text() == "above\n<!-- a -->\nnewer\n<!-- b -->\nbelow"
