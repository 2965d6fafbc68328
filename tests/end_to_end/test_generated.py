"""Three generated days: built whole, built as they arrive, and computed another way."""

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from end_to_end.lakes import COSTED, LINES, TABLES, ask, differing, land, over_files
from places import Build, called, frame

from lakehouse.balance.report import balance


def test_shuffled_arrival_equals_one_build(
    build: Build, landing: Path, days: list[str], whole: Path, tmp_path: Path
) -> None:
    for arrived in ([days[1]], [days[2], days[0]]):
        for day in arrived:
            land(day, landing, tmp_path / "landing")
        assert build(tmp_path / "landing", tmp_path / "lake").exit_status == 0
    assert differing(tmp_path / "lake", whole) == {}


def test_building_again_builds_nothing(build: Build, landing: Path, whole: Path) -> None:
    assert build(landing, whole).outcomes == []


def test_what_landed_is_all_there(landing: Path, whole: Path) -> None:
    assert balance(frame(landing, whole)) == 0


def test_full_refresh_changes_no_row(
    build: Build, landing: Path, whole: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    build(landing, lake, "+dim_product")
    before = ask(lake, "SELECT * FROM gold.dim_product ORDER BY product_key")
    result = build(landing, lake, "+dim_product", full_refresh=True)
    assert len(result.outcomes) == 3
    assert ask(lake, "SELECT * FROM gold.dim_product ORDER BY product_key") == before


def test_the_doctor_finds_facts_that_point_at_no_version_of_their_time(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line is given a version of its product from another time, one a number nobody has."""
    lake = Path(shutil.copytree(whole, tmp_path / "lake"))
    named = ("gold.dim_product", "--key", "product_id", "--fact", "gold.fact_sales")
    words = (*named, "--fact-key", "product_key", "--fact-at", "sold_at", "--lake", str(lake))
    assert called(monkeypatch, "doctor", *words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert " fact_without_version illness 0 0 " in said
    assert " fact_out_of_time illness 0 0 " in said

    (line, product, wrong), (other, *_) = ask(
        lake,
        """SELECT transaction_id, any_value(product_id), any_value(v.product_key)
           FROM gold.fact_sales JOIN gold.dim_product v USING (product_id)
           WHERE NOT (valid_from <= sold_at AND sold_at < valid_to)
           GROUP BY transaction_id ORDER BY transaction_id LIMIT 2""",
    )
    facts = DeltaTable(str(lake / "gold" / "fact_sales"))
    for transaction, key in ((line, wrong), (other, 7)):
        facts.update({"product_key": str(key)}, predicate=f"transaction_id = '{transaction}'")
    assert called(monkeypatch, "doctor", *words) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert " fact_without_version illness 1 1 " in said
    assert " fact_out_of_time illness 1 1 " in said
    assert f'{{"product_id":"{product}"}} 1 fact_out_of_time ' in said
    assert '{"product_key":7} 1 fact_without_version ' in said


def test_every_table_has_rows(whole: Path) -> None:
    empty = [t for t in TABLES if ask(whole, f"SELECT count(*) FROM {t}") == [(0,)]]
    assert empty == []


def test_fact_sales_is_what_duckdb_makes_of_the_files(landing: Path, whole: Path) -> None:
    columns = """transaction_id, sold_on, returned_on, gross_units, returned_units, gross_amount,
                 returned_amount, net_amount, unit_cost, line_cost, line_profit"""
    expected = over_files(
        COSTED
        + """
        SELECT transaction_id, sold_on, came_back,
               CASE WHEN counts THEN quantity ELSE 0 END::BIGINT,
               CASE WHEN came_back IS NOT NULL THEN quantity ELSE 0 END::BIGINT,
               CASE WHEN counts THEN total_amount ELSE 0 END::DECIMAL(18, 2),
               CASE WHEN came_back IS NOT NULL THEN total_amount ELSE 0 END::DECIMAL(18, 2),
               amount, unit_cost, cost, amount - cost
        FROM costed ORDER BY transaction_id""",
        transactions=f"{landing}/transactions/*.parquet",
        products=f"{landing}/products/*.parquet",
        stores=f"{landing}/stores/*.parquet",
    )
    assert len(expected) > 2_000
    assert ask(whole, f"SELECT {columns} FROM gold.fact_sales ORDER BY transaction_id") == expected


def test_int_daily_sales_is_what_duckdb_makes_of_the_files(landing: Path, whole: Path) -> None:
    expected = over_files(
        LINES
        + """, entries AS (
            SELECT store_id, product_id, transaction_date::DATE AS sold_on, order_id,
                   quantity AS gross, 0 AS returned, total_amount AS money, 0 AS back,
                   discount_amount AS discount, 1 AS sale
            FROM lines WHERE counts
            UNION ALL
            SELECT store_id, product_id, came_back, NULL, 0, quantity, 0, total_amount, 0, 0
            FROM lines WHERE came_back IS NOT NULL
        )
        SELECT store_id, product_id, sold_on, sum(gross)::BIGINT, sum(returned)::BIGINT,
               sum(gross - returned)::BIGINT, sum(money)::DECIMAL(28, 2),
               sum(back)::DECIMAL(28, 2), (sum(money) - sum(back))::DECIMAL(28, 2),
               sum(discount)::DECIMAL(28, 2), sum(sale)::BIGINT, count(DISTINCT order_id)
        FROM entries GROUP BY store_id, product_id, sold_on ORDER BY ALL""",
        transactions=f"{landing}/transactions/*.parquet",
    )
    columns = """store_id, product_id, sold_on, gross_units, returned_units, net_units,
                 gross_amount, returned_amount, net_amount, discount_amount, line_count,
                 order_count"""
    assert ask(whole, f"SELECT {columns} FROM silver.int_daily_sales ORDER BY ALL") == expected
