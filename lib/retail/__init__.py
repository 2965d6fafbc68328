"""The retail domain: landing contracts, business terms and one file a table."""
