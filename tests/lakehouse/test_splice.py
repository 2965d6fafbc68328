"""Files with some columns replaced are, to every reader, what a writer of all columns would make."""

import random
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from lakehouse import splice as splicing
from lakehouse.rewriting import rewrite
from lakehouse.splice import join, splice

WRITTEN: dict[str, Any] = {
    "row_group_size": 100,
    "compression": "snappy",
    "store_schema": False,
    "store_decimal_as_integer": True,
}


def rows(seed: int, count: int = 250) -> pa.Table:
    """Rows of many types, with nulls, in three groups."""
    luck = random.Random(seed)

    def some(*values: Any) -> list[Any]:
        return [luck.choice([None, *values]) for _ in range(count)]

    return pa.table(
        {
            "store": pa.array(some("a", "b"), pa.string()).dictionary_encode(),
            "id": pa.array([f"{seed}-{n}" for n in range(count)]),
            "units": pa.array(some(1, -2, 3_000_000_000), pa.int64()),
            "price": pa.array(some(Decimal("1.25"), Decimal("-3")), pa.decimal128(18, 4)),
            "wide": pa.array(some(Decimal("1.25"), Decimal(7)), pa.decimal128(28, 2)),
            "is_open": pa.array(some(True, False), pa.bool_()),
            "on": pa.array(some(date(2026, 6, 1)), pa.date32()),
            "at": pa.array(some(1, 2), pa.timestamp("us", "UTC")),
            "ratio": pa.array(some(0.5, 1.5), pa.float64()),
            "nothing": pa.array([None] * count, pa.int32()),
        }
    )


@pytest.mark.parametrize(
    "names", [["units"], ["store", "price", "nothing"], list(rows(1).column_names)], ids=str
)
@pytest.mark.parametrize("more", [{}, {"write_page_index": True}, {"compression": "zstd"}], ids=str)
def test_replaced_columns_and_the_others_are_read_as_they_were_written(
    tmp_path: Path, names: list[str], more: dict[str, Any]
) -> None:
    held, other = rows(1), rows(2)
    file, columns, output = (tmp_path / f"{name}.parquet" for name in ("file", "columns", "made"))
    pq.write_table(held, file, **(WRITTEN | more))
    pq.write_table(other.select(names), columns, **WRITTEN)
    assert splice(file, columns, output)
    wanted = pa.table({n: (other if n in names else held)[n] for n in held.column_names})
    assert pq.read_table(output).to_pylist() == wanted.to_pylist()
    footer, before = pq.read_metadata(output), pq.read_metadata(file)
    assert footer.schema.equals(before.schema)
    for number in range(footer.num_row_groups):
        found, was = footer.row_group(number).to_dict(), before.row_group(number).to_dict()
        assert found["num_rows"] == was["num_rows"]
        for column, old in zip(found["columns"], was["columns"], strict=True):
            told = "statistics", "num_values", "encodings", "compression", "total_compressed_size"
            if column["path_in_schema"] not in names:
                assert [column[one] for one in told] == [old[one] for one in told]
    read = duckdb.sql(f"SELECT * FROM '{output}' WHERE units IS NOT NULL AND id LIKE '%-1%'")
    by_hand = [
        tuple(row.values())
        for row in wanted.to_pylist()
        if row["units"] is not None and "-1" in row["id"]
    ]
    assert [row[:4] for row in read.fetchall()] == [row[:4] for row in by_hand]
    # What was made can be spliced again.
    again = tmp_path / "again.parquet"
    pq.write_table(held.select(names), columns, **WRITTEN)
    assert splice(output, columns, again)
    assert pq.read_table(again).to_pylist() == held.to_pylist()


