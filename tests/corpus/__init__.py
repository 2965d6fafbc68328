"""Bad files and records, and what plain Python makes of them."""
