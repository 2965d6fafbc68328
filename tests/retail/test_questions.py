"""What the questions must not do, told from their SQL."""

import pytest
import sqlglot
from sqlglot import exp

from retail.questions import QUESTIONS


@pytest.mark.parametrize("sql", QUESTIONS.values(), ids=QUESTIONS)
def test_dimensions_are_joined_by_key_or_without_their_members(sql: str) -> None:
    """By id alone, a product called unknown would be joined to the member of that name too."""
    for join in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Join):
        if str(join.this.name).startswith("dim_"):
            assert "_key" in join.args["on"].sql(), join.sql()
