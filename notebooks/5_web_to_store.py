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
# # Web to store journeys
#
# `int_web_sessions` has a row per visit; `mart_web_conversion` per day and device says how far
# visits got, and what the same customers ordered within seven days, online and in the store. An
# order belongs to the customer's last visit before it.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()

# %% [markdown]
# ## How far visits get

# %%
steps = house.sql("""
    SELECT device_type, sum(session_count) AS visits, sum(product_session_count) AS saw_a_product,
           sum(cart_session_count) AS filled_a_cart, sum(purchase_count) AS purchased
    FROM gold.mart_web_conversion
    GROUP BY device_type
    ORDER BY device_type
""").toPandas()
steps = steps.set_index("device_type")
steps

# %%
if len(steps):
    reached = 100 * steps.div(steps["visits"], axis="index")
    reached.T.plot.bar(figsize=(9, 4), rot=0)
    plt.title("Visits that reached a step, %")
    plt.tight_layout()

# %% [markdown]
# ## What visits lead to within seven days
#
# Only visits of signed-in customers can be followed to the store.

# %%
orders = house.sql("""
    SELECT device_type, sum(known_session_count) AS visits_of_known_customers,
           sum(online_order_count) AS online, sum(store_order_count) AS in_store
    FROM gold.mart_web_conversion
    GROUP BY device_type
    ORDER BY device_type
""").toPandas()
orders = orders.set_index("device_type")
orders

# %%
if len(orders):
    known = orders.pop("visits_of_known_customers")
    (100 * orders.div(known, axis="index")).plot.bar(stacked=True, figsize=(9, 4), rot=0)
    plt.title("Orders within seven days for 100 visits of known customers")
    plt.tight_layout()

# %% [markdown]
# ## Day by day
#
# The last seven days are still open: their visits may yet lead to orders.

# %%
daily = house.sql("""
    SELECT started_on, sum(session_count) AS visits,
           sum(online_order_count) AS online_orders, sum(store_order_count) AS store_orders
    FROM gold.mart_web_conversion
    GROUP BY started_on
    ORDER BY started_on
""").toPandas()
daily = daily.set_index("started_on")
if len(daily):
    daily.plot(subplots=True, figsize=(9, 6), marker=".")
    plt.tight_layout()

# %% [markdown]
# ## How long visits last, and whether they end in a purchase

# %%
visits = house.sql("""
    SELECT least(event_count, 20) AS events, count(*) AS visits,
           CAST(100 * avg(CASE WHEN is_converted THEN 1 ELSE 0 END) AS DOUBLE) AS converted_pct
    FROM silver.int_web_sessions
    GROUP BY least(event_count, 20)
    ORDER BY events
""").toPandas()
if len(visits):
    visits.plot(
        x="events",
        y=["visits", "converted_pct"],
        subplots=True,
        figsize=(9, 5),
        marker=".",
        title=["Visits by number of events (20 and more at 20)", "Of these, % that purchased"],
        legend=False,
    )
    plt.tight_layout()
