"""The features of many past days at once: by the backfill, and by DuckDB's windows over the same.

Both fill the days of each pair since its first sale, and look back 7, 28 and 91 days from each.
DuckDB makes the sales features alone; the backfill makes every column of the table.
"""

import argparse
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import duckdb
from deltalake import DeltaTable

from retail.measure_close import SUMMED
from retail.measure_peer_files import LAGS, WINDOWS, cores

# Rows to make, and the fewest days that they are to be of: fewer hold more pairs than are tried.
PAIR_DAYS, FEWEST, MOST = 40_000_000, 28, 60


def span(last: date, pairs: int) -> tuple[date, date] | None:
    """First and last of the days that give so many rows; None where pairs are too many.

    >>> span(date(2026, 6, 30), 700_000)
    (datetime.date(2026, 5, 5), datetime.date(2026, 6, 30))
    >>> span(date(2026, 6, 30), 70_000_000)
    """
    days = min(PAIR_DAYS // max(pairs, 1), MOST)
    return (last - timedelta(days - 1), last) if days >= FEWEST else None


def by_duckdb(lake: Path, first: date, last: date, output: Path) -> None:
    """Make the sales features of the days by DuckDB's windows."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {cores()}")
    files = DeltaTable(str(lake / "silver" / SUMMED)).file_uris()
    options = "FORMAT parquet, COMPRESSION zstd, PARTITION_BY (observed_on)"
    connection.execute(f"COPY ({_windows(files, first, last)}) TO '{output}' ({options})")


def _windows(files: Iterable[str], first: date, last: date) -> str:
    frames = {n: f"(pair ROWS BETWEEN {n} PRECEDING AND 1 PRECEDING)" for n in WINDOWS}
    values = [f"lag(units, {k}) OVER pair AS units_lag_{k}" for k in LAGS]
    for n, frame in frames.items():
        values.append(f"coalesce(sum(units) OVER {frame}, 0) AS units_sum_{n}")
    for n in (28, 91):
        values.append(f"stddev_pop(units) OVER {frames[n]} AS units_std_{n}")
    values.append(
        "observed_on - max(CASE WHEN units > 0 THEN observed_on END) OVER"
        " (pair ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS days_since_sale"
    )
    return f"""
        WITH sales AS (
            SELECT store_id, product_id, sold_on::DATE AS observed_on, gross_units AS units
            FROM read_parquet({list(files)}, hive_partitioning = true) WHERE gross_units > 0
        ), days AS (
            SELECT store_id, product_id, unnest(generate_series(min(observed_on), DATE '{last}',
                   INTERVAL 1 DAY))::DATE AS observed_on
            FROM sales GROUP BY ALL
        ), filled AS (
            SELECT store_id, product_id, observed_on, coalesce(units, 0) AS units
            FROM days LEFT JOIN sales USING (store_id, product_id, observed_on)
        )
        SELECT * FROM (
            SELECT *, {", ".join(values)} FROM filled
            WINDOW pair AS (PARTITION BY store_id, product_id ORDER BY observed_on)
        ) WHERE observed_on >= DATE '{first}'"""


def main() -> int:
    """Run DuckDB in a process of its own, whose memory and threads are its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lake", type=Path)
    parser.add_argument("first", type=date.fromisoformat)
    parser.add_argument("last", type=date.fromisoformat)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    by_duckdb(options.lake, options.first, options.last, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