def test_more_rows_are_put_behind(tmp_path: Path) -> None:
    names = ("file", "columns", "more", "made")
    file, columns, more, output = (tmp_path / f"{name}.parquet" for name in names)
    pq.write_table(rows(1), file, **WRITTEN)
    pq.write_table(rows(2).select(["units"]), columns, **WRITTEN)
    pq.write_table(rows(3, 130), more, **WRITTEN)
    assert splice(file, columns, output, more)
    wanted = rows(1).set_column(2, "units", rows(2)["units"]).to_pylist() + rows(3, 130).to_pylist()
    assert pq.read_table(output).to_pylist() == wanted
    assert pq.read_metadata(output).num_rows == 380
    assert duckdb.sql(f"SELECT count(*), count(id) FROM '{output}'").fetchall() == [(380, 380)]
    pq.write_table(rows(3).select(rows(3).column_names[::-1]), more, **WRITTEN)
    assert not splice(file, columns, tmp_path / "other.parquet", more)


@pytest.mark.parametrize("seed", range(4))
def test_files_of_duckdb_are_rewritten(tmp_path: Path, seed: int) -> None:
    """Columns whose values Arrow holds as DuckDB does; else nothing is made."""
    luck, file = random.Random(seed), tmp_path / "it's.parquet"
    pq.write_table(rows(seed), tmp_path / "arrow.parquet")
    held = rows(seed).drop_columns(["nothing"])
    own = f"SELECT * EXCLUDE (nothing) FROM '{tmp_path / 'arrow.parquet'}'"
    told = str(file).replace("'", "''")
    duckdb.sql("SET TimeZone = 'UTC'")
    duckdb.execute(f"COPY ({own}) TO '{told}' (FORMAT parquet, CODEC zstd, ROW_GROUP_SIZE 100)")
    names = [n for n in held.column_names if n not in ("wide", "id") and luck.random() < 0.5]
    names = names or ["store"]
    places = sorted(luck.sample(range(250), 9))
    new = rows(seed + 50).drop_columns(["nothing"])
    values = pa.table({n: new[n].cast(held[n].type).take(places) for n in names})
    plain = pa.schema([(f.name, pa.string() if f.name == "store" else f.type) for f in held.schema])
    none = new.cast(plain).slice(0, 0)
    cast = values.cast(pa.schema([plain.field(n) for n in names]))
    made = rewrite(file, np.array(places), cast, none)
    assert made is not None
    assert made.parent == file.parent
    wanted = held.to_pylist()
    for number, place in enumerate(places):
        wanted[place] |= {n: values[n][number].as_py() for n in names}
    assert pq.read_table(made).to_pylist() == wanted
    columns = ", ".join(f'"{name}"' for name in held.column_names)
    read = duckdb.sql(
        f"SELECT {columns} FROM '{str(made).replace(chr(39), chr(39) * 2)}'"
    ).fetchall()
    assert [row[1:6] for row in read] == [tuple(row.values())[1:6] for row in wanted]
    assert sorted(tmp_path.iterdir()) == sorted([file, made, tmp_path / "arrow.parquet"])
    wide = held.select(["wide"]).take(places)  # 16 bytes there, 12 here
    assert rewrite(file, np.array(places), wide, none) is None
    assert len(list(tmp_path.iterdir())) == 3


def test_files_that_do_not_fit_are_left_alone(tmp_path: Path) -> None:
    file, columns, output = (tmp_path / f"{name}.parquet" for name in ("file", "columns", "made"))
    pq.write_table(rows(1), file, **WRITTEN)
    odd = [
        (rows(2).select(["units"]), {"row_group_size": 50}),
        (rows(2, 249).select(["units"]), {}),
        (rows(2).select(["units"]).rename_columns(["unit"]), {}),
        (rows(2).select(["units"]).cast(pa.schema([("units", pa.float64())])), {}),
        (rows(2).select(["price"]), {"store_decimal_as_integer": False}),
    ]
    for made, options in odd:
        pq.write_table(made, columns, **(WRITTEN | options))
        assert not splice(file, columns, output)
        assert not output.exists()
    output.write_bytes(b"no parquet at all")
    with pytest.raises(ValueError, match="no Parquet file"):
        splice(output, columns, tmp_path / "other.parquet")


