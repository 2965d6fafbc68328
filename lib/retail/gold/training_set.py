"""What a forecaster trains on: features, calendar, and what was sold from the day on."""

from lakehouse import view


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
        "category": "Department of the open version",
        "target_1": "Units sold on d",
        "target_7": "Units of the 7 days d .. d+6; null while they are not over",
        "target_28": "Units of the 28 days d .. d+27; null while they are not over",
    }
)
def training_set() -> str:
    """One row per pair and day of mart_demand_forecast_input, with calendar and targets.

    Columns observed on d (units, is_in_stock, estimated_demand) are no features of a forecast made
    before d. Targets are joined here, so that no stored day is written again as its future arrives.
    """
    return f"""
        SELECT f.*, p.category, p.subcategory, s.region, s.cluster,
               d.weekday, d.is_weekend, d.is_holiday, d.season, d.fiscal_week, d.month,
               {_target(1)},
               {_target(7)},
               {_target(28)}
        FROM gold.mart_demand_forecast_input f
        LEFT JOIN gold.dim_product_current p
            ON f.product_id = p.product_id AND p.product_key NOT IN (0, -1)
        LEFT JOIN gold.dim_store s ON f.store_id = s.store_id AND s.store_key NOT IN (0, -1)
        LEFT JOIN gold.dim_date d ON f.observed_on = d.calendar_on
    """
