"""Keys that repeat in files, or are there already, are told before anything is committed."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse import codes
from lakehouse.repeats import _repeat_by_words, repeats, write_known_keys

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


@pytest.mark.parametrize("shared", [0, 10_000], ids=["hashed", "by words"])
@pytest.mark.parametrize("seed", range(6))
def test_keys_of_words_that_rows_share_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: int, seed: int
) -> None:
    """A key of two texts and the day of the folder; another folder tells no part of it."""
    monkeypatch.setattr(codes, "_SHARED", shared)
    luck = random.Random(seed)
    keys = [(d, s, p) for d in "12" for s in ("a", "b", None) for p in ("x", "y", "z")]
    rows = [key for key in keys if luck.random() < 0.7]
    if is_repeated := seed % 2:
        rows += [luck.choice(rows)]
    by_file: dict[Path, list[tuple[str | None, ...]]] = {}
    for day, store, product in rows:
        file = tmp_path / f"day={day}" / f"range={luck.choice('01')}" / "rows.parquet"
        by_file.setdefault(file, []).append((store, product))
    for file, some in by_file.items():
        file.parent.mkdir(parents=True)
        columns = {n: [row[i] for row in some] for i, n in enumerate(("store", "product"))}
        pq.write_table(pa.table({n: pa.array(c, pa.string()) for n, c in columns.items()}), file)
    key = ("store", "product", "day")
    by_words = _repeat_by_words([*by_file], key)
    assert by_words is (bool(is_repeated) if shared else None)
    assert repeats([*by_file], key) is bool(is_repeated)


def write(file: Path, *keys: tuple[str | None, str | None]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    ids, parts = zip(*keys, strict=True)
    pq.write_table(
        pa.table({"id": pa.array(ids, pa.string()), "part": pa.array(parts, pa.string())}), file
    )
    return file


def test_keys_to_merge_are_told(tmp_path: Path) -> None:
    """Those that come twice in a file or in two, are there, or lack a part; a part may be shared."""
    folder = tmp_path / "it's a [lake]*"
    one = write(
        folder / "one.parquet", ("new", "x"), ("twice", "x"), ("twice", "x"), ("in two", "")
    )
    two = write(folder / "two.parquet", ("in two", ""), ("there", "x"), (None, "x"), ("half", None))
    there = write(folder / "day=1" / "there.parquet", ("there", "x"), ("new", "y"), ("gone", "x"))
    output, key = folder / "keys.parquet", ("id", "part")
    wanted = {("twice", "x"), ("in two", ""), (None, "x"), ("half", None)}
    assert write_known_keys([one, two], [], key, output) == (4, "half", "twice")
    assert {tuple(row.values()) for row in pq.read_table(output).to_pylist()} == wanted
    assert write_known_keys([one, two], [there], key, output) == (5, "half", "twice")
    found = {tuple(row.values()) for row in pq.read_table(output).to_pylist()}
    assert found == wanted | {("there", "x")}
    (folder / "broken.parquet").write_bytes(b"no parquet")
    assert write_known_keys([folder / "broken.parquet"], [], key, output) is None