@pytest.mark.parametrize("options", [{}, {"store_schema": True, "write_page_index": True}], ids=str)
def test_files_are_joined_with_more_columns_of_their_rows(
    spark: SparkSession, tmp_path: Path, options: dict[str, Any]
) -> None:
    """Read by Arrow, with its statistics, by DuckDB and by Spark."""
    every, parts = [], []
    for seed, count in ((1, 250), (2, 101), (3, 1)):
        whole = rows(seed, count).drop_columns(["at"])
        sides = whole.select(["id", "units", "price"]), whole.drop_columns(["id", "units", "price"])
        files = tmp_path / f"held{seed}.parquet", tmp_path / f"more{seed}.parquet"
        for side, file in zip(sides, files, strict=True):
            pq.write_table(side, file, **(WRITTEN | options))
        parts.append(files)
        every += whole.select([name for side in sides for name in side.column_names]).to_pylist()
    output = tmp_path / "made.parquet"
    assert join(parts, output)
    assert pq.read_table(output).to_pylist() == every
    assert pq.read_metadata(output).num_rows == len(every)
    groups = pq.read_metadata(output)
    assert groups.num_row_groups == 3 + 2 + 1
    ids = groups.row_group(3).column(0).statistics
    assert (ids.min, ids.max) == ("2-0", "2-99")
    found = duckdb.sql(f"SELECT * FROM '{output}' WHERE store = 'a'").to_arrow_table().to_pylist()
    assert found == [row for row in every if row["store"] == "a"]
    by_spark = [row.asDict() for row in spark.read.parquet(str(output)).orderBy("id").collect()]
    assert by_spark == sorted(every, key=lambda row: row["id"])


def test_times_that_only_the_older_way_tells_are_not_joined(tmp_path: Path) -> None:
    """Arrow takes them for UTC, DuckDB does not."""
    file, more = tmp_path / "file", tmp_path / "more"
    pq.write_table(rows(1).select(["at"]), file, **WRITTEN)
    pq.write_table(rows(1).select(["id"]), more, **WRITTEN)
    assert join([(file, more)], tmp_path / "made")
    told = splicing._footer_of(file)
    data, length = file.read_bytes(), int.from_bytes(file.read_bytes()[-8:-4], "little")
    del told[2][1][1][1][10]
    writer = splicing._Writer()
    writer.struct(told)
    end = len(writer.data).to_bytes(4, "little") + b"PAR1"
    file.write_bytes(data[: -8 - length] + bytes(writer.data) + end)
    assert pq.read_table(file)["at"].type == pa.timestamp("us", "UTC")
    assert not join([(file, more)], tmp_path / "made")


def test_files_that_differ_are_not_joined(tmp_path: Path) -> None:
    def put(name: str, made: pa.Table, **options: Any) -> Path:
        pq.write_table(made, tmp_path / name, **(WRITTEN | options))
        return tmp_path / name

    held, more = rows(1).select(["id", "units"]), rows(1).select(["store"])
    one = put("held", held), put("more", more)
    others = [
        (put("a", held.select(["units", "id"])), one[1]),
        (put("b", held.slice(1)), one[1]),
        (put("c", held.cast(pa.schema([("id", pa.string()), ("units", pa.float64())]))), one[1]),
        (one[0], put("d", more.rename_columns(["shop"]))),
        (one[0], put("e", more, row_group_size=50)),
    ]
    for other in others:
        assert not join([one, other], tmp_path / "made")
        assert not (tmp_path / "made").exists()


def test_spark_reads_what_was_spliced(spark: SparkSession, tmp_path: Path) -> None:
    held, other = rows(1).drop_columns(["at"]), rows(2).drop_columns(["at"])
    file, columns, output = (tmp_path / f"{name}.parquet" for name in ("file", "columns", "made"))
    pq.write_table(held, file, **WRITTEN)
    pq.write_table(other.select(["units", "wide"]), columns, **WRITTEN)
    assert splice(file, columns, output)
    read = spark.read.parquet(str(output)).collect()
    wanted = held.to_pylist()
    for row, new in zip(wanted, other.to_pylist(), strict=True):
        row |= {"units": new["units"], "wide": new["wide"]}
    assert [row.asDict() for row in read] == wanted
