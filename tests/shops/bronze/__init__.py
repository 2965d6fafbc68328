"""Tables of the shops."""
