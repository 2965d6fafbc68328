"""The members that every dimension has beside its own: 0 not yet arrived, -1 not applicable."""

# A member of a history has one version, which always holds.
ALWAYS: dict[str, object] = {
    "valid_from": "1900-01-01",
    "valid_to": "9999-12-31",
    "is_current": True,
}


def member(name: str, *columns: str) -> dict[str, object]:
    """A member called ``name`` in each of the columns.

    >>> member("unknown", "store_id", "store_name")
    {'store_id': 'unknown', 'store_name': 'unknown'}
    """
    return dict.fromkeys(columns, name)
