"""Inventory, customers, channels, visits and features, computed another way from the landing files."""

from pathlib import Path

import pytest
from end_to_end.lakes import Rows, ask, over_files
from end_to_end.test_generated import LINES

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
STOCK = """, stock AS (
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
    )
"""


def files(landing: Path, *entities: str) -> dict[str, str]:
    names = {"inventory": "inventory_snapshots", "events": "page_views"}
    return {e: f"{landing}/{names.get(e, e)}/*.parquet" for e in entities}


def assert_alike(found: Rows, expected: Rows, least: int) -> None:
    """Equal rows; numbers to the last digit that rounding in binary and in decimals share."""
    assert len(found) == len(expected) >= least
    for one, other in zip(found, expected, strict=True):
        numbers = [v is not None and not isinstance(v, str | bool) for v in one]
        assert [
            pytest.approx(float(v), abs=0.0100001) if n and hasattr(v, "__round__") else v
            for v, n in zip(one, numbers, strict=True)
        ] == [
            float(v) if n and hasattr(v, "__round__") else v
            for v, n in zip(other, numbers, strict=True)
        ]


def test_stock_status_and_days_of_supply(landing: Path, whole: Path) -> None:
    expected = over_files(
        LEDGER
        + PRODUCT
        + STOCK
        + """SELECT store_id, product_id, snapshot_date, quantity_available, is_active, today,
                    units, in_stock,
                    CASE WHEN units > 0 AND in_stock > 0
                         THEN round(greatest(quantity_available, 0) * in_stock / units, 1) END AS days,
                    CASE WHEN quantity_available <= 0 THEN 'out_of_stock'
                         WHEN quantity_available <= safety_stock THEN 'critical'
                         WHEN quantity_available <= reorder_point THEN 'low'
                         WHEN units <= 0 THEN 'no_movement'
                         WHEN days > 60 THEN 'overstocked' ELSE 'healthy' END
             FROM stock ORDER BY ALL""",
        **files(landing, "transactions", "products", "inventory"),
    )
    found = ask(
        whole,
        """SELECT store_id, product_id, snapshot_date, quantity_available, is_ranged, day_units,
                  units_28d, in_stock_days_28d, days_of_supply, stock_status
           FROM gold.fact_inventory_daily ORDER BY ALL""",
    )
    assert_alike(found, expected, least=1_500)
    assert len({row[-1] for row in found}) >= 5


def test_inventory_health(landing: Path, whole: Path) -> None:
    expected = over_files(
        LEDGER
        + PRODUCT
        + STOCK
        + """SELECT snapshot_date, store_id, category, count(*) FILTER (is_active),
                    count(*) FILTER (is_active AND quantity_available <= 0),
                    sum(greatest(quantity_available, 0)),
                    sum(CASE WHEN is_active AND quantity_available <= 0 AND units > 0 AND in_stock > 0
                        THEN greatest(units / in_stock - today, 0) ELSE 0 END),
                    count(*) FILTER (quantity_available > 0 AND units = 0)
             FROM stock
             JOIN (SELECT product_id, any_value(category) AS category FROM products GROUP BY 1)
                  USING (product_id)
             GROUP BY ALL ORDER BY ALL""",
        **files(landing, "transactions", "products", "inventory"),
    )
    found = ask(
        whole,
        """SELECT snapshot_date, store_id, category, ranged_count, stock_out_count,
                  available_units, lost_units, dead_count
           FROM gold.mart_inventory_health ORDER BY ALL""",
    )
    assert_alike(found, expected, least=80)


