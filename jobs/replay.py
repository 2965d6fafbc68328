"""Send quarantined records through again, after a rule, a mapping or a dimension changed."""

import sys

from lakehouse.moments import instant
from lakehouse.query import show
from lakehouse.replay import COLUMNS, outcome, rejected_records, replay
from lakehouse.report import console, reported
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("--rule", help="only records that break this rule")
    parser.add_argument("--table", help="only records that this staging table rejected")
    parser.add_argument("--since", help="only records first seen then or later, UTC")
    options = parser.parse_args()
    frame = project.frame(options)
    since = instant(options.since, "--since")
    records = rejected_records(frame, options.rule, options.table, since)
    if not records:
        console.print("No such record is in quarantine.")
        return 0
    result = replay(frame, records, reported)
    show(COLUMNS, outcome(frame.lake, records), title="What became of them")
    return result.exit_status


if __name__ == "__main__":
    sys.exit(main())
