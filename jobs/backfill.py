"""Make the features, or the rows of another table by days, of any days from history, as parquet."""

import sys
from pathlib import Path

from lakehouse.backfill import backfill, table_by_days
from lakehouse.moments import day
from lakehouse.session import start
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("first", help="first day, as 2026-01-01")
    parser.add_argument("last", help="last day")
    parser.add_argument("--table", default="mart_demand_forecast_input")
    parser.add_argument("--output", type=Path, required=True, help="a folder that is made")
    options = parser.parse_args()
    frame = project.frame(options)
    first, last = day(options.first, "first"), day(options.last, "last")
    assert first is not None
    assert last is not None
    table = table_by_days(frame, options.table, first, last)
    output = project.folder(options.output)
    backfill(start(dict(frame.conf)), frame, table, first, last, output)
    print(f"{table.full_name}, {first} to {last}: {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
