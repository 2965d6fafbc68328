"""Expressions over several columns that more than one module builds."""

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.schema import identifier


def content(columns: Iterable[str]) -> Column:
    """A hash of what a row says in the columns.

    A null leaves a hash as it was, so where nulls are is hashed too: rows that swap a value and a
    null would be equal otherwise.
    """
    named = [identifier(name) for name in columns]
    return F.expr(f"xxhash64({', '.join([*named, *(f'isnull({name})' for name in named)])})")


def as_json(columns: Iterable[str | Column]) -> Column:
    """The columns as one JSON text, nulls included."""
    return struct_as_json(F.struct(*columns))


def struct_as_json(struct: Column) -> Column:
    """A struct as JSON text, nulls included; null for none."""
    return F.to_json(struct, {"ignoreNullFields": "false"})


def all_of(conditions: Iterable[Column]) -> Column:
    """Whether every condition holds."""
    return reduce(lambda a, b: a & b, conditions)


def any_of(conditions: Iterable[Column]) -> Column:
    """Whether one of the conditions holds."""
    return reduce(lambda a, b: a | b, conditions)