def test_customer_figures_and_scores(landing: Path, whole: Path) -> None:
    """Scores from ranks: a value scores by the share of customers who have less."""
    expected = over_files(
        LEDGER
        + """, grid AS (
            SELECT DISTINCT unnest([g::DATE, last::DATE]) AS grid_on FROM (
                SELECT max(sold_on) OVER () AS last, sold_on, unnest(generate_series(
                    sold_on + (6 - dayofweek(sold_on))::INT, sold_on + 6, INTERVAL 7 DAY)) AS g
                FROM (SELECT DISTINCT transaction_date::DATE AS sold_on FROM lines))
            WHERE g <= last OR true
        ), figures AS (
            SELECT customer_id, grid_on, max(sold_on) FILTER (sale) AS last_on,
                   count(DISTINCT order_id) FILTER (sale AND sold_on > grid_on - 365) AS frequency,
                   coalesce(sum(amount) FILTER (sold_on > grid_on - 365), 0) AS monetary,
                   sum(amount) AS lifetime
            FROM entries JOIN grid ON sold_on <= grid_on
                 AND grid_on <= (SELECT max(transaction_date)::DATE FROM lines)
            WHERE customer_id IS NOT NULL GROUP BY ALL HAVING last_on IS NOT NULL
        )
        SELECT customer_id, grid_on, (grid_on - last_on)::INT, frequency, monetary, lifetime,
               (1 + (5 * (rank() OVER (PARTITION BY grid_on ORDER BY last_on) - 1)) // n)::INT,
               (1 + (5 * (rank() OVER (PARTITION BY grid_on ORDER BY frequency) - 1)) // n)::INT,
               (1 + (5 * (rank() OVER (PARTITION BY grid_on ORDER BY floor(monetary)) - 1)) // n)::INT
        FROM (SELECT *, count(*) OVER (PARTITION BY grid_on) AS n FROM figures) ORDER BY ALL""",
        **files(landing, "transactions"),
    )
    found = ask(
        whole,
        """SELECT customer_id, grid_on, recency_days, frequency, monetary_amount, lifetime_value,
                  recency_score, frequency_score, monetary_score
           FROM silver.int_customer_metrics ORDER BY ALL""",
    )
    assert_alike(found, expected, least=300)


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
    expected = over_files(
        LEDGER
        + """, days AS (SELECT DISTINCT snapshot_date AS on_day FROM inventory),
        active AS (
            SELECT store_id, product_id, snapshot_date FROM inventory
        ), pairs AS (
            SELECT store_id, product_id, min(on_day) AS first FROM (
                SELECT store_id, product_id, snapshot_date AS on_day FROM active
                UNION ALL SELECT store_id, product_id, sold_on FROM daily WHERE gross > 0)
            GROUP BY ALL
        ), dense AS (
            SELECT p.store_id, p.product_id, on_day, coalesce(gross, 0) AS units
            FROM pairs p JOIN days ON on_day >= first
            LEFT JOIN daily d ON d.store_id = p.store_id AND d.product_id = p.product_id
                 AND d.sold_on = on_day
        )
        SELECT store_id, product_id, on_day, units,
               lag(units) OVER w, coalesce(sum(units) OVER (w ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING), 0),
               stddev_pop(units) OVER (w ROWS BETWEEN 28 PRECEDING AND 1 PRECEDING),
               count(*) OVER (w ROWS BETWEEN 91 PRECEDING AND 1 PRECEDING)
        FROM dense WINDOW w AS (PARTITION BY store_id, product_id ORDER BY on_day)
        ORDER BY store_id, product_id, on_day""",
        **files(landing, "transactions", "inventory"),
    )
    found = ask(
        whole,
        """SELECT store_id, product_id, observed_on, units, units_lag_1, units_sum_7, units_std_28,
                  coverage_days_91
           FROM gold.mart_demand_forecast_input ORDER BY store_id, product_id, observed_on""",
    )
    known = {row[:3]: row for row in expected}
    # A discontinued product is counted, not carried: it has no row on its own account.
    assert_alike(found, [known[row[:3]] for row in found], least=1_500)


def test_targets_of_the_training_set(whole: Path) -> None:
    rows = ask(
        whole,
        """SELECT t.observed_on, t.units, t.target_1, t.target_7,
                  (SELECT max(observed_on) FROM gold.mart_demand_forecast_input) AS last
           FROM gold.training_set t""",
    )
    assert all(one == units for _, units, one, _, _ in rows)
    assert all(week is None for *_, week, _ in rows)  # three days do not hold a week
    assert len(rows) == ask(whole, "SELECT count(*) FROM gold.mart_demand_forecast_input")[0][0]
