"""Keys that repeat in new files are told before anything is committed."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.repeats import repeats

Rows = list[tuple[str | None, int]]


@pytest.mark.parametrize(
    ("first", "second", "repeated"),
    [
        ([("a", 1), ("b", 1)], [("a", 2)], False),
        ([("a", 1), ("a", 1)], [], True),
        ([("a", 1)], [("b", 1), ("a", 1)], True),
        ([(None, 1), (None, 1)], [], True),
        ([("a", 1)], [(None, 1)], False),
    ],
    ids=["no", "in a file", "in two files", "nulls", "null and none"],
)
@pytest.mark.parametrize("day", ["2026-06-01", "2026-06-02"])
def test_keys_that_repeat_are_told(
    tmp_path: Path, first: Rows, second: Rows, repeated: bool, day: str
) -> None:
    """A day is the name of a folder, and a part of the key."""
    files = []
    for name, rows, of in (("one", first, "2026-06-01"), ("two", second, day)):
        folder = tmp_path / "it's a [lake]*" / f"day={of}"
        folder.mkdir(parents=True, exist_ok=True)
        ids, numbers = zip(*rows, strict=True) if rows else ((), ())
        made = {"id": pa.array(ids, pa.string()), "n": pa.array(numbers, pa.int32())}
        pq.write_table(pa.table(made), folder / f"{name}.parquet")
        files.append(folder / f"{name}.parquet")
    is_one_day = day == "2026-06-01" or not second
    assert repeats(files, ("id", "n", "day")) is (repeated and is_one_day)
    assert not repeats([], ("id", "n", "day"))
