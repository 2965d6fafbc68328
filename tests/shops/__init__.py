"""A lakehouse of one history, of what shops ask for their items, to try every kind of event on."""
