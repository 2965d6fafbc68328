"""The documentation as a site: derived pages, written pages and notebooks, for a browser."""
