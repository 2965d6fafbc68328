"""Groups of pairs whose demand is told beside that of the pair: what they are, and how far back.

>>> POOLED
('units_lag_1', 'units_lag_7', 'units_lag_28', 'units_sum_7', 'units_sum_28', 'units_sum_91')
"""

# The kinds of groups of a store and product.
POOLS = ("category", "region", "cluster", "category_region")
LAGS = (1, 7, 28)
WINDOWS = (7, 28, 91)
POOLED = (*(f"units_lag_{n}" for n in LAGS), *(f"units_sum_{n}" for n in WINDOWS))
UNKNOWN = "unknown"
