"""Three generated days: built whole, built as they arrive, and computed another way."""

from pathlib import Path

from end_to_end.lakes import TABLES, ask, differing, land, over_files
from places import Build

# What the design says of a line, in other words than ours: newest record per line, cost as of sale.
LINES = """
    WITH newest AS (
        SELECT *, min(CASE WHEN order_status = 'returned' THEN updated_at::DATE END)
                      OVER (PARTITION BY transaction_id) AS came_back,
               row_number() OVER (
                   PARTITION BY transaction_id
                   ORDER BY updated_at DESC, list_position(
                       ['pending', 'confirmed', 'shipped', 'delivered', 'cancelled', 'returned'],
                       order_status) DESC) AS place
        FROM transactions
    ), lines AS (
        SELECT * REPLACE (CASE WHEN order_status = 'returned' THEN came_back END AS came_back),
               order_status <> 'cancelled' AS counts
        FROM newest WHERE place = 1
    )
"""


def test_shuffled_arrival_equals_one_build(
    build: Build, landing: Path, days: list[str], whole: Path, tmp_path: Path
) -> None:
    for day in (days[1], days[2], days[0]):
        land(day, landing, tmp_path / "landing")
        assert build(tmp_path / "landing", tmp_path / "lake").exit_status == 0
    assert differing(tmp_path / "lake", whole) == {}


def test_building_again_builds_nothing(build: Build, landing: Path, whole: Path) -> None:
    assert build(landing, whole).outcomes == []


def test_full_refresh_changes_no_row(
    build: Build, landing: Path, whole: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    build(landing, lake, "+dim_product")
    before = ask(lake, "SELECT * FROM gold.dim_product ORDER BY product_key")
    result = build(landing, lake, "+dim_product", full_refresh=True)
    assert len(result.outcomes) == 3
    assert ask(lake, "SELECT * FROM gold.dim_product ORDER BY product_key") == before


def test_every_table_has_rows(whole: Path) -> None:
    empty = [t for t in TABLES if ask(whole, f"SELECT count(*) FROM {t}") == [(0,)]]
    assert empty == []


def test_fact_sales_is_what_duckdb_makes_of_the_files(landing: Path, whole: Path) -> None:
    columns = """transaction_id, sold_on, returned_on, gross_units, returned_units, gross_amount,
                 returned_amount, net_amount, unit_cost, line_cost, line_profit"""
    expected = over_files(
        LINES
        + """, states AS (
            SELECT product_id, unit_cost, updated_at AS since,
                   lead(updated_at) OVER one AS until, row_number() OVER one AS place
            FROM products WINDOW one AS (PARTITION BY product_id ORDER BY updated_at)
        ), zoned AS (
            SELECT l.*, timezone(CASE
                WHEN s.state IN ('CA', 'NV', 'OR', 'WA') THEN 'America/Los_Angeles'
                WHEN s.state = 'AZ' THEN 'America/Phoenix'
                WHEN s.state = 'HI' THEN 'Pacific/Honolulu'
                WHEN s.state = 'AK' THEN 'America/Anchorage'
                WHEN s.state IN ('CO', 'ID', 'MT', 'NM', 'UT', 'WY') THEN 'America/Denver'
                WHEN s.state IN ('AL', 'AR', 'IA', 'IL', 'KS', 'LA', 'MN', 'MO', 'MS', 'ND', 'NE',
                                 'OK', 'SD', 'TN', 'TX', 'WI') THEN 'America/Chicago'
                ELSE 'America/New_York' END, l.transaction_date) AS instant
            FROM lines l JOIN stores s USING (store_id)
        )
        SELECT transaction_id, transaction_date::DATE, came_back,
               CASE WHEN counts THEN quantity ELSE 0 END::BIGINT,
               CASE WHEN came_back IS NOT NULL THEN quantity ELSE 0 END::BIGINT,
               CASE WHEN counts THEN total_amount ELSE 0 END::DECIMAL(18, 2),
               CASE WHEN came_back IS NOT NULL THEN total_amount ELSE 0 END::DECIMAL(18, 2),
               CASE WHEN counts AND came_back IS NULL THEN total_amount ELSE 0 END::DECIMAL(18, 2),
               unit_cost,
               CASE WHEN counts AND came_back IS NULL
                    THEN round(quantity * unit_cost, 2) ELSE 0 END::DECIMAL(18, 2) AS line_cost,
               (CASE WHEN counts AND came_back IS NULL
                     THEN total_amount - round(quantity * unit_cost, 2) ELSE 0 END)::DECIMAL(18, 2)
        FROM zoned z LEFT JOIN states v ON v.product_id = z.product_id
             AND (z.instant >= v.since OR v.place = 1) AND (z.instant < v.until OR v.until IS NULL)
        ORDER BY transaction_id""",
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
