"""Raw tables hold records as they landed, by the contract's names, with their file and batch."""

import json
from pathlib import Path

import pandas as pd
from chispa import assert_df_equality
from deltalake import Schema
from pyspark.sql import DataFrame, SparkSession

from lakehouse.conf import conf_folder
from lakehouse.landing import copy
from lakehouse.landing.bronze import Batch, read
from lakehouse.landing.probe import probe
from lakehouse.landing.source import Contract, EntityMapping, load_source
from lakehouse.log import Record, create_from_json
from retail.contracts import CONTRACTS

SOURCE = load_source(conf_folder() / "sources" / "home_improvement.yaml", CONTRACTS)
SEEN_BY = "20260630T100000000000Z"


def raw(spark: SparkSession, landing: Path, entity: str, *files: str) -> DataFrame:
    """What the files become in bronze."""
    mapping = SOURCE.mappings[entity]
    probes = {file: probe(landing / file, mapping) for file in files}
    batch = Batch("b1", dict.fromkeys(files, SEEN_BY))
    return read(spark, landing, mapping, probes, batch, {})


def assert_holds(actual: DataFrame, ddl: str, *rows: tuple[object, ...]) -> None:
    expected = actual.sparkSession.createDataFrame(list(rows), ddl)
    chosen = actual.select(*expected.columns)
    assert_df_equality(chosen, expected, ignore_row_order=True, ignore_nullable=True)


def put(landing: Path, file: str, *lines: str) -> str:
    (landing / file).parent.mkdir(exist_ok=True)
    (landing / file).write_text("\n".join([*lines, ""]))
    return file


def test_raw_products_from_pandas_keep_nanosecond_times_doubles_and_extra_columns(
    spark: SparkSession, tmp_path: Path
) -> None:
    columns = {name: ["x"] for name in CONTRACTS["products"].required}
    numbers = {"unit_price": [9.99], "unit_cost": [6.0], "weight_lbs": [1.5], "shelf row": [7]}
    created = {"created_at": pd.to_datetime(["2026-01-02 03:04:05.123456789"])}
    (tmp_path / "products").mkdir()
    pd.DataFrame(columns | numbers | created).to_parquet(tmp_path / "products/2026-06-30.parquet")
    assert_holds(
        raw(spark, tmp_path, "products", "products/2026-06-30.parquet").selectExpr(
            "*", "cast(created_at AS STRING) AS created"
        ),
        "product_id STRING, unit_price DOUBLE, created STRING, shelf_row BIGINT,"
        " is_active BOOLEAN, _source_file STRING, _batch_id STRING",
        ("x", 9.99, "2026-01-02 03:04:05.123456", 7, None, "products/2026-06-30.parquet", "b1"),
    )


def test_raw_stores_from_text_stay_text(spark: SparkSession, tmp_path: Path) -> None:
    head = ",".join(CONTRACTS["stores"].required)
    line = 'STR-1,"Oak, Elm",retail,1 Oak St,Austin,TX,78701,South,30.1,-97.7,soon,many'
    file = put(tmp_path, "stores/a.csv", head, line)
    assert_holds(
        raw(spark, tmp_path, "stores", file),
        "store_id STRING, store_name STRING, opened_date STRING, square_footage STRING,"
        " is_active BOOLEAN, _source_file STRING",
        ("STR-1", "Oak, Elm", "soon", "many", None, "stores/a.csv"),
    )


def test_raw_customers_from_json_lines(spark: SparkSession, tmp_path: Path) -> None:
    names = CONTRACTS["customers"].required
    fields = ", ".join(f'"{name}": "{name[:3]}"' for name in names)
    file = put(tmp_path, "customers/a.jsonl", f'{{{fields}, "vip": true}}', "no json at all")
    assert_holds(
        raw(spark, tmp_path, "customers", file),
        "customer_id STRING, vip STRING, _corrupt_record STRING",
        ("cus", "true", None),
        (None, None, "no json at all"),
    )


def test_raw_inventory_snapshots_keep_each_count_even_twice(
    spark: SparkSession, tmp_path: Path
) -> None:
    head = ",".join(CONTRACTS["inventory_snapshots"].required)
    lines = [f"2026-06-30,STR-1,PRD-1,{units},0,{units},3,1,many" for units in ("5", "-5", "5")]
    file = put(tmp_path, "inventory_snapshots/2026-06-30.csv", head, *lines)
    assert_holds(
        raw(spark, tmp_path, "inventory_snapshots", file),
        "snapshot_date STRING, product_id STRING, quantity_available STRING,"
        " days_of_supply STRING, _source_file STRING, _row BIGINT, _batch_id STRING",
        ("2026-06-30", "PRD-1", "5", "many", file, 1, "b1"),
        ("2026-06-30", "PRD-1", "-5", "many", file, 2, "b1"),
        ("2026-06-30", "PRD-1", "5", "many", file, 3, "b1"),
    )


