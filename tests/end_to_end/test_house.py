"""Inventory, customers, channels, visits and features, computed another way from the landing files."""

from argparse import Namespace
from datetime import date
from pathlib import Path

import pytest
from end_to_end.lakes import COSTED, LINES, Rows, ask, over_files
from pyspark.sql import SparkSession

from lakehouse import LakehouseError
from lakehouse.backfill import backfill, save, table_by_days
from retail import project


def half_up(part: str, whole: str, digits: int) -> str:
    """SQL for a quotient of whole numbers rounded half up, without a float in between."""
    size = f"({2 * 10**digits} * abs({part}) + ({whole})) // (2 * ({whole}))"
    return f"(sign({part})::INT * ({size})::BIGINT * {10**-digits:.{digits}f})"


LEDGER = (
    LINES
    + """, entries AS (
        SELECT store_id, product_id, customer_id, order_id, transaction_date::DATE AS sold_on,
               quantity AS gross, quantity AS net, total_amount AS amount, true AS sale
        FROM lines WHERE counts
        UNION ALL
        SELECT store_id, product_id, customer_id, order_id, came_back,
               0, -quantity, -total_amount, false
        FROM lines WHERE came_back IS NOT NULL
    ), daily AS (
        SELECT store_id, product_id, sold_on, sum(gross) AS gross, sum(net) AS net
        FROM entries GROUP BY ALL
    )
"""
)
PRODUCT = """, states AS (
        SELECT *, row_number() OVER one AS place, lead(updated_at) OVER one AS until
        FROM products WINDOW one AS (PARTITION BY product_id ORDER BY updated_at)
    ), counts AS (
        SELECT i.*, s.unit_price, coalesce(s.is_active, true) AS is_active
        FROM inventory i LEFT JOIN states s ON s.product_id = i.product_id
             AND (s.updated_at < i.snapshot_date + INTERVAL 1 DAY OR s.place = 1)
             AND (s.until >= i.snapshot_date + INTERVAL 1 DAY OR s.until IS NULL)
    )
"""
DAILY = half_up("units", "in_stock", 4)
LASTING = half_up("greatest(quantity_available, 0) * in_stock", "units", 1)
STOCK = f""", stock AS (
        SELECT c.*,
               coalesce((SELECT sum(gross) FROM daily d WHERE d.store_id = c.store_id
                   AND d.product_id = c.product_id AND d.sold_on = c.snapshot_date), 0) AS today,
               greatest(coalesce((SELECT sum(net) FROM daily d WHERE d.store_id = c.store_id
                   AND d.product_id = c.product_id AND d.sold_on < c.snapshot_date
                   AND d.sold_on >= c.snapshot_date - 28), 0), 0) AS units,
               (SELECT count(*) FROM inventory p WHERE p.store_id = c.store_id
                   AND p.product_id = c.product_id AND p.quantity_available > 0
                   AND p.snapshot_date < c.snapshot_date
                   AND p.snapshot_date >= c.snapshot_date - 28) AS in_stock
        FROM counts c
    ), demand AS (
        SELECT *, CASE WHEN units > 0 AND in_stock > 0 THEN {DAILY} END AS daily,
               CASE WHEN units > 0 AND in_stock > 0 THEN {LASTING} END AS days
        FROM stock
    )
"""
# Every day of every pair since it was first carried or sold.
DENSE = """, days AS (SELECT DISTINCT snapshot_date AS on_day FROM inventory),
    pairs AS (
        SELECT store_id, product_id, min(on_day) AS first FROM (
            SELECT store_id, product_id, snapshot_date AS on_day FROM counts WHERE is_active
            UNION ALL SELECT store_id, product_id, sold_on FROM daily WHERE gross > 0)
        GROUP BY ALL
    ), dense AS (
        SELECT p.store_id, p.product_id, on_day, coalesce(gross, 0) AS units,
               coalesce(is_active, false) AS carried, quantity_available > 0 AS stocked,
               unit_price, coalesce(daily, 0) AS daily
        FROM pairs p JOIN days ON on_day >= first
        LEFT JOIN daily d ON d.store_id = p.store_id AND d.product_id = p.product_id
             AND d.sold_on = on_day
        LEFT JOIN demand c ON c.store_id = p.store_id AND c.product_id = p.product_id
             AND c.snapshot_date = on_day
    )
"""


