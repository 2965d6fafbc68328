"""Answer SQL over the lake, every table by its name, as gold.fact_sales; without SQL: a shell."""

import sys

from lakehouse import LakehouseError
from lakehouse.known import as_then
from lakehouse.moments import instant
from lakehouse.query import in_duckdb, in_spark, show
from lakehouse.shell import shell
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("sql", nargs="?", help="a SELECT, or a file that holds one")
    parser.add_argument("--format", choices=["table", "csv", "json"], default="table")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    parser.add_argument("--valid-at", help="of history tables the versions valid then, UTC")
    parser.add_argument("--known-at", help="tables as of what had landed by then, UTC")
    options = parser.parse_args()
    frame = project.frame(options)
    if options.sql is None:
        return shell(frame.lake, frame.catalogue)
    sql = project.text(options.sql)
    then = instant(options.valid_at, "--valid-at"), instant(options.known_at, "--known-at")
    if any(then) and options.engine == "spark":
        raise LakehouseError("--valid-at and --known-at ask DuckDB; leave --engine spark out.")
    if any(then):
        columns, rows = as_then(frame, sql, *then)
    elif options.engine == "spark":
        columns, rows = in_spark(frame.conf, frame.lake, frame.catalogue, sql)
    else:
        columns, rows = in_duckdb(frame.lake, frame.catalogue, sql)
    show(columns, rows, options.format)
    return 0


if __name__ == "__main__":
    sys.exit(main())
