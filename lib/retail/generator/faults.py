"""Faults as feeds have them: what each does to a record or a file, and what must become of it.

A fault of a record makes other values of it, a further record, or moves it to a later file. Its
answer says which disposition can be known from the data alone: ``repeat``, ``superseded``,
``quarantine`` (with the rule), ``accept``, ``warn`` (kept, with the rule); of a file ``set aside``
or ``accept``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]
Answer = Literal["repeat", "superseded", "quarantine", "accept", "warn", "set aside"]
How = Literal["changed", "added", "added later", "moved"]
# A byte that is no UTF-8 (é in Latin-1), as Python's surrogateescape writes it.
LATIN_E = "\udce9"


@dataclass(frozen=True)
class Fault:
    """A fault of a record: ``values`` gives what it says instead, None where it cannot be planted.

    ``how``: the record is changed, another one stands beside it or in a later file, or it lies in a
    later file itself.
    ``text_only`` faults need a file of text; ``takes_twin``: the record as it was shares the answer.
    """

    name: str
    values: Callable[[Row], Row | None]
    answer: Answer
    rule: str = ""
    how: How = "changed"
    text_only: bool = False
    takes_twin: bool = False


@dataclass(frozen=True)
class FileFault:
    """A fault of a file: another table instead, or (None) the file cut short."""

    name: str
    table: Callable[[pa.Table], pa.Table] | None
    answer: Answer


def _set(**values: Any) -> Callable[[Row], Row | None]:
    return lambda row: values


def _same(row: Row) -> Row:
    return {}


def _credit_note(row: Row) -> Row:
    names = ("quantity", "discount_amount", "total_amount")
    return {name: -row[name] for name in names}


def _wrong_total(row: Row) -> Row:
    return {"total_amount": row["total_amount"] + Decimal("10.00")}


def _earlier_state(row: Row) -> Row | None:
    """The same line and instant in a lower status, with other money: the status orders the two."""
    if row["order_status"] == "pending":
        return None
    return {"order_status": "pending", "total_amount": row["total_amount"] + Decimal("5.00")}


def _other_amount(row: Row) -> Row:
    """The same line, instant and status with other money: one of the two is shown, always the same."""
    return {"total_amount": row["total_amount"] + Decimal("7.00")}


def _state_before(row: Row) -> Row | None:
    """What the line was an hour before it took this state, landing after it."""
    if row["updated_at"] is None:
        return None
    money = row["total_amount"] + Decimal("3.00")
    before = row["updated_at"] - timedelta(hours=1)
    return {"order_status": "pending", "updated_at": before, "total_amount": money}


def _other_price(row: Row) -> Row:
    return {"unit_price": row["unit_price"] + Decimal("1.0000")}


def _phantom_stock(row: Row) -> Row:
    return {"quantity_available": row["quantity_available"] + 40}


def _garbled(name: str) -> Callable[[Row], Row | None]:
    return lambda row: {name: f"Caf{LATIN_E} {row[name]}"}


def _later(row: Row) -> Row | None:
    """A late line needs an instant of its own to find its place."""
    return {} if row["updated_at"] else None


_BOUNDS = "absolute quantity is within the source's bounds"
_TOTAL = "total_amount is quantity x unit_price - discount_amount"
_AVAILABLE = "quantity_available is quantity_on_hand - quantity_reserved"
_REPEAT = Fault("exact duplicate", _same, "repeat", how="added")


def _bad(name: str, rule: str, text_only: bool = False, **values: Any) -> Fault:
    return Fault(name, _set(**values), "quarantine", rule, text_only=text_only)


FAULTS = {
    "transactions": [
        _REPEAT,
        Fault("conflicting duplicate", _earlier_state, "superseded", how="added"),
        Fault("tied duplicate", _other_amount, "accept", how="added", takes_twin=True),
        Fault("out of order", _state_before, "superseded", how="added later"),
        Fault("late line", _later, "accept", how="moved"),
        Fault("negative quantity", _credit_note, "accept"),
        _bad("absurd quantity", _BOUNDS, quantity=250_000),
        _bad("no quantity", _BOUNDS, quantity=0),
        _bad("malformed id", "store_id is well-formed", store_id="STR-12X"),
        _bad("malformed id", "transaction_id is well-formed", transaction_id="TXN"),
        _bad("malformed id", "customer_id is well-formed", customer_id="n/a"),
        Fault("unknown id", _set(product_id="PRD-999999"), "warn", "product_id is known"),
        Fault("unknown id", _set(store_id="STR-9999"), "warn", "store_id is known"),
        Fault("unknown id", _set(customer_id="CUS-99999999"), "warn", "customer_id is known"),
        _bad("null key", "product_id is present", product_id=None),
        _bad("null key", "store_id is present", store_id=None),
        _bad("null key", "transaction_id is present", transaction_id=None),
        _bad("unknown value", "order_status is known", order_status="lost in transit"),
        _bad("unknown value", "channel is known", channel="fax"),
        Fault("wrong total", _wrong_total, "warn", _TOTAL),
        _bad("impossible date", "sold_on is present", True, transaction_date="2026-02-31 10:00:00"),
        _bad("impossible date", "sold_on is present", True, transaction_date="31.06.2026"),
        _bad("no number", "quantity is INT", True, quantity="two"),
        _bad("no number", "unit_price is DECIMAL(18,4)", True, unit_price="1e400"),
    ],
    "inventory_snapshots": [
        _REPEAT,
        Fault("phantom stock", _phantom_stock, "warn", _AVAILABLE),
        _bad("malformed id", "product_id is well-formed", product_id="PRD000001"),
        _bad("null key", "store_id is present", store_id=None),
        _bad("null key", "product_id is present", product_id=None),
    ],
    "page_views": [
        _REPEAT,
        _bad("malformed id", "product_id is well-formed", product_id="PRD-1"),
        _bad("null key", "event_id is present", event_id=None),
        _bad("null key", "session_id is present", session_id=None),
        _bad("unknown value", "event_type is known", event_type="pageview"),
    ],
    "products": [
        _REPEAT,
        Fault("conflicting duplicate", _other_price, "quarantine", "no ties", "added", takes_twin=True),
        _bad("malformed id", "product_id is well-formed", product_id="000001"),
        _bad("negative price", "unit_price is not negative", unit_price=Decimal("-1.0000")),
    ],
    "customers": [
        _REPEAT,
        _bad("malformed id", "customer_id is well-formed", customer_id="CUS-7"),
        _bad("null key", "customer_id is present", customer_id=None),
        _bad("impossible date", "updated_at is TIMESTAMP", True, updated_at="2026-02-30 09:00:00"),
        Fault("broken encoding", _garbled("last_name"), "quarantine", "text is UTF-8", text_only=True),
    ],
}  # fmt: skip


def _renamed(table: pa.Table) -> pa.Table:
    """A required column by another name."""
    return table.rename_columns([f"{n}_no" if n == "product_id" else n for n in table.column_names])


def _as_text(table: pa.Table) -> pa.Table:
    """Whole numbers as text, as a spreadsheet exports them."""
    fields = [
        pa.field(f.name, pa.string() if pa.types.is_integer(f.type) else f.type)
        for f in table.schema
    ]
    return table.cast(pa.schema(fields))


def _as_numbers(table: pa.Table) -> pa.Table:
    """Ids as numbers, which lose the zeros they began with."""
    digits = pc.replace_substring_regex(table["product_id"], r"\D", "")
    place = table.column_names.index("product_id")
    return table.set_column(place, "product_id", pc.cast(digits, pa.int32()))


def _with_more(table: pa.Table) -> pa.Table:
    return table.append_column("till_software", pa.array(["9.4.1"] * table.num_rows))


FILE_FAULTS = [
    FileFault("truncated file", None, "set aside"),
    FileFault("added column", _with_more, "accept"),
    FileFault("renamed column", _renamed, "set aside"),
    FileFault("reordered columns", lambda t: t.select(t.column_names[::-1]), "accept"),
    FileFault("dropped column", lambda t: t.drop(["product_id"]), "set aside"),
    FileFault("retyped column", _as_text, "accept"),
    FileFault("narrowed column", _as_numbers, "set aside"),
]


def as_text(table: pa.Table) -> pa.Table:
    """Every column as text, null where it was."""
    return pa.table({name: pc.cast(table[name], pa.string()) for name in table.column_names})