def files(landing: Path, *entities: str) -> dict[str, str]:
    names = {"inventory": "inventory_snapshots", "events": "page_views"}
    return {e: f"{landing}/{names.get(e, e)}/*.parquet" for e in entities}


def assert_alike(found: Rows, expected: Rows, least: int) -> None:
    """The same rows: floats up to the order in which they were summed, all else exactly."""
    assert len(found) >= least
    assert found == [
        tuple(pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for v in row)
        for row in expected
    ]


def test_stock_status_and_days_of_supply(landing: Path, whole: Path) -> None:
    expected = over_files(
        LEDGER
        + PRODUCT
        + STOCK
        + """SELECT store_id, product_id, snapshot_date, quantity_available, is_active, today,
                    units, in_stock, daily, days,
                    CASE WHEN quantity_available <= 0 THEN 'out_of_stock'
                         WHEN quantity_available <= safety_stock THEN 'critical'
                         WHEN quantity_available <= reorder_point THEN 'low'
                         WHEN units <= 0 THEN 'no_movement'
                         WHEN days > 60 THEN 'overstocked' ELSE 'healthy' END
             FROM demand ORDER BY ALL""",
        **files(landing, "transactions", "products", "inventory"),
    )
    found = ask(
        whole,
        """SELECT store_id, product_id, snapshot_date, quantity_available, is_ranged, day_units,
                  units_28d, in_stock_days_28d, daily_demand, days_of_supply, stock_status
           FROM gold.fact_inventory_daily ORDER BY ALL""",
    )
    assert_alike(found, expected, least=1_500)
    assert len({row[-1] for row in found}) >= 5


def test_inventory_health(landing: Path, whole: Path) -> None:
    expected = over_files(
        LEDGER
        + PRODUCT
        + STOCK
        + f"""SELECT snapshot_date, store_id, category, count(*) FILTER (is_active),
                    count(*) FILTER (is_active AND quantity_available <= 0) AS out,
                    {half_up("100 * out", "count(*) FILTER (is_active)", 2)},
                    sum(greatest(quantity_available, 0)),
                    sum(CASE WHEN is_active AND quantity_available <= 0
                        THEN greatest(daily - today, 0) ELSE 0 END),
                    count(*) FILTER (quantity_available > 0 AND units = 0)
             FROM demand
             JOIN (SELECT product_id, any_value(category) AS category FROM products GROUP BY 1)
                  USING (product_id)
             GROUP BY ALL ORDER BY ALL""",
        **files(landing, "transactions", "products", "inventory"),
    )
    found = ask(
        whole,
        """SELECT snapshot_date, store_id, category, ranged_count, stock_out_count, stock_out_pct,
                  available_units, lost_units, dead_count
           FROM gold.mart_inventory_health ORDER BY ALL""",
    )
    assert_alike(found, expected, least=80)


# Segments by recency (rows, 5 the most recent first) and by the mean of the other two, half up.
NAMES = [
    "new potential loyal champions champions",
    "new potential loyal loyal champions",
    "potential potential loyal loyal loyal",
    "hibernating hibernating at_risk at_risk cant_lose",
    "lost lost hibernating at_risk cant_lose",
]


