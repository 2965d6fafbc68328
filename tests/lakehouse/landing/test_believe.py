"""Which snapshots are believed, by a walk over sets of keys instead of counts."""

from collections import Counter
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.landing.believe import EMPTY, _walk

DAYS = [date(2026, 6, 1) + timedelta(n) for n in range(7)]
Snapshots = dict[date, set[str]]


def counted(snapshots: Snapshots, kept: set[date], limit: float) -> dict[date, str]:
    """The verdicts from what Spark would count."""
    shared: Counter[tuple[date, date | None]] = Counter()
    for key in set().union(*snapshots.values()):
        seen = [day for day in sorted(snapshots) if key in snapshots[day]]
        shared.update(zip(seen, [*seen[1:], None], strict=True))
    size = {day: len(held) for day, held in snapshots.items() if held}

    def held(earlier: date) -> dict[date, int]:
        mine = snapshots[earlier]
        return {day: len(mine & keys) for day, keys in snapshots.items() if day > earlier}

    return _walk(sorted(snapshots), size, shared, held, kept, limit)


@given(
    st.dictionaries(st.sampled_from(DAYS), st.sets(st.sampled_from("abcdef")), min_size=1),
    st.sets(st.sampled_from(DAYS), max_size=2),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)
def test_each_is_held_against_the_last_one_believed(
    snapshots: Snapshots, kept: set[date], limit: float
) -> None:
    believed: set[str] = set()
    expected = set()
    for day in sorted(snapshots):
        lost = len(believed - snapshots[day])
        if not snapshots[day] or (day not in kept and lost > limit * len(believed)):
            expected.add(day)
        else:
            believed = snapshots[day]
    assert set(counted(snapshots, kept, limit)) == expected


def test_the_reason_says_how_many_keys_the_limit_and_what_to_do() -> None:
    snapshots = {DAYS[0]: set("abc"), DAYS[1]: set("c"), DAYS[2]: set()}
    assert counted(snapshots, set(), 0.5) == {
        DAYS[1]: (
            "the snapshot lacks 2 of the 3 keys of the one of 2026-06-01 and would delete them,"
            " where at most 50% may go; send it again, whole, or raise snapshots.most_deleted if"
            " they are gone"
        ),
        DAYS[2]: EMPTY,
    }
