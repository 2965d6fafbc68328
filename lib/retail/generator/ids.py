"""Ids as the contracts have them, from numbers: as text, and in DuckDB's SQL."""

from collections.abc import Iterable

# Prefix and digits by what is numbered.
_FORMS = {
    "product": ("PRD-", 6),
    "store": ("STR-", 4),
    "customer": ("CUS-", 8),
    "order": ("ORD-", 12),
    "transaction": ("TXN-", 15),
    "session": ("SES-", 16),
}


def id_text(what: str, number: int) -> str:
    """PRD-000001 and the like."""
    prefix, digits = _FORMS[what]
    return f"{prefix}{number:0{digits}}"


def id_sql(what: str, number: str) -> str:
    """The same of the column ``number``, null for null, as an expression."""
    prefix, digits = _FORMS[what]
    return f"'{prefix}' || lpad({number}::VARCHAR, {digits}, '0')"


def text_sql(values: Iterable[str], index: str) -> str:
    """The text at an index, counted from 0, of a fixed list, as an expression."""
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"[{quoted}][{index} + 1]"
