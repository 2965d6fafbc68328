"""Answer one SQL query over the lake: every table and view by its name, as gold.fact_sales."""

import sys

import duckdb

from lakehouse import LakehouseError
from lakehouse.query import connect, in_spark, show
from retail import project


def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("sql", help="a SELECT, or a file that holds one")
    parser.add_argument("--format", choices=["table", "csv", "json"], default="table")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    options = parser.parse_args()
    try:
        frame = project.frame(options)
        sql = project.text(options.sql)
        if options.engine == "spark":
            columns, rows = in_spark(frame.conf, frame.lake, frame.catalogue, sql)
        else:
            answer = connect(frame.lake, frame.catalogue).execute(sql)
            columns, rows = [column[0] for column in answer.description or []], answer.fetchall()
        show(columns, rows, options.format)
        return 0
    except LakehouseError as error:
        print(error, file=sys.stderr)
    except duckdb.Error as error:
        print(f"The query failed: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
