"""Parquet that fits its raw table: what is copied as it is, and what must go through Spark."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Schema

from lakehouse import codes
from lakehouse.landing import copy
from lakehouse.landing.bronze import Batch
from lakehouse.landing.probe import probe
from lakehouse.landing.source import Contract, EntityMapping
from lakehouse.log import Log, Record, create_from_json
from lakehouse.splice import join

CONTRACT = Contract("sales", "id STRING, units INT, sold_on DATE", frozenset({"sold_on"}))
AS_LANDED = EntityMapping(CONTRACT, ("*.parquet",))
SEEN_BY = "20260630T100000000000Z"
DAY = pa.array([date(2026, 6, 1)])


def put(landing: Path, name: str, **columns: pa.Array) -> str:
    pq.write_table(pa.table(columns), landing / name)
    return name


def sale(units: pa.Array | None = None, **more: pa.Array) -> dict[str, pa.Array]:
    units = pa.array([2], pa.int32()) if units is None else units
    return {"id": pa.array(["a"]), "units": units} | more


def fitting(
    landing: Path, *paths: str, mapping: EntityMapping = AS_LANDED, table: str = "none"
) -> pa.Schema | None:
    probes = {path: probe(landing / path, mapping) for path in paths}
    return copy.fitting(landing, mapping, probes, landing / table)


def load(
    landing: Path, *paths: str, table: str = "lake", **seen_by: str
) -> list[dict[str, object]]:
    schema = fitting(landing, *paths, table=table)
    assert schema is not None
    create_from_json(landing / table, Schema.from_arrow(schema).to_json(), "", ())
    batch = Batch("b1", dict.fromkeys(paths, SEEN_BY) | seen_by)
    copy.append(landing / table, landing, paths, schema, batch, Record(batch="b1"))
    return DeltaTable(str(landing / table)).to_pyarrow_table().sort_by("_source_file").to_pylist()


def test_rows_are_copied_with_their_file_and_batch_and_the_commit_has_the_record(
    tmp_path: Path,
) -> None:
    one = put(tmp_path, "one.parquet", **sale())
    two = put(tmp_path, "two.parquet", **sale(sold_on=DAY, shelf=pa.array([7], pa.int64())))
    rows = load(tmp_path, two, one, **{one: "20260629T093000000000Z"})
    found = [(r["units"], r["sold_on"], r["shelf"], r["_source_file"]) for r in rows]
    assert found == [(2, None, None, one), (2, date(2026, 6, 1), 7, two)]
    assert [(r["_batch_id"], str(r["_ingested_at"])) for r in rows] == [
        ("b1", "2026-06-29 09:30:00+00:00"),
        ("b1", "2026-06-30 10:00:00+00:00"),
    ]
    record = Log(tmp_path / "lake").record()
    assert record is not None
    assert record.batch == "b1"


def test_a_later_file_is_added_to_what_is_there(tmp_path: Path) -> None:
    first, second = put(tmp_path, "1.parquet", **sale()), put(tmp_path, "2.parquet", **sale())
    load(tmp_path, first)
    assert [row["_source_file"] for row in load(tmp_path, second)] == [first, second]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (sale(pa.array(["2"])), "another type than the file before"),
        (sale(sold_on=pa.array([1], pa.timestamp("ns"))), "nanoseconds"),
        (sale(tags=pa.array([["x"]])), "a nested type"),
        (sale(**{"shelf row": pa.array([7])}), "a name that Delta refuses"),
        (sale(ID=pa.array(["b"])), "two names that differ by case"),
        (sale(_note=pa.array(["x"])), "a name kept for ours"),
    ],
)
def test_what_needs_converting_is_left_to_spark(
    tmp_path: Path, columns: dict[str, pa.Array], why: str
) -> None:
    plain = put(tmp_path, "plain.parquet", **sale())
    odd = put(tmp_path, "odd.parquet", **columns)
    assert fitting(tmp_path, plain), "the plain file alone fits"
    assert fitting(tmp_path, plain, odd) is None, why


def test_what_a_mapping_changes_or_another_format_brings_is_left_to_spark(tmp_path: Path) -> None:
    plain = put(tmp_path, "plain.parquet", **sale())
    (tmp_path / "text.csv").write_text("id,units\na,2\n")
    mapped = EntityMapping(CONTRACT, ("*",), columns={"id": "upper(id)", "units": "units"})
    chosen = EntityMapping(CONTRACT, ("*",), where=("units > 0",))
    assert fitting(tmp_path, plain, mapping=mapped) is None
    assert fitting(tmp_path, plain, mapping=chosen) is None
    assert fitting(tmp_path, plain, "text.csv") is None


def test_a_column_or_type_that_the_table_lacks_is_left_to_spark(tmp_path: Path) -> None:
    load(tmp_path, put(tmp_path, "1.parquet", **sale()))
    more = put(tmp_path, "2.parquet", **sale(shelf=pa.array([7])))
    wider = put(tmp_path, "3.parquet", **sale(pa.array([2], pa.int64())))
    assert fitting(tmp_path, more, table="lake") is None
    assert fitting(tmp_path, wider, table="lake") is None


@pytest.mark.parametrize("shared", [0, 10_000], ids=["as they are", "by numbers"])
def test_texts_that_rows_share_are_passed_on_as_they_landed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: int
) -> None:
    """In files of several groups of rows, some without a column, and one without rows."""
    monkeypatch.setattr(codes, "_SHARED", shared)
    monkeypatch.setattr(copy, "_ROWS", 4)
    ids = [None, "a", "b", "a", "c", "a", None]
    shops = pa.array(["x", "y", None, "x", "x", "y", "x"])
    units = pa.array(range(7), pa.int32())
    with_shop = {"id": pa.array(ids), "units": units, "shop": shops}
    paths = []
    for name, columns in {"1": with_shop, "2": {"id": pa.array(["b"]), "units": units[:1]}}.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet", row_group_size=3)
        paths += [f"{name}.parquet"]
    pq.write_table(pa.table(with_shop).slice(0, 0), tmp_path / "3.parquet")
    rows = load(tmp_path, *paths, "3.parquet")
    found = [(r["id"], r["units"], r["shop"], r["_source_file"], r["_row"]) for r in rows]
    wanted = zip(ids, range(7), shops.to_pylist(), ["1.parquet"] * 7, range(1, 8), strict=True)
    assert sorted(found, key=str) == sorted([*wanted, ("b", 0, None, "2.parquet", 1)], key=str)
    assert Log(tmp_path / "lake").file_count == 1
    pq.write_table(pa.table(with_shop).slice(0, 0), tmp_path / "4.parquet")
    assert len(load(tmp_path, "4.parquet")) == 8  # and no file of no rows
    assert Log(tmp_path / "lake").file_count == 1


@pytest.mark.parametrize("is_alike", [True, False], ids=["byte by byte", "of two kinds"])
def test_large_files_are_taken_over_as_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_alike: bool
) -> None:
    """With the columns that they lack; where one is written otherwise, decoded and encoded."""
    monkeypatch.setattr(copy, "_LEAST_ROWS", 2)
    ids = ["a", None, "b", "a", "c"]
    units = pa.array([1, 2, None, 4, 5], pa.int32())
    for name, more in (("1", {}), ("2", {} if is_alike else {"shop": pa.array(["x"] * 5)})):
        landed = pa.table({"id": pa.array(ids), "units": units} | more)
        pq.write_table(landed, tmp_path / f"{name}.parquet", row_group_size=3)
    rows = load(tmp_path, "1.parquet", "2.parquet")
    found = [(r["_source_file"], r["_row"], r["id"], r["units"], r["sold_on"]) for r in rows]
    each = list(zip(range(1, 6), ids, units.to_pylist(), [None] * 5, strict=True))
    wanted = [("1.parquet", *one) for one in each] + [("2.parquet", *one) for one in each]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert {(r["_batch_id"], str(r["_ingested_at"])) for r in rows} == {
        ("b1", "2026-06-30 10:00:00+00:00")
    }
    (file,) = (tmp_path / "lake").glob("*.parquet")  # nothing is left beside it
    assert pq.read_metadata(file).num_row_groups == (4 if is_alike else 1)
    statistics = pq.read_metadata(file).row_group(0)
    (path,) = (
        statistics.column(n).statistics
        for n in range(statistics.num_columns)
        if statistics.column(n).path_in_schema == "_source_file"
    )
    assert path.min == "1.parquet"


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "brotli"},
        {"use_dictionary": False, "column_encoding": {"units": "BYTE_STREAM_SPLIT"}},
        {"row_group_size": 1},
        {"row_group_size": 5},
    ],
    ids=str,
)
def test_files_held_as_not_every_reader_reads_them_are_encoded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(copy, "_LEAST_ROWS", 2)
    monkeypatch.setattr(copy, "_MOST_ROWS", 4)

    def refused(*_: Any) -> bool:
        raise AssertionError("joined")

    monkeypatch.setattr(copy, "join", refused)
    landed = pa.table({"id": list("abcde"), "units": pa.array(range(5), pa.int32())})
    pq.write_table(landed, tmp_path / "1.parquet", **({"row_group_size": 3} | options))
    assert [row["id"] for row in load(tmp_path, "1.parquet")] == list("abcde")


@pytest.mark.parametrize("is_joined", [True, False])
def test_a_column_that_is_broken_is_found_when_its_file_lands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_joined: bool
) -> None:
    monkeypatch.setattr(copy, "_LEAST_ROWS", 2 if is_joined else 1_000)
    joined = []
    monkeypatch.setattr(copy, "join", lambda *parts: joined.append(parts) or join(*parts))
    table = pa.table({"id": pa.array([f"{n:040}" for n in range(500)])})
    pq.write_table(table, tmp_path / "1.parquet", use_dictionary=False)
    data = bytearray((tmp_path / "1.parquet").read_bytes())
    data[40:400] = b"\xff" * 360
    (tmp_path / "1.parquet").write_bytes(data)
    with pytest.raises(OSError, match=r"(?i)corrupt|deserializ"):
        load(tmp_path, "1.parquet")
    assert Log(tmp_path / "lake").file_count == 0
    assert bool(joined) == is_joined
