"""Dimensions, facts and marts: what a reader of the lake queries."""
