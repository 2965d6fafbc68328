"""The oracle of history against versions written by hand."""

import pytest
from oracles.histories_by_hand import HISTORIES, LAST_KNOWN, SAID, TRACKED, moment
from oracles.history import Event, versions


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_by_hand(name: str) -> None:
    said, wanted = HISTORIES[name]
    events = [
        Event(moment(day), number, operation, tuple(zip(SAID, values, strict=True)))
        for day, number, operation, *values in said
    ]
    found = [
        (v.valid_from, v.valid_to, *(dict(v.values)[n] for n in SAID))
        for v in versions(events[::-1], TRACKED, LAST_KNOWN)
    ]
    assert found == [(moment(a), moment(b), *values) for a, b, *values in wanted]


def test_the_first_version_may_start_with_its_event() -> None:
    event = Event(moment(3), 0, "upsert", (("price", 1),))
    found = versions([event], ["price"], first_version="event")
    assert [v.valid_from for v in found] == [moment(3)]