def test_raw_page_views_keep_events_without_a_session_and_unknown_types(
    spark: SparkSession, tmp_path: Path
) -> None:
    names = CONTRACTS["page_views"].required
    event = dict.fromkeys(names, "x") | {"event_id": "EVT-1", "event_type": "blink"}
    told = [event, event | {"event_id": "EVT-2", "session_id": None}]
    file = put(tmp_path, "page_views/2026-06-30.jsonl", *map(json.dumps, told))
    assert_holds(
        raw(spark, tmp_path, "page_views", file),
        "event_id STRING, session_id STRING, event_type STRING, event_timestamp STRING,"
        " _source_file STRING, _row BIGINT, _batch_id STRING",
        ("EVT-1", "x", "blink", "x", file, 1, "b1"),
        ("EVT-2", None, "blink", "x", file, 2, "b1"),
    )


def test_raw_transactions_widen_to_what_both_files_hold(
    spark: SparkSession, tmp_path: Path
) -> None:
    names = CONTRACTS["transactions"].required
    put(tmp_path, "transactions/a.csv", ",".join(names), ",".join(["x"] * len(names)))
    typed = {name: ["y"] for name in names} | {"quantity": [3]}
    pd.DataFrame(typed).to_parquet(tmp_path / "transactions/b.parquet")
    files = ("transactions/a.csv", "transactions/b.parquet")
    assert_holds(
        raw(spark, tmp_path, "transactions", *files),
        "transaction_id STRING, quantity STRING, _source_file STRING",
        ("x", "x", files[0]),
        ("y", "3", files[1]),
    )


def test_raw_records_span_lines_where_the_source_says_so(
    spark: SparkSession, tmp_path: Path
) -> None:
    contract = Contract("notes", "id STRING, note STRING")
    put(tmp_path, "notes/a.csv", "id,note", '1,"two', 'lines"', "2,one", "5,not me", "6")
    (tmp_path / "notes" / "b.json").write_text('[{"id": 3,\n "note": "x"}, {"id": 4, "note": "y"}]')
    told = {"options": {"multiLine": True}, "where": ("note <> 'not me'",)}
    mapping = EntityMapping(contract, ("notes/*",), **told)  # type: ignore[arg-type]
    files = ("notes/a.csv", "notes/b.json")
    probes = {file: probe(tmp_path / file, mapping) for file in files}
    batch = Batch("b1", dict.fromkeys(files, SEEN_BY))
    assert_holds(
        read(spark, tmp_path, mapping, probes, batch, {}),
        "id STRING, note STRING, _corrupt_record STRING, _source_file STRING, _row BIGINT",
        ("1", "two\nlines", None, files[0], 1),
        ("2", "one", None, files[0], 2),
        ("6", None, "6", files[0], 4),  # broken: whether it counts, nobody can tell
        ("3", "x", None, files[1], 1),
        ("4", "y", None, files[1], 2),
    )


def test_raw_rows_copied_by_arrow_are_those_that_spark_reads(
    spark: SparkSession, generated: Path, tmp_path: Path
) -> None:
    entity = "transactions"
    mapping = SOURCE.mappings[entity]
    files = sorted(f"{entity}/{file.name}" for file in (generated / entity).glob("*"))
    probes = {file: probe(generated / file, mapping) for file in files}
    schema = copy.fitting(generated, mapping, probes, tmp_path)
    assert schema is not None
    create_from_json(tmp_path / "raw", Schema.from_arrow(schema).to_json(), "", ())
    batch = Batch("b1", dict.fromkeys(files, SEEN_BY))
    copy.append(tmp_path / "raw", generated, files, schema, batch, Record())
    copied = spark.read.format("delta").load(str(tmp_path / "raw"))
    expected = raw(spark, generated, entity, *files)
    assert copied.schema.simpleString() == expected.schema.simpleString()
    assert copied.exceptAll(expected).count() == expected.exceptAll(copied).count() == 0
    assert copied.count() == expected.count() > 0
