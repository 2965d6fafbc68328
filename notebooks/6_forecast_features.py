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
# # Forecast features
#
# `mart_demand_forecast_input` has a row per store, product and day: what was observed on the day,
# and lags and windows that use days before it only. `gold.training_set` adds the calendar, the
# product and store, and targets: the units of the next 1, 7 and 28 days.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()

# %% [markdown]
# ## One pair of store and product
#
# The pair that sold most. A day without stock sells nothing, and says nothing of demand:
# `estimated_demand` fills it in.

# %%
pair = house.sql("""
    WITH best AS (
        SELECT store_id, product_id
        FROM gold.mart_demand_forecast_input
        GROUP BY store_id, product_id
        ORDER BY sum(units) DESC, store_id, product_id
        LIMIT 1
    )
    SELECT f.store_id, f.product_id, observed_on, CAST(units AS DOUBLE) AS units, is_in_stock,
           CAST(estimated_demand AS DOUBLE) AS estimated_demand, units_lag_1, units_lag_7,
           CAST(units_sum_7 AS DOUBLE) AS units_sum_7, CAST(units_std_28 AS DOUBLE) AS units_std_28,
           in_stock_days_28
    FROM gold.mart_demand_forecast_input f
    JOIN best USING (store_id, product_id)
    ORDER BY observed_on
""").toPandas()
pair.tail(10)

# %%
pair.plot(x="observed_on", y=["units", "estimated_demand"], figsize=(9, 3.5), marker=".")
plt.title(f"{pair['product_id'].iloc[0]} in {pair['store_id'].iloc[0]}: units and estimated demand")
plt.ylim(bottom=0)
plt.tight_layout()

# %% [markdown]
# ## No feature looks ahead
#
# A lag of one day is the units of the day before, whatever the day: read back from the table
# itself, none differs.

# %%
differing = house.sql("""
    SELECT count(*) AS pairs_and_days
    FROM gold.mart_demand_forecast_input today
    JOIN gold.mart_demand_forecast_input before
      ON before.store_id = today.store_id AND before.product_id = today.product_id
     AND before.observed_on = date_sub(today.observed_on, 1)
    WHERE NOT (today.units_lag_1 <=> before.units)
""").first()
assert differing is not None
assert differing["pairs_and_days"] == 0
differing["pairs_and_days"]

# %% [markdown]
# ## What carries over
#
# How the units of the next day go with what is known the day before, by weekday and by recent pace.

# %%
weekday = house.sql("""
    SELECT weekday, CAST(avg(units) AS DOUBLE) AS mean_units
    FROM gold.training_set
    GROUP BY weekday
    ORDER BY weekday
""").toPandas()
weekday.plot.bar(x="weekday", y="mean_units", figsize=(7, 3), legend=False, rot=0)
plt.title("Mean units of a pair by weekday")
plt.tight_layout()

# %%
pace = house.sql("""
    SELECT least(units_sum_7, 30) AS units_of_7_days_before, count(*) AS pairs_and_days,
           CAST(avg(units) AS DOUBLE) AS mean_units
    FROM gold.training_set
    WHERE units_sum_7 IS NOT NULL
    GROUP BY least(units_sum_7, 30)
    ORDER BY units_of_7_days_before
""").toPandas()
pace.plot(x="units_of_7_days_before", y="mean_units", figsize=(7, 3.5), marker=".", legend=False)
plt.title("Mean units of a day by the units of the 7 days before (30 and more at 30)")
plt.tight_layout()

# %% [markdown]
# ## Two forecasts that any model must beat
#
# For each day: the units of the same weekday a week before, and the mean of the 28 days before (as
# far as they are covered). Weighted absolute error: the sum of misses over the sum of units.

# %%
errors = house.sql("""
    SELECT observed_on,
           CAST(sum(abs(units - units_lag_7)) / nullif(sum(units), 0) AS DOUBLE) AS same_weekday,
           CAST(sum(abs(units - units_sum_28 / least(coverage_days_91, 28)))
                / nullif(sum(units), 0) AS DOUBLE) AS mean_of_28_days
    FROM gold.mart_demand_forecast_input
    WHERE units_lag_7 IS NOT NULL AND coverage_days_91 >= 7
    GROUP BY observed_on
    ORDER BY observed_on
""").toPandas()
errors.describe().loc[["count", "mean"]] if len(errors) else "fewer than eight days, no error yet"

# %%
if len(errors):
    errors.plot(
        x="observed_on", y=["same_weekday", "mean_of_28_days"], figsize=(9, 3.5), marker="."
    )
    plt.title("Weighted absolute error a day")
    plt.ylim(bottom=0)
    plt.tight_layout()
