"""Ids as the contracts have them, from numbers: in Spark's columns and in DuckDB's SQL."""

from pyspark.sql import Column

from retail.generator.hashing import padded

# Prefix and digits by what is numbered.
_FORMS = {
    "product": ("PRD-", 6),
    "store": ("STR-", 4),
    "customer": ("CUS-", 8),
    "order": ("ORD-", 12),
    "transaction": ("TXN-", 15),
    "session": ("SES-", 16),
}


def id_of(what: str, number: Column) -> Column:
    """PRD-000001 and the like; null for null."""
    prefix, digits = _FORMS[what]
    return padded(prefix, number, digits)


def id_sql(what: str, number: str) -> str:
    """The same as an expression of DuckDB over the column ``number``."""
    prefix, digits = _FORMS[what]
    return f"'{prefix}' || lpad({number}::VARCHAR, {digits}, '0')"
