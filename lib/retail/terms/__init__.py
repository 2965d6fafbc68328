"""Business words as Column -> Column functions, each formula once."""
