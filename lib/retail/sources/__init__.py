"""Adapters: files that no mapping of single files can read, made into landing files."""
