"""Bad files by name, and what must become of them: rows and rejected places, or why none is read."""

import gzip
import io
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HEAD = b"sale_id,item_id,sold_on,amount,updated_at\n"
AT = "2026-06-01 10:00:00"
# (content, records, places of those that are rejected)
Loaded = tuple[bytes, int, set[int]]


def line(number: str, item: str = "A", day: str = "2026-06-01", amount: str = "5") -> bytes:
    return f"{number},{item},{day},{amount},{AT}\n".encode()


# An archive whose middle was overwritten: it unpacks for a while.
_PACKED = gzip.compress(HEAD + b"".join(line(f"d{n}", amount=str(n)) for n in range(999)), mtime=0)
DAMAGED = _PACKED[:200] + b"\xff" * 40 + _PACKED[240:]


def parquet(**columns: Any) -> bytes:
    """A parquet file of two sales with these columns otherwise."""
    whole = {
        "sale_id": pa.array(["p1", "p2"]),
        "item_id": pa.array(["A", "B"]),
        "sold_on": pa.array(["2026-06-01", "2026-06-02"]),
        "amount": pa.array(["5", "6"]),
    }
    stream = io.BytesIO()
    pq.write_table(pa.table({k: v for k, v in (whole | columns).items() if v is not None}), stream)
    return stream.getvalue()


def json_lines(*lines: str) -> bytes:
    return "\n".join([*lines, ""]).encode()


def sale(number: str, rest: str = '"amount": 5') -> str:
    return f'{{"sale_id": "{number}", "item_id": "A", "sold_on": "2026-06-01", {rest}}}'


