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
# # Inventory, stock-outs and lost sales
#
# `fact_inventory_daily` has a row per store, product and day counted: what can be sold, how long it
# lasts at the pace of the last 28 days, and in what state that is. `mart_inventory_health` sums it
# up by store and category, with what stock-outs cost.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()

# %% [markdown]
# ## In what state the stock is
#
# In this order: out of stock, critical (at or below safety stock), low (at or below the reorder
# point), no movement in 28 days, overstocked (days of supply over the limit in conf), healthy.

# %%
status = house.sql("""
    SELECT snapshot_date, stock_status, count(*) AS store_products
    FROM gold.fact_inventory_daily
    GROUP BY snapshot_date, stock_status
    ORDER BY snapshot_date
""").toPandas()
if len(status):
    shares = status.pivot(index="snapshot_date", columns="stock_status", values="store_products")
    shares = shares.fillna(0).apply(lambda day: 100 * day / day.sum(), axis="columns")
    shares.plot.area(figsize=(9, 4), linewidth=0)
    plt.title("Stock status of counted store and product pairs, %")
    plt.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    plt.tight_layout()

# %% [markdown]
# ## How long it lasts
#
# Days of supply on the last day: available units over the units a day sold in the 28 days before,
# of days on which there was stock. Without sales it is unknown, and not shown.

# %%
supply = house.sql("""
    SELECT CAST(days_of_supply AS DOUBLE) AS days_of_supply
    FROM gold.fact_inventory_daily
    WHERE snapshot_date = (SELECT max(snapshot_date) FROM gold.fact_inventory_daily)
      AND days_of_supply IS NOT NULL
""").toPandas()
if len(supply):
    supply["days_of_supply"].clip(upper=90).plot.hist(bins=45, figsize=(9, 3.5))
    plt.title("Days of supply on the last day (90 and more in the last bar)")
    plt.xlabel("days")
    plt.tight_layout()

# %% [markdown]
# ## Stock-outs and what they cost
#
# A ranged product that is out of stock sells nothing; what it would have sold is estimated from the
# days with stock, priced at the price of the day.

# %%
lost = house.sql("""
    SELECT category,
           sum(ranged_count) AS product_days,
           sum(stock_out_count) AS out_of_stock,
           CAST(100.0 * sum(stock_out_count) / nullif(sum(ranged_count), 0) AS DOUBLE)
               AS stock_out_pct,
           CAST(sum(lost_units) AS DOUBLE) AS lost_units,
           CAST(sum(lost_amount) AS DOUBLE) AS lost_amount
    FROM gold.mart_inventory_health
    GROUP BY category
    ORDER BY lost_amount DESC
""").toPandas()
lost

# %%
if len(lost):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    left.barh(lost["category"].fillna("unknown"), lost["lost_amount"])
    left.set_title("Lost sales, amount")
    right.barh(lost["category"].fillna("unknown"), lost["stock_out_pct"])
    right.set_title("Product days out of stock, %")
    left.invert_yaxis()
    plt.tight_layout()

# %%
daily = house.sql("""
    SELECT snapshot_date,
           CAST(100.0 * sum(stock_out_count) / nullif(sum(ranged_count), 0) AS DOUBLE)
               AS stock_out_pct,
           CAST(sum(lost_amount) AS DOUBLE) AS lost_amount
    FROM gold.mart_inventory_health
    GROUP BY snapshot_date
    ORDER BY snapshot_date
""").toPandas()
if len(daily):
    daily.plot(
        x="snapshot_date",
        y=["stock_out_pct", "lost_amount"],
        subplots=True,
        figsize=(9, 5),
        marker=".",
        title=["Product days out of stock, %", "Lost sales, amount"],
        legend=False,
    )
    plt.tight_layout()

# %% [markdown]
# ## Which stores
#
# The ten with the largest share of product days out of stock.

# %%
house.sql("""
    SELECT h.store_id, s.store_type, s.region,
           sum(h.stock_out_count) AS out_of_stock, sum(h.ranged_count) AS product_days,
           round(100.0 * sum(h.stock_out_count) / sum(h.ranged_count), 1) AS stock_out_pct
    FROM gold.mart_inventory_health h
    JOIN gold.dim_store s ON h.store_id = s.store_id
    GROUP BY h.store_id, s.store_type, s.region
    HAVING sum(h.ranged_count) > 0
    ORDER BY stock_out_pct DESC, h.store_id
    LIMIT 10
""").toPandas()
