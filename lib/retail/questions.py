"""Questions a retailer asks of gold, with the SQL that answers them in DuckDB and in Spark."""

NEXT = """
The lake lies in {lake}, what it was built from in {landing}. Try next:
  .venv/bin/python jobs/query.py "SELECT * FROM gold.training_set LIMIT 9"
  .venv/bin/python jobs/build.py               # nothing has changed: done in a moment
  ./spark-submit.sh jobs/build.py --dry-run    # the same through spark-submit
  .venv/bin/python jobs/doctor.py dim_product  # is the history of products sound?
Every table and column: docs/tables.md. What is made from what: docs/model.md.
What late costs changed, and what was known when: docs/restatements.md.
"""
QUESTIONS = {
    "What did each channel sell, and what was left after the cost of the goods?": """
        SELECT channel,
               count(DISTINCT coalesce(order_id, transaction_id)) AS orders,
               sum(net_units) AS net_units,
               sum(net_amount) AS net_amount,
               round(100 * sum(line_profit) / sum(net_amount), 1) AS margin_pct
        FROM gold.fact_sales
        GROUP BY channel
        ORDER BY net_amount DESC, channel
    """,
    "Which ten products brought in the most?": """
        SELECT p.product_id, p.product_name, p.category,
               sum(f.net_units) AS net_units,
               sum(f.net_amount) AS revenue
        FROM gold.fact_sales f
        JOIN gold.dim_product p ON f.product_key = p.product_key
        GROUP BY p.product_id, p.product_name, p.category
        ORDER BY revenue DESC, p.product_id
        LIMIT 10
    """,
    "Where did a new price or cost move the margin most?": """
        SELECT p.product_id, p.category,
               min(f.sold_on) AS first_sold, max(f.sold_on) AS last_sold,
               p.unit_price, p.unit_cost, p.margin_pct,
               sum(f.net_units) AS net_units, sum(f.line_profit) AS profit
        FROM gold.fact_sales f
        JOIN gold.dim_product p ON f.product_key = p.product_key
        WHERE p.product_id = (
            SELECT product_id FROM gold.dim_product
            WHERE product_key NOT IN (0, -1) AND is_active
              AND product_key IN (SELECT product_key FROM gold.fact_sales)
            GROUP BY product_id
            ORDER BY max(margin_pct) - min(margin_pct) DESC, product_id
            LIMIT 1
        )
        GROUP BY p.product_id, p.category, p.unit_price, p.unit_cost, p.margin_pct
        ORDER BY first_sold, last_sold, p.unit_price, p.unit_cost
    """,
    "How much of what each category sold came back?": """
        SELECT p.category,
               sum(f.gross_amount) AS gross_amount,
               sum(f.returned_amount) AS returned_amount,
               round(100 * sum(f.returned_amount) / sum(f.gross_amount), 1) AS returned_pct
        FROM gold.fact_sales f
        JOIN gold.dim_product p ON f.product_key = p.product_key
        GROUP BY p.category
        ORDER BY returned_pct DESC, p.category
        LIMIT 5
    """,
    "Who asked, who handed over, who is credited? One net amount, three ways to cut it.": """
        SELECT channel, fulfillment_type, n.store_type AS handed_over_by,
               CASE WHEN credited_store_id = 'online' THEN 'online' ELSE 'store' END AS credited_to,
               sum(order_count) AS orders, sum(net_amount) AS net_amount,
               round(100 * sum(profit_amount) / sum(costed_amount), 1) AS margin_pct
        FROM gold.mart_channel_performance m
        JOIN gold.dim_store n ON m.fulfilling_store_id = n.store_id AND n.store_key NOT IN (0, -1)
        GROUP BY channel, fulfillment_type, n.store_type,
                 CASE WHEN credited_store_id = 'online' THEN 'online' ELSE 'store' END
        ORDER BY net_amount DESC, channel, fulfillment_type, handed_over_by
    """,
    "What was out of stock last week, and what did it cost?": """
        SELECT category, sum(ranged_count) AS product_days, sum(stock_out_count) AS out_of_stock,
               round(100.0 * sum(stock_out_count) / sum(ranged_count), 1) AS stock_out_pct,
               round(sum(lost_units), 0) AS lost_units, sum(lost_amount) AS lost_amount
        FROM gold.mart_inventory_health
        WHERE snapshot_date > (SELECT max(snapshot_date) FROM gold.mart_inventory_health)
                              - INTERVAL '7' DAY
        GROUP BY category
        ORDER BY lost_amount DESC, category
        LIMIT 5
    """,
    "In what state is the stock, and how many days will it last?": """
        SELECT stock_status, count(*) AS store_products,
               round(min(days_of_supply), 1) AS least_days,
               round(avg(days_of_supply), 1) AS mean_days,
               round(max(days_of_supply), 1) AS most_days
        FROM gold.fact_inventory_daily
        WHERE snapshot_date = (SELECT max(snapshot_date) FROM gold.fact_inventory_daily)
        GROUP BY stock_status
        ORDER BY store_products DESC, stock_status
    """,
    "Which customers are there, and who moved since the last week end?": """
        SELECT segment, count(*) AS customers,
               sum(CASE WHEN previous_segment <> segment THEN 1 ELSE 0 END) AS came_from_another,
               round(avg(recency_days), 1) AS mean_recency_days,
               round(avg(frequency), 1) AS mean_orders,
               round(avg(lifetime_value), 0) AS mean_lifetime_value
        FROM silver.int_customer_metrics
        WHERE grid_on = (SELECT max(grid_on) FROM silver.int_customer_metrics)
        GROUP BY segment
        ORDER BY mean_lifetime_value DESC, segment
    """,
    "How do visits turn into orders, online and in the store?": """
        SELECT device_type, sum(session_count) AS sessions,
               sum(cart_session_count) AS with_cart, sum(purchase_count) AS with_purchase,
               sum(online_order_count) AS online_orders_in_7_days,
               sum(store_order_count) AS store_orders_in_7_days
        FROM gold.mart_web_conversion
        GROUP BY device_type
        ORDER BY sessions DESC, device_type
    """,
    "What does a forecaster see of one product in one store? (# is 5 units; lags lie before)": """
        SELECT observed_on, CASE WHEN is_in_stock THEN '' ELSE 'out' END AS stock, units,
               repeat('#', CAST(ceil(units / 5.0) AS INT)) AS sold,
               units_lag_7, units_sum_7, round(units_std_28, 1) AS units_std_28,
               in_stock_days_28, round(estimated_demand, 1) AS estimated_demand
        FROM gold.mart_demand_forecast_input
        WHERE (store_id, product_id) IN (
            SELECT store_id, product_id FROM gold.mart_demand_forecast_input
            GROUP BY store_id, product_id
            ORDER BY sum(CASE WHEN is_in_stock THEN 0 ELSE units + 5 END) DESC, store_id, product_id
            LIMIT 1
        )
        ORDER BY observed_on
    """,
}
