"""Logs of what happened to the tables of the other layers."""