def test_customer_figures_scores_and_segments(landing: Path, whole: Path) -> None:
    """Scores from ranks: by the share of customers who have less, or came later."""

    def fifth(order: str) -> str:
        return f"(5 * (rank() OVER (PARTITION BY grid_on ORDER BY {order}) - 1)) // n"

    expected = over_files(
        LEDGER
        + f""", grid AS (
            SELECT DISTINCT unnest([week_end, last]) AS grid_on FROM (
                SELECT sold_on + (6 - dayofweek(sold_on))::INT AS week_end,
                       max(sold_on) OVER () AS last
                FROM (SELECT DISTINCT transaction_date::DATE AS sold_on FROM lines))
        ), figures AS (
            SELECT customer_id, grid_on, max(sold_on) FILTER (sale) AS last_on, sum(amount) AS lifetime,
                   count(DISTINCT order_id) FILTER (sale AND sold_on > grid_on - 365) AS frequency,
                   coalesce(sum(amount) FILTER (sold_on > grid_on - 365), 0) AS monetary
            FROM entries JOIN grid ON sold_on <= grid_on
                 AND grid_on <= (SELECT max(transaction_date)::DATE FROM lines)
            WHERE customer_id IS NOT NULL GROUP BY ALL HAVING last_on IS NOT NULL
        ), scored AS (
            SELECT *, 5 - {fifth("last_on DESC")} AS r,
                   1 + {fifth("frequency")} AS f, 1 + {fifth("floor(monetary)")} AS m
            FROM (SELECT *, count(*) OVER (PARTITION BY grid_on) AS n FROM figures)
        ), named AS (
            SELECT *, split_part({NAMES}[6 - r], ' ', ((f + m + 1) // 2)::INT) AS segment FROM scored
        )
        SELECT customer_id, grid_on, (grid_on - last_on)::INT, frequency, monetary, lifetime, r, f, m,
               segment, lag(segment) OVER (PARTITION BY customer_id ORDER BY grid_on)
        FROM named ORDER BY ALL""",
        **files(landing, "transactions"),
    )
    found = ask(
        whole,
        """SELECT customer_id, grid_on, recency_days, frequency, monetary_amount, lifetime_value,
                  recency_score, frequency_score, monetary_score, segment, previous_segment
           FROM silver.int_customer_metrics ORDER BY ALL""",
    )
    assert_alike(found, expected, least=300)
    assert {row[6] for row in found} >= {2, 5}
    assert len({row[9] for row in found}) >= 5


def test_product_figures_ranks_and_classes(landing: Path, whole: Path) -> None:
    """On the last day, of which all the others are in the same fiscal year."""

    def margin(profit: str, amount: str) -> str:
        share = half_up(f"(10000 * {profit})::BIGINT", f"(100 * {amount})::BIGINT", 2)
        return f"CASE WHEN {amount} <> 0 THEN {share} END"

    recent = "FILTER (sold_on > (SELECT max(sold_on) FROM costed) - 28)"
    expected = over_files(
        COSTED
        + f""", figures AS (
            SELECT product_id, coalesce(sum(units) {recent}, 0) AS units,
                   coalesce(sum(amount) {recent}, 0) AS amount,
                   sum(amount - cost) {recent} AS profit, sum(units) AS units_ytd,
                   sum(amount) AS amount_ytd, sum(amount - cost) AS profit_ytd
            FROM costed GROUP BY product_id
        ), placed AS (
            SELECT f.*, s.category, sum(amount) OVER () AS total,
                   rank() OVER (PARTITION BY s.category ORDER BY amount DESC) AS place,
                   coalesce(sum(amount) OVER (ORDER BY amount DESC, f.product_id
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
            FROM figures f JOIN states s ON s.product_id = f.product_id AND s.until IS NULL
        )
        SELECT product_id, category, units, amount, profit, {margin("profit", "amount")},
               units_ytd, amount_ytd, profit_ytd, {margin("profit_ytd", "amount_ytd")}, place,
               CASE WHEN amount = 0 THEN 'C' WHEN before < total * 0.80 THEN 'A'
                    WHEN before < total * 0.95 THEN 'B' ELSE 'C' END
        FROM placed ORDER BY product_id""",
        **files(landing, "transactions", "products", "stores"),
    )
    found = ask(
        whole,
        """SELECT product_id, category, units_28d, amount_28d, profit_28d, margin_pct_28d,
                  units_ytd, amount_ytd, profit_ytd, margin_pct_ytd, category_rank, abc_class
           FROM silver.int_product_performance
           WHERE grid_on = (SELECT max(sold_on) FROM gold.fact_sales) ORDER BY product_id""",
    )
    assert_alike(found, expected, least=300)
    assert {row[-1] for row in found} == {"A", "B", "C"}


