"""The one error a person is meant to read."""


class LakehouseError(Exception):
    """One sentence: what was found, where, what was expected, what to do.

    Jobs print it on stderr and exit with status 2; nothing has been written.
    """
