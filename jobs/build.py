"""Bring the lake up to date from the landing files: the tables selected, or all."""

import sys

from lakehouse.report import console, last_run, reported
from lakehouse.run import dry_run
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("selection", nargs="*", help="layer, table, table+ or +table")
    parser.add_argument("--as-of", help="last business day that as-of tables read")
    parser.add_argument("--full-refresh", action="store_true", help="make every table again")
    parser.add_argument("--dry-run", action="store_true", help="say what is stale, write nothing")
    parser.add_argument("--last-run", action="store_true", help="show the last build, do nothing")
    options = parser.parse_args()
    frame = project.frame(options)
    if options.last_run:
        return last_run(frame.lake)
    if options.dry_run:
        for outcome in dry_run(frame, options.selection):
            console.print(f"{outcome.table:<32} {outcome.reason}")
        return 0
    return reported(frame, options.selection).exit_status


if __name__ == "__main__":
    sys.exit(main())
