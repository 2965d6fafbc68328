"""Prove what became of every landed record: rows, units and money, by file and by layer."""

import sys
from pathlib import Path

from lakehouse.balance.report import balance
from lakehouse.balance.score import score
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("--files", action="store_true", help="a line for every file")
    text = "score the lake by the answer key of jobs/generate.py --faults in this folder"
    parser.add_argument("--labels", type=Path, help=text)
    options = parser.parse_args()
    frame = project.frame(options)
    return score(frame, options.labels) if options.labels else balance(frame, options.files)


if __name__ == "__main__":
    sys.exit(main())
