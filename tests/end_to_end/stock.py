"""Stock, and what it makes of demand, in DuckDB's SQL over landing files: in other words than ours."""

from pathlib import Path

from end_to_end.lakes import CATALOGUE, LINES, Rows, ask, assert_alike, over_files


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
# Every day of every pair since it was first carried or sold; lagged columns are of the days before.
DENSE = """, landed AS (
        SELECT DISTINCT snapshot_date AS on_day, true AS counted FROM inventory
        UNION SELECT sold_on, false FROM daily
    ), days AS (
        SELECT on_day, count(counted) > 0 AS landed, coalesce(bool_or(counted), false) AS counted
        FROM (SELECT unnest(generate_series(min(on_day), max(on_day), INTERVAL 1 DAY))::DATE AS on_day
              FROM landed)
        LEFT JOIN landed USING (on_day) GROUP BY on_day
    ), pairs AS (
        SELECT store_id, product_id, min(on_day) AS first FROM (
            SELECT store_id, product_id, snapshot_date AS on_day FROM counts WHERE is_active
            UNION ALL SELECT store_id, product_id, sold_on FROM daily WHERE gross > 0)
        GROUP BY ALL
    ), dense AS (
        SELECT p.store_id, p.product_id, on_day, (on_day - first)::INT AS known, landed, counted,
               coalesce(gross, 0)::INT AS units, coalesce(is_active, false) AS carried,
               quantity_available > 0 AS stocked, carried AND coalesce(stocked, false) AS sellable,
               unit_price, coalesce(daily, 0) AS daily
        FROM pairs p JOIN days ON on_day >= first
        LEFT JOIN daily d ON d.store_id = p.store_id AND d.product_id = p.product_id
             AND d.sold_on = on_day
        LEFT JOIN demand c ON c.store_id = p.store_id AND c.product_id = p.product_id
             AND c.snapshot_date = on_day
    )
"""


def assert_stock(lake: Path, landed: dict[str, str]) -> Rows:
    """That fact_inventory_daily is what DuckDB makes of the files; its rows, the status last."""
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
        **landed,
    )
    found = ask(
        lake,
        """SELECT store_id, product_id, snapshot_date, quantity_available, is_ranged, day_units,
                  units_28d, in_stock_days_28d, daily_demand, days_of_supply, stock_status
           FROM gold.fact_inventory_daily ORDER BY ALL""",
    )
    assert_alike(found, expected)
    return found


def assert_features(lake: Path, landed: dict[str, str]) -> Rows:
    """That mart_demand_forecast_input is what DuckDB makes of the files, every column; its rows."""

    def before(days: int) -> str:
        return f"OVER (w ROWS BETWEEN {days} PRECEDING AND 1 PRECEDING)"

    def summed(value: str, *lengths: int) -> str:
        return ", ".join(f"coalesce(sum({value}) {before(n)}, 0)" for n in lengths)

    lags = ", ".join(f"lag(units, {n}) OVER w" for n in (1, 7, 14, 28, 364))
    spread = "CASE WHEN landed THEN units END"
    expected = over_files(
        LEDGER
        + PRODUCT
        + STOCK
        + DENSE
        + f"""
        SELECT store_id, product_id, on_day,
               CASE WHEN sellable THEN CASE WHEN units > 0 THEN 'sold' ELSE 'true_zero' END
                    WHEN carried THEN 'out_of_stock' WHEN units > 0 THEN 'sold'
                    WHEN counted THEN 'not_ranged' END,
               units, CASE WHEN counted THEN carried END, stocked,
               greatest(units, CASE WHEN carried AND NOT stocked THEN daily ELSE 0 END)::DECIMAL(18, 4),
               {lags}, {summed("units", 7, 28, 91)}, {summed("units * units", 28, 91)},
               stddev_pop({spread}) {before(28)}, stddev_pop({spread}) {before(91)},
               {summed("landed::INT", 28, 91)}, known,
               on_day - max(CASE WHEN units > 0 OR carried THEN on_day END) OVER w,
               coalesce(list_sum(list_transform(
                   list(on_day) FILTER (units > 0) {before(63)},
                   lambda day: 1::BIGINT << (on_day - day - 1)::BIGINT
               )), 0)::BIGINT,
               coalesce(on_day - max(CASE WHEN units > 0 THEN on_day END) {before(63)}, 64),
               {summed("sellable::INT", 28)}, {summed("units * sellable::INT", 28)},
               unit_price, unit_price - lag(unit_price, 7) OVER w
        FROM dense WINDOW w AS (PARTITION BY store_id, product_id ORDER BY on_day)
        ORDER BY store_id, product_id, on_day""",
        **landed,
    )
    columns = [c.name for c in CATALOGUE.tables["mart_demand_forecast_input"].columns]
    columns.remove("store_range")
    found = ask(
        lake,
        f"""SELECT {", ".join(columns)} FROM gold.mart_demand_forecast_input
            ORDER BY store_id, product_id, observed_on""",
    )
    assert_alike(found, expected)
    return found
