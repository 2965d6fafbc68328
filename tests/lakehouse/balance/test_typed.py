"""Landed text as Spark's try_cast reads it, by DuckDB: what Spark made of each was tried."""

import duckdb
import pytest

from lakehouse.balance.typed import typed

TEXTS = {
    "DATE": {
        "2026": "2026-01-01", "2026-06": "2026-06-01", "2026-6-1": "2026-06-01",
        "2026-06-01 junk": "2026-06-01", "2026-06-01T10:00:00Z": "2026-06-01",
        "  2026-06-01 ": "2026-06-01", "20260601": None, "2026-06-31": None, "2026-06-01x": None,
    },
    "DECIMAL(18,2)": {
        "1e3": "1000.00", " 5 ": "5.00", "5\x00": "5.00", "5.005": "5.01", "-5.005": "-5.01",
        "+5": "5.00", ".5": "0.50", "5.": "5.00", "1e400": None, "NaN": None, "1,5": None,
        "0x10": None, "5d": None, "99999999999999999": None,
    },
    "TIMESTAMP": {
        "2026": "2026-01-01 00:00:00+00", "2026-06-01 10": "2026-06-01 10:00:00+00",
        "2026-06-01 1:2:3": "2026-06-01 01:02:03+00",
        "2026-06-01T10:00:00.123456789": "2026-06-01 10:00:00.123456+00",
        "2026-06-01 10:00:00+02:00": "2026-06-01 08:00:00+00",
        "2026-06-01 10:00:00 Europe/Paris": "2026-06-01 08:00:00+00",
        "10:00": None, "2026-06-01 10:00:60": None,
    },
    "INT": {"\t5": "5", " 5 ": "5", "+5": "5", "5.0": None, "5e0": None, "2147483648": None},
}  # fmt: skip


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_the_value_that_spark_reads(kind: str) -> None:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    sql = f"SELECT CAST({typed('landed', 'VARCHAR', kind)} AS VARCHAR) FROM (SELECT ? AS landed)"
    found = {text: connection.execute(sql, [text]).fetchone()[0] for text in TEXTS[kind]}  # type: ignore[index]
    assert found == TEXTS[kind]


def test_a_fraction_is_no_whole_number_and_a_double_rounds_by_its_digits() -> None:
    whole = typed("n", "DOUBLE", "INT")
    cents = typed("n", "DOUBLE", "DECIMAL(18,2)")
    found = duckdb.execute(f"SELECT {whole}, {cents} FROM (VALUES (5.0::DOUBLE), (1.005)) t(n)")
    assert [(n, str(value)) for n, value in found.fetchall()] == [(5, "5.00"), (None, "1.01")]
