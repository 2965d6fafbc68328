"""What a forecaster trains on: features, calendar, and what was sold from the day on."""

from lakehouse import view
from retail.terms.pools import POOLED, POOLS

# The pair's member of each kind of group.
_MEMBERS = {
    "category": "coalesce(p.category, 'unknown')",
    "region": "coalesce(s.region, 'unknown')",
    "cluster": "coalesce(s.cluster, 'unknown')",
    "category_region": "concat(coalesce(p.category, 'unknown'), ' in ', coalesce(s.region, 'unknown'))",
}


def _target(days: int) -> str:
    """Units of a day and those after it; null until all of these days are there."""
    frame = (
        "OVER (PARTITION BY f.store_id, f.product_id ORDER BY f.observed_on"
        f" RANGE BETWEEN CURRENT ROW AND INTERVAL '{days - 1}' DAY FOLLOWING)"
    )
    return f"CASE WHEN count(*) {frame} = {days} THEN CAST(sum(f.units) {frame} AS BIGINT) END AS target_{days}"


@view(
    comments={
        "observed_on": "Day d; all columns of mart_demand_forecast_input are those of this day",
        "units_mean_28": "Units a day over the days covered among the 28 before, stocked-out ones included",
        "in_stock_mean_28": "Units a day over those of them that closed with stock: no stock-out hid demand",
        "category": "Department of the open version",
        **{
            f"{pool}_{name}": f"{name} of the pair's {pool.replace('_', ' and ')} in pooled_demand"
            for pool in POOLS
            for name in POOLED
        },
        "target_1": "Units sold on d",
        "target_7": "Units of the 7 days d .. d+6; null while they are not over",
        "target_28": "Units of the 28 days d .. d+27; null while they are not over",
    }
)
def training_set() -> str:
    """One row per pair and day of mart_demand_forecast_input, with calendar and targets.

    Columns observed on d (units, is_in_stock, demand_status, estimated_demand) are no features of a
    forecast made before d. Lags of the pair's groups and targets are joined here, so that no stored
    day is written again as its future arrives.
    """
    pooled = ", ".join(f"of_{pool}.{name} AS {pool}_{name}" for pool in POOLS for name in POOLED)
    joins = "\n".join(
        f"LEFT JOIN gold.pooled_demand of_{pool} ON of_{pool}.pool = '{pool}'"
        f" AND of_{pool}.member = {member} AND of_{pool}.observed_on = f.observed_on"
        for pool, member in _MEMBERS.items()
    )
    return f"""
        SELECT f.*,
               CAST(f.units_sum_28 AS DOUBLE) / nullif(f.coverage_days_28, 0) AS units_mean_28,
               CAST(f.in_stock_units_28 AS DOUBLE) / nullif(f.in_stock_days_28, 0) AS in_stock_mean_28,
               p.category, p.subcategory, s.region, s.cluster,
               d.weekday, d.is_weekend, d.is_holiday, d.season, d.fiscal_week, d.month,
               {pooled},
               {_target(1)},
               {_target(7)},
               {_target(28)}
        FROM gold.mart_demand_forecast_input f
        LEFT JOIN gold.dim_product_current p
            ON f.product_id = p.product_id AND p.product_key NOT IN (0, -1)
        LEFT JOIN gold.dim_store s ON f.store_id = s.store_id AND s.store_key NOT IN (0, -1)
        LEFT JOIN gold.dim_date d ON f.observed_on = d.calendar_on
        {joins}
    """
