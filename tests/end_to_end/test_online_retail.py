"""Online Retail, sample and real days: the lake agrees with plain Python over the same files."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from end_to_end.lakes import CATALOGUE, ask, differing
from oracles.online_retail import Expected, expected
from places import REAL, SAMPLE, Build, frame, real

from lakehouse.balance.report import balance
from lakehouse.run import Result

BY_DAY = """SELECT sold_on::VARCHAR, count(*), sum(gross_units), sum(returned_units),
                   sum(gross_amount), sum(returned_amount), sum(net_amount)
            FROM gold.fact_sales GROUP BY sold_on ORDER BY sold_on"""

# What the invoices alone fill; the rest of the house is tried on the generated retailer.
SALES = ("+fact_sales", "+int_daily_sales", "+dim_customer")


def land(files: Iterable[Path], folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
    return folder


def assert_agrees(lake: Path, result: Result, oracle: Expected) -> None:
    """Every day to the penny; every landed line is in the fact, a repeat or in quarantine."""
    days = [
        (day, t.lines, t.gross_units, t.returned_units, t.gross_amount, t.returned_amount,
         t.net_amount)
        for day, t in sorted(oracle.by_day.items())
    ]  # fmt: skip
    assert ask(lake, BY_DAY) == days
    staged = next(o for o in result.outcomes if o.table == "silver.stg_transactions")
    counted = (staged.rows_in, staged.rows, staged.repeated, staged.quarantined)
    lines = (oracle.lines_in, len(oracle.lines), oracle.repeats, oracle.quarantined)
    assert counted == lines
    names = dict(ask(lake, "SELECT product_id, product_name FROM gold.dim_product_current"))
    assert {k: v for k, v in names.items() if k not in ("unknown", "not applicable")} == (
        oracle.products
    )
    known = ask(lake, "SELECT count(*) FROM gold.dim_customer WHERE customer_key NOT IN (0, -1)")
    assert known == [(len(oracle.customers),)]


def test_the_sample_agrees_with_plain_python(
    build: Build, sample_lake: tuple[Path, Result]
) -> None:
    lake, result = sample_lake
    assert result.exit_status == 0
    assert_agrees(lake, result, expected(sorted(SAMPLE.glob("*.csv"))))
    # It has neither counts nor visits: their tables are there, empty, and stay built.
    assert ask(lake, "SELECT count(*) FROM gold.fact_inventory_daily") == [(0,)]
    assert ask(lake, "SELECT count(*) FROM gold.mart_web_conversion") == [(0,)]
    features = "SELECT count(*) > 1, count(is_in_stock), count(unit_price) FROM gold.training_set"
    assert ask(lake, features) == [(True, 0, 0)]
    assert build(SAMPLE, lake, source="online_retail").outcomes == []
    assert balance(frame(SAMPLE, lake, source="online_retail")) == 0


@real(REAL)
def test_six_real_days_agree_and_in_three_shuffled_batches_too(
    build: Build, tmp_path: Path
) -> None:
    days = sorted(REAL.glob("*.csv.gz"))[95:101]
    landing = land(days, tmp_path / "landing")
    result = build(landing, tmp_path / "whole", *SALES, source="online_retail")
    assert_agrees(tmp_path / "whole", result, expected(days))
    for batch in (days[4:], days[:2], days[2:4]):
        land(batch, tmp_path / "arriving")
        build(tmp_path / "arriving", tmp_path / "batches", *SALES, source="online_retail")
    built = [CATALOGUE.tables[name].full_name for name in CATALOGUE.select(SALES)]
    assert differing(tmp_path / "batches", tmp_path / "whole", built) == {}
