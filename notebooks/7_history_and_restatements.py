# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # History and restatements
#
# `dim_product` keeps every version of a product's price, cost, category, subcategory, brand and
# state, half-open in time. Each sale holds the key of the version valid when it was sold. When a
# cost is booked late, the days it reaches are costed again; `ops.restatements` says what moved.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()

# %% [markdown]
# ## A product's life
#
# The product with the most versions: price and cost as steps, from one version to the next.

# %%
life = house.sql("""
    WITH busiest AS (
        SELECT product_id
        FROM gold.dim_product
        WHERE product_key NOT IN (0, -1)
        GROUP BY product_id
        ORDER BY count(*) DESC, product_id
        LIMIT 1
    )
    SELECT product_id, valid_from, valid_to, is_current,
           CAST(unit_price AS DOUBLE) AS unit_price, CAST(unit_cost AS DOUBLE) AS unit_cost,
           CAST(margin_pct AS DOUBLE) AS margin_pct
    FROM gold.dim_product
    JOIN busiest USING (product_id)
    ORDER BY valid_from
""")
# Years 1900 and 9999 stand for ever; pandas counts in nanoseconds and ends before.
life = life.selectExpr("* EXCEPT (valid_from, valid_to)", "string(valid_from)", "string(valid_to)")
life.toPandas()

# %%
versions = house.sql("""
    SELECT change_on, count(*) AS new_versions
    FROM (SELECT CAST(valid_from AS DATE) AS change_on FROM gold.dim_product
          WHERE valid_from > TIMESTAMP '1900-01-02')
    GROUP BY change_on
    ORDER BY change_on
""").toPandas()
if len(versions):
    versions.plot.bar(x="change_on", y="new_versions", figsize=(9, 3), legend=False)
    plt.title("New versions of products by day")
    plt.tight_layout()

# %% [markdown]
# ## What history is for
#
# The profit of each day at the cost of the day, and what it would be told today if the product held
# but its present cost. The difference is the error of a table without history.

# %%
profit = house.sql("""
    SELECT f.sold_on, CAST(sum(f.line_profit) AS DOUBLE) AS at_the_cost_of_the_day,
           CAST(sum(f.net_amount - round(f.net_units * p.unit_cost, 2)) AS DOUBLE)
               AS at_the_present_cost
    FROM gold.fact_sales f
    JOIN gold.dim_product_current p USING (product_id)
    WHERE f.line_profit IS NOT NULL AND p.unit_cost IS NOT NULL
    GROUP BY f.sold_on
    ORDER BY f.sold_on
""").toPandas()
if len(profit):
    profit["error"] = profit["at_the_present_cost"] - profit["at_the_cost_of_the_day"]
    profit.plot.bar(x="sold_on", y="error", figsize=(9, 3.5), legend=False)
    plt.title("Profit at the present cost less profit at the cost of the day")
    plt.tight_layout()
profit.sum(numeric_only=True).round(2)

# %% [markdown]
# ## What late costs moved
#
# One row per line and build that gave it another cost: how much each build moved the profit of each
# business day. A lake built at once has none: nothing was told otherwise before.

# %%
moved = house.sql("""
    SELECT batch_id, sold_on, count(*) AS lines,
           CAST(sum(profit_change_amount) AS DOUBLE) AS profit_change
    FROM ops.restatements
    GROUP BY batch_id, sold_on
    ORDER BY batch_id, sold_on
""").toPandas()
moved if len(moved) else "nothing was restated in this lake"

# %%
if len(moved):
    moved.pivot_table(index="sold_on", columns="batch_id", values="profit_change").plot.bar(
        figsize=(9, 3.5)
    )
    plt.title("Change of profit by business day, of each build that restated")
    plt.tight_layout()

# %% [markdown]
# ## Which event did it
#
# The product events behind the largest moves, and when they became true.

# %%
house.sql("""
    SELECT product_id, string(event_at) AS event_at, event_operation, count(*) AS lines,
           min(unit_cost_before) AS unit_cost_before, min(unit_cost_after) AS unit_cost_after,
           sum(profit_change_amount) AS profit_change
    FROM ops.restatements
    GROUP BY product_id, event_at, event_operation
    ORDER BY abs(sum(profit_change_amount)) DESC, product_id, event_at
    LIMIT 10
""").toPandas()
