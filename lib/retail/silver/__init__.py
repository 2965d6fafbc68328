"""Judged, typed records, newest state, and intermediate tables."""