def test_three_views_of_the_channels_add_up_to_the_penny(landing: Path, whole: Path) -> None:
    ways = {
        "channel": "channel",
        "credited_store_id": "CASE fulfillment_type WHEN 'ship_to_home' THEN 'online' ELSE store_id END",
        "fulfilling_store_id": "CASE fulfillment_type WHEN 'ship_to_home'"
        " THEN coalesce(fulfilled_from, 'not recorded') ELSE store_id END",
    }
    totals = set()
    for column, way in ways.items():
        expected = over_files(
            LINES
            + f"""SELECT {way} AS way, transaction_date::DATE AS sold_on,
                         count(DISTINCT order_id) FILTER (counts),
                         sum(CASE WHEN counts AND came_back IS NULL THEN quantity ELSE 0 END),
                         sum(CASE WHEN counts AND came_back IS NULL THEN total_amount ELSE 0 END)
                  FROM lines GROUP BY ALL ORDER BY ALL""",
            **files(landing, "transactions"),
        )
        # An order has one store, one channel and one way, so that orders add up too.
        found = ask(
            whole,
            f"""SELECT {column}, sold_on, sum(order_count), sum(net_units), sum(net_amount)
                FROM gold.mart_channel_performance GROUP BY ALL ORDER BY ALL""",
        )
        assert found == expected
        totals.add(sum(row[-1] for row in found))
    assert len(totals) == 1


def test_sessions_and_the_orders_they_lead_to(landing: Path, whole: Path) -> None:
    expected = over_files(
        """SELECT session_id, min(event_timestamp), count(*),
                  max(customer_id), min(device_type), bool_or(event_type = 'purchase')
           FROM events GROUP BY session_id ORDER BY session_id""",
        **files(landing, "events"),
    )
    found = ask(
        whole,
        """SELECT session_id, started_at, event_count, customer_id, device_type, is_converted
           FROM silver.int_web_sessions ORDER BY session_id""",
    )
    assert found == expected
    assert len(found) > 500
    instants = "SELECT order_id, min(sold_at) AS at FROM gold.fact_sales GROUP BY order_id"
    touched = ask(
        whole,
        f"""SELECT s.started_on, s.device_type, count(*) FILTER (o.channel <> 'in_store'),
                   count(*) FILTER (o.channel = 'in_store')
            FROM (SELECT DISTINCT order_id, customer_id, channel FROM gold.fact_sales
                  WHERE NOT is_cancelled) o
            JOIN ({instants}) i USING (order_id)
            ASOF JOIN silver.int_web_sessions s
                 ON o.customer_id = s.customer_id AND i.at >= s.started_at
            WHERE i.at - s.started_at < INTERVAL 7 DAY
            GROUP BY ALL ORDER BY ALL""",
    )
    mart = ask(
        whole,
        """SELECT started_on, device_type, online_order_count, store_order_count
           FROM gold.mart_web_conversion
           WHERE online_order_count + store_order_count > 0 ORDER BY ALL""",
    )
    assert mart == touched
    assert sum(row[2] for row in mart) > 5
    assert sum(row[3] for row in mart) > 5


