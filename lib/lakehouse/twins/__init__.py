"""The same rows as a table's function makes, by DuckDB, where a lake lies in a folder."""
