"""A lakehouse of seven small tables, one for every scope and spread, to try the engine on."""
