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
# # Customer segments, and how they move
#
# `int_customer_metrics` has a row per customer and grid day (each fiscal week end, and the last
# day): recency, frequency and money over a year, their scores, the segment they give, and the
# segment of the grid day before.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()

# %% [markdown]
# ## Who is there today

# %%
segments = house.sql("""
    SELECT segment, count(*) AS customers,
           CAST(avg(recency_days) AS DOUBLE) AS mean_recency_days,
           CAST(avg(frequency) AS DOUBLE) AS mean_orders,
           CAST(avg(lifetime_value) AS DOUBLE) AS mean_lifetime_value
    FROM silver.int_customer_metrics
    WHERE grid_on = (SELECT max(grid_on) FROM silver.int_customer_metrics)
    GROUP BY segment
    ORDER BY mean_lifetime_value DESC
""").toPandas()
segments

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
left.barh(segments["segment"], segments["customers"])
left.set_title("Customers")
right.barh(segments["segment"], segments["mean_lifetime_value"])
right.set_title("Mean lifetime value")
left.invert_yaxis()
plt.tight_layout()

# %% [markdown]
# ## How the segments grew

# %%
grown = house.sql("""
    SELECT grid_on, segment, count(*) AS customers
    FROM silver.int_customer_metrics
    GROUP BY grid_on, segment
    ORDER BY grid_on
""").toPandas()
grown.pivot(index="grid_on", columns="segment", values="customers").fillna(0).plot.area(
    figsize=(9, 4), linewidth=0
)
plt.title("Customers by segment at each grid day")
plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.tight_layout()

# %% [markdown]
# ## Who moved
#
# From the segment of the grid day before (rows) to that of the last one (columns). The diagonal
# stayed.

# %%
moves = house.sql("""
    SELECT coalesce(previous_segment, '(new here)') AS before, segment AS after,
           count(*) AS customers
    FROM silver.int_customer_metrics
    WHERE grid_on = (SELECT max(grid_on) FROM silver.int_customer_metrics)
    GROUP BY coalesce(previous_segment, '(new here)'), segment
""").toPandas()
matrix = moves.pivot(index="before", columns="after", values="customers").fillna(0).astype(int)
matrix

# %%
shares = matrix.div(matrix.sum(axis="columns"), axis="index")
plt.figure(figsize=(8, 6))
plt.imshow(shares, cmap="Blues", vmin=0, vmax=1)
plt.xticks(range(len(matrix.columns)), matrix.columns, rotation=45, ha="right")
plt.yticks(range(len(matrix.index)), matrix.index)
for y, before in enumerate(matrix.index):
    for x, after in enumerate(matrix.columns):
        if matrix.loc[before, after]:
            dark = "white" if shares.loc[before, after] > 0.6 else "black"
            plt.text(x, y, f"{matrix.loc[before, after]:,}", ha="center", va="center", color=dark)
plt.title("Where customers of a segment went")
plt.tight_layout()

# %% [markdown]
# ## How concentrated the money is
#
# Customers by lifetime value, from the largest: what share of all money do the first x % bring?

# %%
values = house.sql("""
    SELECT CAST(lifetime_value AS DOUBLE) AS lifetime_value
    FROM gold.dim_customer
    WHERE lifetime_value > 0
    ORDER BY lifetime_value DESC
""").toPandas()["lifetime_value"]
curve = 100 * values.cumsum() / values.sum()
curve.index = 100 * (curve.index + 1) / len(curve)
curve.plot(figsize=(7, 4.5))
plt.xlabel("customers, %")
plt.ylabel("lifetime value, %")
plt.title("Share of money that the largest customers bring")
plt.grid(alpha=0.3)
plt.tight_layout()

# %% [markdown]
# ## Tiers as they were
#
# `customer_history` keeps every version of loyalty tier, type and state: how many changes of tier,
# from what to what.

# %%
house.sql("""
    SELECT before, loyalty_tier AS after, count(*) AS customers
    FROM (
        SELECT loyalty_tier,
               lag(loyalty_tier) OVER (PARTITION BY customer_key ORDER BY valid_from) AS before
        FROM gold.customer_history
    )
    WHERE before <> loyalty_tier
    GROUP BY before, loyalty_tier
    ORDER BY customers DESC, before, after
""").toPandas()
