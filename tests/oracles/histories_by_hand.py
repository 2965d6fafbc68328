"""Events of one key and the versions they make, written by hand.

An event is (day, event_no, operation, price, cost, label, note), a version (from, to, price, cost,
label, note); price and cost are tracked, a null cost or note means unchanged. Day 0 is 1900 and
day 99 the open end.
"""

from datetime import datetime

TRACKED, LAST_KNOWN = ("price", "cost"), ("cost", "note")
SAID = ("price", "cost", "label", "note")
U, D = "upsert", "delete"
HISTORIES = {
    "one event is true for ever": ([(1, 0, U, 10, 5, "a", "x")], [(0, 99, 10, 5, "a", "x")]),
    "a tracked change cuts, an untracked one shows everywhere": (
        [(1, 0, U, 10, 5, "a", "x"), (3, 0, U, 11, 5, "b", "x"), (4, 0, U, 11, 5, "c", "y")],
        [(0, 3, 10, 5, "c", "y"), (3, 99, 11, 5, "c", "y")],
    ),
    "equal neighbours are one, and a value may come back": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, U, 10, 5, "a", "x"), (3, 0, U, 11, 5, "a", "x"), (4, 0, U, 10, 5, "a", "x")],
        [(0, 3, 10, 5, "a", "x"), (3, 4, 11, 5, "a", "x"), (4, 99, 10, 5, "a", "x")],
    ),
    "null is a value, and nulls are equal": (
        [(1, 0, U, None, 5, "a", "x"), (2, 0, U, None, 5, "a", "x"), (3, 0, U, 10, 5, None, "x"), (4, 0, U, None, 5, None, "x")],
        [(0, 3, None, 5, None, "x"), (3, 4, 10, 5, None, "x"), (4, 99, None, 5, None, "x")],
    ),
    "a delete closes, and describes nothing": (
        [(1, 0, U, 10, 5, "a", "x"), (3, 0, D, 99, 9, "z", "z")],
        [(0, 3, 10, 5, "a", "x")],
    ),
    "an update that goes before the delete revives nothing": (
        [(1, 0, U, 10, 5, "a", "x"), (4, 0, D, None, None, None, None), (2, 0, U, 11, 5, "b", "x")],
        [(0, 2, 10, 5, "b", "x"), (2, 4, 11, 5, "b", "x")],
    ),
    "a later one does, and a delete parts equal states": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, D, None, None, None, None), (3, 0, U, 10, 5, "a", "x")],
        [(0, 2, 10, 5, "a", "x"), (3, 99, 10, 5, "a", "x")],
    ),
    "nothing is known before a delete that comes first": (
        [(1, 0, D, 10, 5, "a", "x"), (2, 0, U, 10, 5, "a", "x")],
        [(2, 99, 10, 5, "a", "x")],
    ),
    "of a key that was only deleted nothing is known": ([(1, 0, D, 10, 5, "a", "x")], []),
    "null means unchanged where the history says so": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, U, 11, None, "a", None), (3, 0, U, 11, 6, "a", None)],
        [(0, 2, 10, 5, "a", "x"), (2, 3, 11, 5, "a", "x"), (3, 99, 11, 6, "a", "x")],
    ),
    "nothing is carried over a delete": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, D, None, None, None, None), (3, 0, U, 10, None, "a", None)],
        [(0, 2, 10, 5, "a", None), (3, 99, 10, None, "a", None)],
    ),
    "of one instant the last event wins": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, U, 11, 5, "b", "x"), (2, 1, U, 12, 5, "c", "x")],
        [(0, 2, 10, 5, "c", "x"), (2, 99, 12, 5, "c", "x")],
    ),
    "what changed back in its instant did not change": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, U, 11, 5, "a", "x"), (2, 1, D, 0, 0, "", ""), (2, 2, U, 10, 5, "a", "x")],
        [(0, 99, 10, 5, "a", "x")],
    ),
    "partial events of one instant add up": (
        [(1, 0, U, 10, 5, "a", "x"), (2, 0, U, 11, 6, "a", None), (2, 1, U, 11, None, "a", "y")],
        [(0, 2, 10, 5, "a", "y"), (2, 99, 11, 6, "a", "y")],
    ),
    "the example of docs/history.md": (
        [(1, 0, U, 10, 5, "a", "new"), (5, 0, D, None, None, None, None), (8, 0, U, 11, 6, "a", "back"), (3, 0, U, 11, None, "a", None)],
        [(0, 3, 10, 5, "a", "back"), (3, 5, 11, 5, "a", "back"), (8, 99, 11, 6, "a", "back")],
    ),
}  # fmt: skip


def moment(day: int) -> datetime:
    """Midnight of a day of June 2026; of 1900 and 9999 for 0 and 99."""
    outside = {0: datetime(1900, 1, 1), 99: datetime(9999, 12, 31)}
    return outside.get(day) or datetime(2026, 6, day)
