"""Make up a retailer, build every table, answer a few questions, and say what to try next."""

import sys

from lakehouse.query import in_duckdb, show
from lakehouse.report import console, reported
from retail import project
from retail.generator import generate, request
from retail.questions import NEXT, QUESTIONS


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("--days", type=int, help="days to generate (default: in conf/base.yaml)")
    options = parser.parse_args()
    frame = project.frame(options)
    asked = request(frame.conf, options.days)
    console.print(f"Generating a retailer into {frame.landing}")
    rows = generate(frame.landing, asked)
    console.print(", ".join(f"{count:,} {entity}" for entity, count in rows.items()))
    result = reported(frame)
    for question, sql in QUESTIONS.items():
        show(*in_duckdb(frame.lake, frame.catalogue, sql), title=question)
    console.print(NEXT.format(lake=frame.lake, landing=frame.landing))
    return result.exit_status


if __name__ == "__main__":
    sys.exit(main())
