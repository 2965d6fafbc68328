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
# # Sales and margin by channel and fulfilment
#
# What was sold, what was left of it after the cost of the goods that was true on the day, and who
# is credited. Amounts are in the currency of the source, after discounts and returns.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()

# %% [markdown]
# ## By day and channel
#
# The channel is where the customer asked: in a store, on the site or in the app.

# %%
by_day = house.sql("""
    SELECT sold_on, channel, CAST(sum(net_amount) AS DOUBLE) AS net_amount
    FROM gold.mart_channel_performance
    GROUP BY sold_on, channel
    ORDER BY sold_on, channel
""").toPandas()
by_day.pivot(index="sold_on", columns="channel", values="net_amount").plot(
    figsize=(9, 4), marker="."
)
plt.title("Net amount a day, by channel")
plt.ylim(bottom=0)
plt.tight_layout()

# %% [markdown]
# ## Margin by channel and fulfilment
#
# `margin_pct` is profit over the amount of the lines whose cost is known; a line of unknown cost
# has no profit, and is counted.

# %%
margin = house.sql("""
    SELECT channel, fulfillment_type,
           sum(line_count) AS lines,
           sum(net_units) AS net_units,
           CAST(sum(net_amount) AS DOUBLE) AS net_amount,
           CAST(sum(profit_amount) AS DOUBLE) AS profit_amount,
           CAST(round(100 * sum(profit_amount) / nullif(sum(costed_amount), 0), 1) AS DOUBLE)
               AS margin_pct,
           sum(uncosted_line_count) AS lines_of_unknown_cost
    FROM gold.mart_channel_performance
    GROUP BY channel, fulfillment_type
    ORDER BY net_amount DESC
""").toPandas()
margin

# %%
labels = margin["channel"] + ", " + margin["fulfillment_type"].fillna("not recorded")
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), sharey=True)
left.barh(labels, margin["net_amount"], label="net amount")
left.barh(labels, margin["profit_amount"], label="of which profit")
left.set_title("Net amount and profit")
left.legend()
right.barh(labels, margin["margin_pct"])
right.set_title("Margin, %")
left.invert_yaxis()
plt.tight_layout()

# %% [markdown]
# ## Three views, one amount
#
# Who asked, who handed the goods over, who is credited: three ways to cut the same money. They add
# up to the same net amount, to the penny.

# %%
marts = house.table("gold.mart_channel_performance")
views = {}
for column in ("channel", "fulfilling_store_id", "credited_store_id"):
    cut = marts.groupBy(column).agg({"net_amount": "sum"}).toPandas()
    views[column] = cut["sum(net_amount)"].sum()
assert len(set(views.values())) == 1, views
views

# %% [markdown]
# ## What comes back
#
# Returns as a share of what was sold, by category.

# %%
returned = house.sql("""
    SELECT coalesce(p.category, 'unknown') AS category,
           CAST(100 * sum(f.returned_amount) / nullif(sum(f.gross_amount), 0) AS DOUBLE)
               AS returned_pct
    FROM gold.fact_sales f
    LEFT JOIN gold.dim_product p ON f.product_key = p.product_key
    GROUP BY coalesce(p.category, 'unknown')
    ORDER BY returned_pct DESC
""").toPandas()
returned.plot.barh(x="category", y="returned_pct", figsize=(9, 4.5), legend=False)
plt.gca().invert_yaxis()
plt.title("Returned amount, % of gross")
plt.ylabel("")
plt.tight_layout()

# %% [markdown]
# ## Where the margin is made
#
# Each dot is a category: how much it sells, and what is left of it.

# %%
category = house.sql("""
    SELECT coalesce(p.category, 'unknown') AS category,
           CAST(sum(f.net_amount) AS DOUBLE) AS net_amount,
           CAST(100 * sum(f.line_profit)
                / nullif(sum(CASE WHEN f.line_profit IS NOT NULL THEN f.net_amount END), 0)
                AS DOUBLE) AS margin_pct
    FROM gold.fact_sales f
    LEFT JOIN gold.dim_product p ON f.product_key = p.product_key
    GROUP BY coalesce(p.category, 'unknown')
    ORDER BY net_amount DESC
""").toPandas()
category.plot.scatter(x="net_amount", y="margin_pct", figsize=(9, 5))
for row in category.itertuples():
    plt.annotate(row.category, (row.net_amount, row.margin_pct), fontsize=8)
plt.title("Net amount and margin by category")
plt.tight_layout()