def ones(values: Iterable[Any], kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(list(values), kind)


LOADED: dict[str, Loaded] = {
    "short_row.csv": (HEAD + b"c1,A,2026-06-01\n" + line("c2"), 2, {1}),
    "long_row.csv": (HEAD + b"c1,A,2026-06-01,5,,more\n" + line("c2"), 2, {1}),
    "many_fields.csv": (HEAD + b"c1" + b"," * 30_000 + b"\n" + line("c2"), 2, {1}),
    "unclosed_quote.csv": (HEAD + b'c1,"A,2026-06-01,5,\n' + line("c2") + b'c3,A,2026-06-01,5,"\n', 3, {1, 3}),
    "one_field.csv": (HEAD + b"c1\n,,,,\n" + line("c2"), 3, {1, 2}),
    "two_lines.csv": (HEAD + b'c1,"A\nB",2026-06-01,5,\n' + line("c2"), 3, {1, 2}),
    "byte_order_mark.csv": (b"\xef\xbb\xbf" + HEAD + line("c1"), 1, set()),
    "latin1.csv": (HEAD + line("c1").replace(b"A", b"Caf\xe9") + line("c2"), 2, {1}),
    "nul.csv": (HEAD + line("c1", amount="5\0") + line("c2", "A\0B"), 2, set()),
    "crlf.csv": ((HEAD + line("c1") + line("c2", amount="x")).replace(b"\n", b"\r\n"), 2, {2}),
    "old_mac.csv": ((HEAD + line("c1") + line("c2")).replace(b"\n", b"\r"), 2, set()),
    "ten_megabytes.csv": (HEAD + line("c1", "x" * 10_000_000, amount="-1") + line("c2"), 2, {1}),
    "blank_lines.csv": (HEAD + b"\n" + line("c1") + b"   \n\n" + line("c2", amount="-1"), 2, {2}),
    "late_header.csv": (b"\n  \n" + HEAD + line("c1"), 1, set()),
    "header_alone.csv": (HEAD, 0, set()),
    "no_last_newline.csv": (HEAD + line("c1")[:-1], 1, set()),
    "capitals.csv": (HEAD.upper() + line("c1"), 1, set()),
    "other_order.csv": (b"amount,sold_on,item_id,sale_id\n5,2026-06-01,A,c1\n", 1, set()),
    "more_columns.csv": (HEAD[:-1] + b",a b,a_b,Item Id\n" + line("c1")[:-1] + b",1,2,3\n", 1, set()),
    "unnamed_column.csv": (b"," + HEAD + b"0," + line("c1"), 1, set()),
    "letter_case.csv": (HEAD[:-1] + b",A_B\n" + line("c1")[:-1] + b",1\n", 1, set()),
    "dates.csv": (
        HEAD + line("c1", day="2026-02-31") + line("c2", day="01/06/2026") + line("c3", day="20260601")
        + line("c4", day="1 June 2026") + line("c5", day="2026-6-1") + line("c6", day=" 2026-06-01 "),
        6, {1, 2, 3, 4},
    ),
    "hour_alone.csv": (HEAD + b"c1,A,2026-06-01,5,10:00\n" + line("c2"), 2, {1}),
    "numbers.csv": (
        HEAD + line("c1", amount="NaN") + line("c2", amount="1e400") + line("c3", amount='"1,000.00"')
        + line("c4", amount="Infinity") + line("c5", amount="1e2") + line("c6", amount=" 5.005 ")
        + line("c7", amount="99999999999999999") + line("c8", amount="5 EUR") + line("c9", amount="0x10"),
        9, {1, 2, 3, 4, 7, 8, 9},
    ),
    "packed.csv.gz": (gzip.compress(HEAD + line("c1") + line("c2", amount="-1"), mtime=0), 2, {2}),
    "more_fields.json": (json_lines(sale("j1", '"amount": 5, "till": {"no": [1, 2]}')), 1, set()),
    "same_field_twice.json": (json_lines(sale("j1", '"amount": -5, "amount": 5')), 1, set()),
    "nested.json": (json_lines(sale("j1", '"amount": {"eur": 5}'), sale("j2", '"amount": [5]'), sale("j3")), 3, {1, 2}),
    "cut_lines.json": (json_lines(sale("j1")[:-9], sale("j2") + " x", "5", "null", "{}", sale("j3")), 6, {1, 2, 3, 4, 5}),
    "numbers.json": (json_lines(sale("j1", '"amount": 1e400'), sale("j2", '"amount": NaN'), sale("j3", '"amount": 1.50')), 3, {1, 2}),
    "more_after_it.json": (json_lines(sale("j1") + sale("j2"), sale("j3") + ", ", sale("j4")), 3, {1, 2}),
    "byte_order_mark.json": (b"\xef\xbb\xbf" + json_lines(sale("j1")), 1, set()),
    "latin1.json": (json_lines(sale("j1")).replace(b'"A"', b'"\xe9"') + json_lines(sale("j2")), 2, {1}),
    "two_in_a_line.json": (json_lines(f"[{sale('j1')}, {sale('j2')}]", sale("j3")), 2, {1}),
    "doubles.parquet": (parquet(amount=ones([float("nan"), 5.5])), 2, {1}),
    "infinite.parquet": (parquet(amount=ones([float("inf"), 1e300])), 2, {1, 2}),
    "whole_numbers.parquet": (parquet(sale_id=ones([7, 8]), amount=ones([5, -6])), 2, {2}),
    "unsigned.parquet": (parquet(amount=ones([2**64 - 1, 6], pa.uint64())), 2, {1}),
    "nanoseconds.parquet": (
        parquet(sold_on=ones([np.datetime64("2026-06-01T01:02:03.123456789", "ns")] * 2)), 2, set()
    ),
    "decimals.parquet": (parquet(amount=ones([Decimal("5.005"), Decimal("-1")], pa.decimal128(38, 10))), 2, {2}),
    "true_or_false.parquet": (parquet(item_id=ones([True, None])), 2, set()),
    "bytes.parquet": (parquet(item_id=ones([b"A", b"\xff\xfe"])), 2, {2}),
    "nested.parquet": (parquet(amount=ones([{"eur": 5}, None]), tags=ones([["x"], []])), 2, {1}),
    "no_values.parquet": (parquet(item_id=pa.nulls(2), amount=pa.nulls(2)), 2, set()),
    "no_rows.parquet": (parquet(**{n: ones([], pa.string()) for n in ("sale_id", "item_id", "sold_on", "amount")}), 0, set()),
    "moments.parquet": (parquet(updated_at=ones([datetime(2026, 6, 1, 10), None])), 2, set()),
}  # fmt: skip

SET_ASIDE: dict[str, tuple[bytes, str]] = {
    "zero.csv": (b"", "empty"),
    "zero.parquet": (b"", "empty"),
    "cut.parquet": (parquet()[:-20], "cannot be read as parquet"),
    "text.parquet": (HEAD + line("1"), "cannot be read as parquet"),
    "cut.csv.gz": (gzip.compress(HEAD * 99, mtime=0)[:-9], "cannot be read as csv"),
    "damaged.csv.gz": (DAMAGED, "cannot be read as csv"),
    "not_packed.csv.gz": (HEAD + line("1"), "cannot be read as csv"),
    "twice.csv": (
        b"sale_id,Sale_ID,item_id,sold_on,amount\n1,1,A,2026-06-01,5\n",
        "more than once",
    ),
    "twice.parquet": (parquet(AMOUNT=ones([1, 2])), "more than once"),
    "semicolons.csv": (HEAD.replace(b",", b";") + line("1").replace(b",", b";"), "lacks"),
    "utf16.csv": ((HEAD + line("1")).decode().encode("utf-16"), "lacks"),
    "no_header.csv": (line("1") + line("2"), "lacks"),
    "blank.csv": (b"\n\n", "lacks|header"),
    "pages.json": (b'[\n  {\n    "sale_id": "1"\n  }\n]\n', "no line is a JSON object"),
    "lacking.parquet": (parquet(amount=None), "lacks amount"),
    "book.xlsx": (b"PK\x03\x04", "its ending is none of"),
}