def test_features_are_what_duckdb_makes_of_the_files(landing: Path, whole: Path) -> None:
    """Every row and column; a discontinued product is counted, but no row on its own account."""

    def before(days: int) -> str:
        return f"OVER (w ROWS BETWEEN {days} PRECEDING AND 1 PRECEDING)"

    lags = ", ".join(f"lag(units, {n}) OVER w" for n in (1, 7, 14, 28, 364))
    sums = ", ".join(f"coalesce(sum(units) {before(n)}, 0)" for n in (7, 28, 91))
    expected = over_files(
        LEDGER
        + PRODUCT
        + STOCK
        + DENSE
        + f"""
        SELECT store_id, product_id, on_day, units, carried, stocked,
               greatest(units, CASE WHEN carried AND NOT stocked THEN daily ELSE 0 END)::DECIMAL(18, 4),
               {lags}, {sums}, stddev_pop(units) {before(28)}, stddev_pop(units) {before(91)},
               count(*) {before(91)},
               least(coalesce(on_day - max(CASE WHEN units > 0 THEN on_day END) {before(364)}, 364), 364),
               coalesce(sum((carried AND stocked)::INT) {before(28)}, 0),
               unit_price, unit_price - lag(unit_price, 7) OVER w
        FROM dense WINDOW w AS (PARTITION BY store_id, product_id ORDER BY on_day)
        ORDER BY store_id, product_id, on_day""",
        **files(landing, "transactions", "products", "inventory"),
    )
    found = ask(
        whole,
        """SELECT store_id, product_id, observed_on, units, is_ranged, is_in_stock, estimated_demand,
                  units_lag_1, units_lag_7, units_lag_14, units_lag_28, units_lag_364,
                  units_sum_7, units_sum_28, units_sum_91, units_std_28, units_std_91,
                  coverage_days_91, days_since_sale, in_stock_days_28, unit_price, price_change
           FROM gold.mart_demand_forecast_input ORDER BY store_id, product_id, observed_on""",
    )
    assert_alike(found, expected, least=1_500)


def test_a_backfilled_day_is_the_one_that_was_carried(
    spark: SparkSession, whole: Path, tmp_path: Path
) -> None:
    nothing = Namespace(source=None, landing=None, lake=whole, env="local")
    lake, name = project.frame(nothing), "mart_demand_forecast_input"
    day = date(2026, 6, 29)
    with pytest.raises(LakehouseError, match="begins on 2026-06-28"):
        table_by_days(lake, name, date(2026, 6, 27), day)
    table = table_by_days(lake, name, day, day)
    save(backfill(spark, lake, table, day, day), table, tmp_path / "features")
    columns = ", ".join(column.name for column in table.columns)
    made = f"SELECT {columns} FROM read_parquet('{tmp_path}/features/*/*.parquet') ORDER BY ALL"
    kept = f"SELECT {columns} FROM {table.full_name} WHERE observed_on = DATE '{day}' ORDER BY ALL"
    assert ask(whole, made) == ask(whole, kept)
    assert len(ask(whole, kept)) > 500


def test_groups_sell_what_their_pairs_sell(landing: Path, whole: Path) -> None:
    expected = over_files(
        LEDGER
        + """, placed AS (
            SELECT c.category, s.region, d.sold_on, d.gross FROM daily d
            JOIN stores s USING (store_id)
            JOIN (SELECT product_id, any_value(category) AS category FROM products GROUP BY 1) c
                 USING (product_id)
            WHERE gross > 0)
        SELECT 'category' AS pool, category AS member, sold_on, sum(gross) FROM placed GROUP BY ALL
        UNION ALL SELECT 'region', region, sold_on, sum(gross) FROM placed GROUP BY ALL
        UNION ALL SELECT 'category_region', category || ' in ' || region, sold_on, sum(gross)
                  FROM placed GROUP BY ALL
        ORDER BY ALL""",
        **files(landing, "transactions", "products", "stores"),
    )
    found = ask(
        whole,
        "SELECT pool, member, sold_on, units FROM silver.int_pooled_sales"
        " WHERE pool <> 'cluster' ORDER BY ALL",
    )
    assert found == expected
    assert len(found) > 80


def test_targets_of_the_training_set(whole: Path) -> None:
    rows = ask(
        whole,
        "SELECT units, target_1, target_7 FROM gold.training_set",
    )
    assert all(one == units for units, one, _ in rows)
    assert all(week is None for *_, week in rows)  # three days do not hold a week
    assert len(rows) == ask(whole, "SELECT count(*) FROM gold.mart_demand_forecast_input")[0][0]
