"""Execute the notebooks over a lake; write each with its outputs, and as an HTML page."""

import sys
from pathlib import Path

from lakehouse.notebooks import execute
from retail import project

FOLDER = Path(__file__).parents[1] / "notebooks"


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("--output", type=Path, help="folder to write to (default: the notebooks')")
    options = parser.parse_args()
    frame = project.frame(options)
    failed = 0
    for done in execute(FOLDER, frame.lake, options.output or FOLDER):
        print(f"{done.name:<40} {done.problem or 'executed'}", flush=True)
        failed += bool(done.problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
