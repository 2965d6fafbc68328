"""The adapter: what intervals become, and what it refuses."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from places import ADVENTUREWORKS_SAMPLE

from lakehouse import LakehouseError
from retail.sources.adventureworks import land


def events(landing: Path, product: str) -> list[tuple[str, ...]]:
    rows = pq.read_table(landing / "products.parquet").to_pylist()
    columns = ("updated_at", "_operation", "unit_price", "unit_cost")
    mine = [row for row in rows if row["product_id"] == product]
    return [tuple(str(row[column])[:10] for column in columns) for row in mine]


def test_each_cut_of_price_or_cost_is_an_event_and_a_closed_end_a_delete(tmp_path: Path) -> None:
    land(ADVENTUREWORKS_SAMPLE, tmp_path)
    assert events(tmp_path, "12") == [  # cost and price change on different days
        ("2023-03-01", "upsert", "255.0000", "138.9999"),
        ("2024-01-01", "upsert", "255.0000", "140.0001"),
        ("2024-07-01", "upsert", "260.4500", "140.0001"),
    ]
    assert events(tmp_path, "13") == [  # away for half a year
        ("2023-03-01", "upsert", "350.0000", "190.5000"),
        ("2023-10-01", "delete", "None", "None"),
        ("2024-04-01", "upsert", "350.0000", "190.5000"),
    ]
    assert events(tmp_path, "11")[-1] == ("2025-01-01", "delete", "None", "None")
    assert events(tmp_path, "21")[0] == ("2024-02-29", "upsert", "79.0000", "None")
    assert events(tmp_path, "2") == [("1900-01-01", "upsert", "3.1000", "1.2500")]


def test_the_same_files_give_the_same_bytes_and_leave_the_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "products.parquet"
    land(ADVENTUREWORKS_SAMPLE, tmp_path)
    content, written = target.read_bytes(), target.stat().st_mtime_ns
    land(ADVENTUREWORKS_SAMPLE, tmp_path)
    assert target.stat().st_mtime_ns == written
    target.write_bytes(b"half")
    land(ADVENTUREWORKS_SAMPLE, tmp_path)
    assert target.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["products.parquet"]


def test_a_missing_or_unreadable_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match=r"no Product\.csv\.gz in .*set RETAIL_DATA .*--land"):
        land(tmp_path / "nowhere", tmp_path)
    files = shutil.copytree(ADVENTUREWORKS_SAMPLE, tmp_path / "it's here")
    with (files / "ProductCostHistory.csv").open("a") as stream:
        stream.write("11\tsomeday\t\t1.0000\t\n")
    with pytest.raises(LakehouseError, match=r"cannot be read \(.*someday.*expected tab-sep"):
        land(files, tmp_path)
    assert not (tmp_path / "products.parquet").exists()
