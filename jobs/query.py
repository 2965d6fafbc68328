"""Answer one SQL query over the lake: every table and view by its name, as gold.fact_sales."""

import sys

from lakehouse.query import in_duckdb, in_spark, show
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("sql", help="a SELECT, or a file that holds one")
    parser.add_argument("--format", choices=["table", "csv", "json"], default="table")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    options = parser.parse_args()
    frame = project.frame(options)
    sql = project.text(options.sql)
    if options.engine == "spark":
        columns, rows = in_spark(frame.conf, frame.lake, frame.catalogue, sql)
    else:
        columns, rows = in_duckdb(frame.lake, frame.catalogue, sql)
    show(columns, rows, options.format)
    return 0


if __name__ == "__main__":
    sys.exit(main())
