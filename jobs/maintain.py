"""Put small files together and remove those nobody needs any more (OPTIMIZE and VACUUM)."""

import sys

from lakehouse.lock import lake_lock
from lakehouse.maintain import LEAST_HOURS, maintain
from lakehouse.session import start
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    text = f"keep files that versions of the last HOURS refer to (default: {LEAST_HOURS})"
    parser.add_argument("--hours", type=int, default=LEAST_HOURS, help=text)
    options = parser.parse_args()
    frame = project.frame(options)
    with lake_lock(frame.lake):
        for done in maintain(start(frame.conf, "maintain"), frame, options.hours):
            files = f"{done.compacted} files into {done.into}" if done.compacted else "compact"
            removed = f"kept all: {done.kept_for}" if done.kept_for else f"{done.removed} removed"
            print(f"{done.table:<34} {files:<24} {removed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
