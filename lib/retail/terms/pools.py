"""Groups of pairs whose demand is told beside that of the pair: what they are, and how far back."""

# The kinds of groups of a store and product.
POOLS = ("category", "region", "cluster", "category_region")
LAGS = (1, 7, 28)
WINDOWS = (7, 28, 91)
POOLED = (*(f"units_lag_{n}" for n in LAGS), *(f"units_sum_{n}" for n in WINDOWS))
UNKNOWN = "unknown"
