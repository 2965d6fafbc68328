"""Look over a type-2 Delta table for what makes a history wrong; repair one of the lake."""

import sys

from lakehouse import LakehouseError
from lakehouse.doctor.subject import subject
from lakehouse.doctor.visit import visit
from retail import project

SEVERAL = "; several by repeating or with commas"


def main() -> int:
    parser = project.parser(__doc__)
    several = {"action": "append", "metavar": "COLUMN"}
    parser.add_argument("table", help="layer.table of the lake, or the path of a Delta table")
    parser.add_argument("--key", **several, help=f"what has versions{SEVERAL}")
    parser.add_argument("--from", dest="start", help="start of a version (valid_from)")
    parser.add_argument("--to", dest="end", help="end of a version (valid_to)")
    parser.add_argument("--current", help="flag of the open version (is_current, if there)")
    parser.add_argument("--tracked", **several, help=f"what cuts versions (attributes){SEVERAL}")
    parser.add_argument("--surrogate", help="column that identifies a version")
    parser.add_argument("--open-end", help="ends from here on are open, as null is (9999-12-31)")
    parser.add_argument("--end-includes", choices=["day", "second"], help="for closed intervals")
    parser.add_argument("--fact", help="table that points at versions")
    parser.add_argument("--fact-key", **several, help="by which column it points")
    parser.add_argument("--fact-at", help="when a fact happened")
    parser.add_argument("--keys", type=int, default=100, help="keys kept of each illness (100)")
    parser.add_argument("--strict", action="store_true", help="notes are illnesses")
    parser.add_argument("--repair", action="store_true", help="build what is ill again")
    parser.add_argument("--dry-run", action="store_true", help="show what --repair would change")
    options = parser.parse_args()
    try:
        frame = project.frame(options)
        asked = subject(frame, options)
        inside = asked.place.path.is_relative_to(frame.lake)
        return visit(
            frame,
            asked,
            strict=options.strict,
            repair=options.repair or options.dry_run,
            dry_run=options.dry_run,
            limit=options.keys,
            into=frame.lake if inside or options.lake else None,
        )
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
