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
# # A tour of the lake
#
# What is there, how much of it, and how to ask. `lake()` opens the lake that conf names, with the
# session that builds use; everything here only reads.

# %%
import matplotlib.pyplot as plt

from lakehouse import lake

house = lake()
house.names

# %% [markdown]
# ## How much there is
#
# Bronze is what landed, silver what was judged and typed, gold what is asked. The build log knows
# what the last run wrote, and from how much.

# %%
last_run = house.sql("""
    SELECT table_name, status, mode, rows_in, row_count AS rows_written, quarantined, files,
           round(bytes / 1e6, 1) AS megabytes, round(seconds, 1) AS seconds
    FROM ops.build_log
    WHERE batch_id = (SELECT max(batch_id) FROM ops.build_log)
    ORDER BY started_at
""").toPandas()
last_run

# %%
last_run.plot.barh(x="table_name", y="seconds", figsize=(9, 8), legend=False)
plt.gca().invert_yaxis()
plt.title("Seconds of each table in the last build")
plt.ylabel("")
plt.tight_layout()

# %% [markdown]
# ## One table
#
# A table is a Spark DataFrame. Its comments say what each column means; so do the pages that
# `make docs` makes.

# %%
sales = house.table("gold.fact_sales")
sales.limit(5).toPandas()

# %%
daily = (
    sales.groupBy("sold_on")
    .agg({"transaction_id": "count", "net_units": "sum"})
    .withColumnsRenamed({"count(transaction_id)": "lines", "sum(net_units)": "net_units"})
    .orderBy("sold_on")
    .toPandas()
)
daily.plot(x="sold_on", y=["lines", "net_units"], figsize=(9, 3.5), marker=".")
plt.title("Lines and net units a day")
plt.ylim(bottom=0)
plt.tight_layout()

# %% [markdown]
# ## The classic question
#
# Top products by revenue. The join on the surrogate key finds, for each sale, the version of the
# product that was valid when it was sold; a join on `product_id` would fan out, once per version.

# %%
house.sql("""
    SELECT p.product_id, p.product_name, p.category,
           sum(f.net_units) AS net_units, sum(f.net_amount) AS revenue
    FROM gold.fact_sales f
    JOIN gold.dim_product p ON f.product_key = p.product_key
    GROUP BY p.product_id, p.product_name, p.category
    ORDER BY revenue DESC, p.product_id
    LIMIT 10
""").toPandas()

# %% [markdown]
# ## What was not taken
#
# A record that breaks its contract stands in `ops.quarantine` with the reason; a file that cannot
# be read, in `ops.landing_files`. Nothing is lost without a word.

# %%
house.sql("""
    SELECT status, count(*) AS files, sum(row_count) AS landed_rows
    FROM ops.landing_files
    GROUP BY status
    ORDER BY status
""").toPandas()

# %%
house.sql("""
    SELECT table_name, count(*) AS records
    FROM ops.quarantine
    GROUP BY table_name
    ORDER BY table_name
""").toPandas()
