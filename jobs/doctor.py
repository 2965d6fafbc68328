"""Look over a type-2 Delta table for what makes a history wrong; repair one of the lake."""

import sys

from lakehouse.doctor.options import add_names
from lakehouse.doctor.subject import subject
from lakehouse.doctor.visit import visit
from lakehouse.storage import holds
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    add_names(parser)
    parser.add_argument("--keys", type=int, default=100, help="keys kept of each illness (100)")
    parser.add_argument("--strict", action="store_true", help="notes are illnesses")
    parser.add_argument("--repair", action="store_true", help="build what is ill again")
    parser.add_argument("--dry-run", action="store_true", help="show what --repair would change")
    options = parser.parse_args()
    frame = project.frame(options)
    asked = subject(frame, options)
    how = {"strict": options.strict, "dry_run": options.dry_run, "limit": options.keys}
    ours = options.lake or holds(frame.lake, asked.place.path)
    repair = options.repair or options.dry_run
    return visit(frame, asked, repair=repair, into=frame.lake if ours else None, **how)


if __name__ == "__main__":
    sys.exit(main())
