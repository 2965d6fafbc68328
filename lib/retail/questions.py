"""Questions a retailer asks of gold, with the SQL that answers them in DuckDB and in Spark."""

QUESTIONS = {
    "What did each channel sell, and what was left after the cost of the goods?": """
        SELECT channel,
               count(DISTINCT order_id) AS orders,
               sum(net_units) AS net_units,
               sum(net_amount) AS net_amount,
               round(100 * sum(line_profit) / sum(net_amount), 1) AS margin_pct
        FROM gold.fact_sales
        GROUP BY channel
        ORDER BY net_amount DESC
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
            GROUP BY product_id
            ORDER BY max(margin_pct) - min(margin_pct) DESC, product_id
            LIMIT 1
        )
        GROUP BY p.product_id, p.category, p.unit_price, p.unit_cost, p.margin_pct
        ORDER BY first_sold
    """,
    "How much of what each category sold came back?": """
        SELECT p.category,
               sum(f.gross_amount) AS gross_amount,
               sum(f.returned_amount) AS returned_amount,
               round(100 * sum(f.returned_amount) / sum(f.gross_amount), 1) AS returned_pct
        FROM gold.fact_sales f
        JOIN gold.dim_product_current p USING (product_id)
        GROUP BY p.category
        ORDER BY returned_pct DESC
        LIMIT 5
    """,
}
