"""Inventory, customers, channels, visits and features, computed another way from the landing files."""

from argparse import Namespace
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from end_to_end.lakes import COSTED, LINES, ask, assert_alike, files, over_files
from end_to_end.stock import (
    LEDGER,
    PRODUCT,
    STOCK,
    assert_features,
    assert_stock,
    half_up,
)
from places import LAST_DAY
from pyspark.sql import SparkSession

from lakehouse import LakehouseError
from lakehouse.backfill import backfill, table_by_days
from lakehouse.conf import merge
from retail import project


def test_stock_status_and_days_of_supply(landing: Path, whole: Path) -> None:
    found = assert_stock(whole, files(landing, "transactions", "products", "inventory"))
    assert len(found) >= 1_500
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
    assert any(segment != before for *_, segment, before in found if before)


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
    visits = """SELECT session_id, max(customer_id) AS customer_id, min(device_type) AS device_type,
                       min(event_timestamp) AS started_at, max(event_timestamp) AS ended_at,
                       count(*) AS events, count(DISTINCT product_id) AS products,
                       bool_or(event_type = 'add_to_cart') AS fills,
                       bool_or(event_type = 'purchase') AS buys
                FROM events GROUP BY session_id"""
    expected = over_files(
        f"""SELECT session_id, customer_id, device_type, started_at, ended_at, events, products,
                   CASE WHEN buys THEN 'purchase' WHEN fills THEN 'cart'
                        WHEN products > 0 THEN 'product' ELSE 'visit' END,
                   products > 0, fills OR buys, buys
            FROM ({visits}) ORDER BY session_id""",
        **files(landing, "events"),
    )
    found = ask(
        whole,
        """SELECT session_id, customer_id, device_type, started_at, ended_at, event_count,
                  product_count, step_reached, is_product_seen, is_cart_filled, is_converted
           FROM silver.int_web_sessions ORDER BY session_id""",
    )
    assert found == expected
    assert len(found) > 500
    assert len({row[7] for row in found}) == 4
    touched = over_files(
        f"""{COSTED}, orders AS (
            SELECT order_id, customer_id, channel, min(instant) AS placed_at FROM kept WHERE counts
            GROUP BY ALL)
            SELECT started_at::DATE AS started_on, device_type,
                   count(*) FILTER (channel <> 'in_store'), count(*) FILTER (channel = 'in_store')
            FROM orders o ASOF JOIN ({visits}) s
                 ON o.customer_id = s.customer_id AND placed_at >= started_at
            WHERE placed_at - started_at < INTERVAL 7 DAY
            GROUP BY ALL ORDER BY ALL""",
        **files(landing, "events", "transactions", "products", "stores"),
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
    found = assert_features(whole, files(landing, "transactions", "products", "inventory"))
    assert len(found) >= 1_500


@pytest.mark.parametrize("way", ["kernel", "spark"])
def test_a_backfilled_day_is_the_one_that_was_carried(
    spark: SparkSession, whole: Path, tmp_path: Path, way: str
) -> None:
    nothing = Namespace(source=None, landing=None, lake=whole, env="local")
    lake, name = project.frame(nothing), "mart_demand_forecast_input"
    lake = replace(lake, conf=merge(lake.conf, {"carry": {"by": way}}))
    first, day = LAST_DAY - timedelta(2), LAST_DAY - timedelta(1)
    with pytest.raises(LakehouseError, match=f"begins on {first}"):
        table_by_days(lake, name, first - timedelta(1), day)
    table = table_by_days(lake, name, day, day)
    backfill(spark, lake, table, day, day, tmp_path / "features")
    columns = ", ".join(column.name for column in table.columns)
    made = f"SELECT {columns} FROM read_parquet('{tmp_path}/features/*/*/*.parquet') ORDER BY ALL"
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
