"""A look at landing: what is new, known, corrected, repeated, set aside, refused."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy.contracts import CONTRACTS

from lakehouse import LakehouseError
from lakehouse.landing.ledger import Files, Ledger, Survey, survey
from lakehouse.landing.probe import probe
from lakehouse.landing.source import EntityMapping, Source, load_source
from lakehouse.log import Record

HEAD = "sale_id,item_id,sold_on,amount,updated_at\n"
AT = "2026-06-01 10:00:00"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    file = tmp_path / "toy.yaml"
    file.write_text("entities: {sales: {files: ['sales/*']}, prices: {files: ['prices/*']}}")
    return load_source(file, CONTRACTS)


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    (tmp_path / "landing" / "sales").mkdir(parents=True)
    (tmp_path / "landing" / "sales" / "a.csv").write_text(HEAD + f"1,A,2026-06-01,5,{AT}\n")
    return tmp_path / "landing"


def look(landing: Path, source: Source, known: Files | None = None, batch: str = "b") -> Survey:
    return survey(landing, source, known or {}, batch)


def statuses(found: Survey) -> dict[str, str]:
    return {file.path: file.status for file in found.files.values()}


@pytest.mark.parametrize(
    ("said", "records"),
    [
        ({}, 1),
        ({"options": {"sep": ","}}, 1),
        ({"options": {"multiLine": True}}, None),
        ({"where": ("amount > 1",)}, None),
        ({"distinct": True}, None),
    ],
)
def test_records_are_counted_where_the_source_takes_every_line(
    landing: Path, source: Source, said: dict[str, Any], records: int | None
) -> None:
    mapping = replace(source.mappings["sales"], **said)
    assert probe(landing / "sales" / "a.csv", mapping).records == records


def test_a_new_file_is_registered_and_a_missing_entity_absent(
    landing: Path, source: Source
) -> None:
    found = look(landing, source)
    assert statuses(found) == {"sales/a.csv": "registered"}
    assert found.absent == ["prices"]


def test_a_file_of_equal_size_and_time_is_not_read_again(landing: Path, source: Source) -> None:
    first = look(landing, source)
    assert look(landing, source, first.files).probes == {}
    os.utime(landing / "sales" / "a.csv", ns=(1, 1))
    touched = look(landing, source, first.files, "c").files[("sales", "sales/a.csv")]
    assert (touched.modified_ns, touched.batch_id) == (1, "b")  # the same content: nothing new


def test_a_corrected_file_is_registered_again(landing: Path, source: Source) -> None:
    first = look(landing, source)
    (landing / "sales" / "a.csv").write_text(HEAD + "1,A,2026-06-01,50,\n")
    assert look(landing, source, first.files, "c").files[("sales", "sales/a.csv")].batch_id == "c"


def test_a_file_that_vanished_keeps_its_row(landing: Path, source: Source) -> None:
    first = look(landing, source)
    (landing / "sales" / "a.csv").unlink()
    assert look(landing, source, first.files).files == first.files


def test_the_same_content_under_another_name_is_a_replay(landing: Path, source: Source) -> None:
    (landing / "sales" / "b.csv").write_bytes((landing / "sales" / "a.csv").read_bytes())
    assert statuses(look(landing, source))["sales/b.csv"] == "replay"


def test_a_file_whose_name_dates_a_record_is_no_replay(landing: Path, source: Source) -> None:
    line = {"sale_id": "1", "item_id": "A", "sold_on": "2026-06-01", "amount": "5"}
    for name, undated in {
        "blank.csv": HEAD + f"1,A,2026-06-01,5,{AT}\n2,A,2026-06-01,5, \n",
        "short.csv": HEAD + f"1,A,2026-06-01,5,{AT}\n2,A,2026-06-01,5\n",
        "two_lines.csv": HEAD + f'1,"A\nB",2026-06-01,5,{AT}\n',
        "null.json": json.dumps(line | {"updated_at": None}),
        "lacking.json": "\n".join(map(json.dumps, (line | {"updated_at": AT}, line))),
    }.items():
        for copy in ("1", "2"):
            (landing / "sales" / f"{copy}_{name}").write_text(undated)
    dated = pa.table({name: [text, text] for name, text in line.items()} | {"updated_at": [AT, AT]})
    half = dated.set_column(4, "updated_at", pa.array([AT, None]))
    for copy in ("1", "2"):
        pq.write_table(half, landing / "sales" / f"{copy}_half.parquet")
        pq.write_table(dated, landing / "sales" / f"{copy}_dated.parquet")
        (landing / "sales" / f"{copy}_dated.json").write_text(
            json.dumps(line | {"Updated_At": AT}) + "\n\n"
        )
    replays = {
        path for path, status in statuses(look(landing, source)).items() if status == "replay"
    }
    assert replays == {"sales/2_dated.parquet", "sales/2_dated.json"}


@pytest.mark.parametrize(
    ("updated_at", "amount", "status"),
    [
        ("changed", "amount", "replay"),
        ("try_to_timestamp(changed)", "amount", "registered"),
        ("null", "amount", "registered"),
        ("changed", "length(_source_file)", "registered"),
    ],
)
def test_a_mapped_file_is_a_replay_where_a_column_dates_each_record(
    landing: Path, updated_at: str, amount: str, status: str
) -> None:
    names = {name: name for name in ("sale_id", "item_id", "sold_on")}
    columns = names | {"amount": amount, "updated_at": updated_at}
    mapping = EntityMapping(CONTRACTS["sales"], ("sales/*",), columns=columns)
    for name in ("a.csv", "b.csv"):
        file = landing / "sales" / name
        file.write_text(HEAD.replace("updated_at", "changed") + f"1,A,2026-06-01,5,{AT}\n")
    found = look(landing, Source("toy", "toy.yaml", {"sales": mapping}, {}))
    assert statuses(found)["sales/b.csv"] == status


def test_a_replay_counts_again_once_the_file_it_repeats_is_corrected(
    landing: Path, source: Source
) -> None:
    first = landing / "sales" / "a.csv"
    (landing / "sales" / "b.csv").write_bytes(first.read_bytes())
    before = look(landing, source)
    first.write_text(HEAD + "1,A,2026-06-01,50,\n")
    after = look(landing, source, before.files, "c")
    assert statuses(after) == {"sales/a.csv": "registered", "sales/b.csv": "registered"}
    assert after.files[("sales", "sales/b.csv")].reason is None


def test_equal_content_is_no_replay_among_full_snapshots(landing: Path, source: Source) -> None:
    (landing / "sales" / "b.csv").write_bytes((landing / "sales" / "a.csv").read_bytes())
    before = look(landing, source)
    assert statuses(before)["sales/b.csv"] == "replay"
    after = survey(landing, source, before.files, "c", frozenset({"sales"}))
    assert statuses(after) == {"sales/a.csv": "registered", "sales/b.csv": "registered"}


def test_a_refused_snapshot_counts_once_the_files_are_changes(
    landing: Path, source: Source
) -> None:
    (key, file), *_ = look(landing, source).files.items()
    known = {key: replace(file, status="refused", reason="too small")}
    assert survey(landing, source, known, "c", frozenset({"sales"})).files == known
    assert look(landing, source, known, "c").files == {key: file}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("b.csv", b"", "it is empty (zero bytes)"),
        ("b.parquet", b"PAR1 cut off", "it cannot be read as parquet"),
        ("b.csv.gz", gzip.compress(HEAD.encode() * 99, mtime=0)[:-9], "it cannot be read as csv"),
        ("b.xlsx", b"PK", "its ending is none of"),
        ("b.csv", b"sale_id,item_id,sold_on\n", "it lacks amount"),
        ("b.json", b"[not json", "no line is a JSON object"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_set_aside(
    landing: Path, source: Source, name: str, content: bytes, reason: str
) -> None:
    (landing / "sales" / name).write_bytes(content)
    found = look(landing, source)
    (bad,) = found.newly_set_aside
    assert reason in str(bad.reason)
    assert statuses(found)["sales/a.csv"] == "registered"


def test_files_are_looked_at_as_the_source_s_options_say(landing: Path) -> None:
    odd = HEAD.replace(",", ";") + "1;Caf\xe9;2026-06-01;5;\n"
    (landing / "sales" / "a.csv").write_bytes(odd.encode("latin-1"))
    (landing / "sales" / "b.json").write_text(
        json.dumps([{"sale_id": 1, "item_id": "A", "sold_on": "2026-06-01", "amount": 5}], indent=1)
    )
    contract = CONTRACTS["sales"]
    told = {"sep": ";", "encoding": "latin1"}
    mapping = EntityMapping(contract, ("*/a.csv",), options=told)
    whole = EntityMapping(contract, ("*/b.json",), options={"multiLine": True})
    (landing / "sales" / "c.csv").write_text(HEAD + f"1,A,2026-06-01,5,{AT}\n")
    plain = EntityMapping(contract, ("*",))
    for found in (mapping, whole):
        (status,) = statuses(
            look(landing, Source("toy", "toy.yaml", {"sales": found}, {}))
        ).values()
        assert status == "registered"
    found = look(landing, Source("toy", "toy.yaml", {"sales": plain}, {}))
    reasons = {file.path: str(file.reason) for file in found.newly_set_aside}
    assert "if its fields end at ';', say so" in reasons["sales/a.csv"]
    assert "no line is a JSON object" in reasons["sales/b.json"]


def test_a_byte_order_mark_is_no_part_of_a_name(landing: Path, source: Source) -> None:
    (landing / "sales" / "b.csv").write_text("\ufeff" + HEAD + "2,A,2026-06-01,5,\n")
    assert statuses(look(landing, source))["sales/b.csv"] == "registered"


def test_what_no_file_fits_is_refused(landing: Path, source: Source, tmp_path: Path) -> None:
    with pytest.raises(LakehouseError, match="There is no landing folder"):
        look(tmp_path / "nowhere", source)
    (landing / "sale").mkdir()
    (landing / "sale" / "a.csv").touch()
    with pytest.raises(LakehouseError, match=r"landing/sale matches no entity.*sales/\*"):
        look(landing, source)


def test_a_column_that_no_new_file_has_is_the_mapping_s_fault(
    landing: Path, source: Source
) -> None:
    (landing / "sales" / "a.csv").write_text("sale_id,item_id,sold_on,amout\n")
    with pytest.raises(LakehouseError, match=r"needs the column amount.*if it is now amout, map"):
        look(landing, source)


def test_the_ledger_is_written_once_and_refuses_another_source(
    landing: Path, source: Source, tmp_path: Path
) -> None:
    ledger, found = Ledger(tmp_path / "lake"), look(landing, source)
    ledger.write(found.files, Record(batch="b", source="toy"))
    ledger.write(found.files, Record(batch="c", source="toy"))
    assert ledger.read() == found.files
    assert ledger.read(0) == {}
    ledger.check_source(source)
    with pytest.raises(LakehouseError, match="holds the source toy, not other; build other into"):
        ledger.check_source(Source("other", "other.yaml", {}, {}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entities: {sale: {}}", "maps the entity sale, which has no contract; did you mean sales"),
        ("setings: {zone: UTC}", "says setings, which means nothing; did you mean settings"),
        ("entities: {sales: {file: x}}", "says file of sales, which means nothing; did you mean"),
        ("entities: {sales: {columns: {amout: x}}}", "maps sales.amout, which the contract lacks"),
        ("entities: {sales: {columns: {amount: x}}}", "does not map sale_id, item_id, sold_on of"),
        ("entities: {prices: {where: 'a +'}}", "is no SQL expression"),
        ("entities: [", "is no YAML"),
    ],
)
def test_a_source_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(LakehouseError) as refused:
        load_source(tmp_path / "s.yaml", CONTRACTS)
    assert said in str(refused.value)
