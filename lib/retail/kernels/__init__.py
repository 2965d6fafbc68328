"""Kernels of carried tables: the same rows as the table's function, made by numpy a slice at a time."""
