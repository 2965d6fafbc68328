"""Lags of groups of pairs."""

from lakehouse import view
from retail.terms.pools import LAGS, WINDOWS


@view(
    comments={
        "pool": "Kind of group: category, region, cluster or category_region",
        "member": "The group, as tools, West, West-2, tools in West; unknown where it is",
        "observed_on": "Day d; lags and sums are of days before it",
        "units_lag_1": "Units of the day before; null before the group first sold something",
        "units_lag_7": "Units 7 days before",
        "units_lag_28": "Units 28 days before",
        "units_sum_7": "Units of the 7 days before, 0 where nothing was sold",
        "units_sum_28": "Units of the 28 days before",
        "units_sum_91": "Units of the 91 days before",
    }
)
def pooled_demand() -> str:
    """One row per group of silver.int_pooled_sales and day of dim_date from its first sale on."""
    in_time = "PARTITION BY pool, member ORDER BY observed_on"
    lags = ", ".join(f"lag(units, {n}) OVER ({in_time}) AS units_lag_{n}" for n in LAGS)
    sums = ", ".join(
        f"CAST(coalesce(sum(units) OVER ({in_time} ROWS BETWEEN {n} PRECEDING AND 1 PRECEDING), 0)"
        f" AS BIGINT) AS units_sum_{n}"
        for n in WINDOWS
    )
    return f"""
        WITH spans AS (
            SELECT pool, member, min(sold_on) AS first_on
            FROM silver.int_pooled_sales GROUP BY pool, member
        ), days AS (
            SELECT s.pool, s.member, d.calendar_on AS observed_on, coalesce(p.units, 0) AS units
            FROM spans s
            JOIN gold.dim_date d ON d.calendar_on >= s.first_on
            LEFT JOIN silver.int_pooled_sales p
                ON p.pool = s.pool AND p.member = s.member AND p.sold_on = d.calendar_on
        )
        SELECT pool, member, observed_on, {lags}, {sums} FROM days
    """
