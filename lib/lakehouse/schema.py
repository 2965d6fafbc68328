"""Schemas as DDL text, read without a session: ``name TYPE [NOT NULL] [COMMENT '...'], ...``."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import Schema as DeltaSchema

from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

_COLUMN = re.compile(
    r"\s*(?P<name>\w+)\s+(?P<type>.+?)(?P<required>\s+NOT\s+NULL)?"
    r"(?:\s+COMMENT\s+'(?P<comment>(?:[^']|'')*)')?\s*",
    re.IGNORECASE | re.DOTALL,
)
_DELTA_TYPES = {
    "STRING": "string",
    "BIGINT": "long",
    "INT": "integer",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_NTZ": "timestamp_ntz",
}


@dataclass(frozen=True)
class Column:
    """One column of a schema; ``type`` is the Spark SQL name in capitals."""

    name: str
    type: str
    required: bool = False
    comment: str = ""

    @property
    def delta_type(self) -> str | dict[str, object]:
        """The type as Delta's schema JSON writes it."""
        if self.type.startswith("ARRAY<"):
            element = Column("element", self.type[6:-1]).delta_type
            return {"type": "array", "elementType": element, "containsNull": True}
        if self.type.startswith("DECIMAL"):
            return self.type.lower()
        return _DELTA_TYPES[self.type]


def quoted(text: str) -> str:
    """The text as a SQL string literal."""
    return "'" + text.replace("\\", r"\\").replace("'", r"\'") + "'"


def identifier(name: str) -> str:
    """The name in SQL, whatever signs are in it."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """The text as DuckDB's string literal, in which a backslash is one."""
    return "'" + text.replace("'", "''") + "'"


@cache
def parse(ddl: str) -> tuple[Column, ...]:
    """The columns of a DDL text, in order.

    Raises LakehouseError for a part that is no column or has an unknown type.
    """
    return tuple(_column(part) for part in _split(ddl) if part.strip())


def _column(text: str) -> Column:
    match = _COLUMN.fullmatch(text)
    kind = re.sub(r"\s+", "", match["type"]).upper() if match else ""
    base = re.sub(r"^ARRAY<(.*)>$", r"\1", kind)
    if not match or (base not in _DELTA_TYPES and not re.fullmatch(r"DECIMAL\(\d+,\d+\)", base)):
        raise LakehouseError(
            f"'{' '.join(text.split())}' is no column; expected name TYPE [NOT NULL]"
            f" [COMMENT '...'] with a type among {', '.join(_DELTA_TYPES)} or DECIMAL(p,s)."
        )
    comment = (match["comment"] or "").replace("''", "'")
    return Column(match["name"], kind, bool(match["required"]), comment)


def _split(ddl: str) -> list[str]:
    """Parts between commas that stand outside brackets and quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    for char in ddl:
        quoted ^= char == "'"
        if not quoted:
            depth += (char in "(<") - (char in ")>")
        if char == "," and not quoted and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def names(ddl: str) -> tuple[str, ...]:
    """The column names of a DDL text, in order."""
    return tuple(column.name for column in parse(ddl))


def delta_json(columns: tuple[Column, ...]) -> dict[str, object]:
    """The schema as Delta's log and Spark's ``StructType.fromJson`` both read it.

    Every column is nullable there: Spark forgets NOT NULL at the first overwrite, so it is a rule
    that each write checks instead.
    """
    fields = [
        {
            "name": column.name,
            "type": column.delta_type,
            "nullable": True,
            "metadata": {"comment": column.comment} if column.comment else {},
        }
        for column in columns
    ]
    return {"type": "struct", "fields": fields}


def arrow(columns: tuple[Column, ...]) -> pa.Schema:
    """The schema as Arrow's type."""
    return pa.schema(DeltaSchema.from_json(json.dumps(delta_json(columns))).to_arrow())


def struct(columns: tuple[Column, ...]) -> "StructType":
    """The schema as Spark's type, comments included (needs pyspark, no session)."""
    from pyspark.sql.types import StructType

    return StructType.fromJson(delta_json(columns))
