"""The day's lag features by DuckDB and Polars, from the same files, with as many threads.

Each does it in two ways: all windows again from 91 days of sales by pair and day, or yesterday's
features moved on by a day, which reads the few days that enter and leave a window. Both make what
sales tell alone. DuckDB also carries all columns of the table on by a day, as its kernel does. A
range of stores is taken at a time, as the files lie. Late sales are left out: a peer's day is a
little cheaper.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from retail.measure_duckdb import by_duckdb
from retail.measure_peer_files import Files, ranges
from retail.measure_polars import by_polars

PEERS: dict[str, Callable[[Files, date, str, Path], None]] = {
    "duckdb": by_duckdb,
    "polars": by_polars,
}
WAYS = {"duckdb": ("recompute", "move", "carry"), "polars": ("recompute", "move")}


def main() -> int:
    """Run one peer in a process of its own, whose memory and threads are its own too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=list(PEERS))
    parser.add_argument("way", choices=sorted({way for ways in WAYS.values() for way in ways}))
    parser.add_argument("lake", type=Path)
    parser.add_argument("day", type=date.fromisoformat)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    if options.way not in WAYS[options.peer]:
        known = " or ".join(WAYS[options.peer])
        parser.error(f"{options.peer} does not {options.way}; expected {known}.")
    options.output.mkdir(parents=True, exist_ok=True)
    for place, files in ranges(options.lake, options.day).items():
        output = options.output / f"{place}.parquet"
        PEERS[options.peer](files, options.day, options.way, output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
