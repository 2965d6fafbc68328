"""Landed records as they are, one file an entity."""
