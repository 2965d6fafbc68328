"""Judge every rule over the lake or selected tables, and keep the verdicts: ops.quality_results."""

import sys
from pathlib import Path

from lakehouse.checks.validate import expected, validate
from lakehouse.report import console
from lakehouse.session import start
from retail import project


@project.job
def main() -> int:
    parser = project.parser(__doc__)
    parser.add_argument("selection", nargs="*", help="layer, table, table+ or +table")
    text = "Great Expectations too: its verdicts must agree; Data Docs in FOLDER (LAKE/quality)"
    parser.add_argument("--docs", nargs="?", const="", metavar="FOLDER", help=text)
    options = parser.parse_args()
    frame = project.frame(options)
    status = validate(frame, options.selection, console.print)
    if options.docs is None:
        return status
    spark, folder = start(frame.conf, "validate"), project.folder(Path(options.docs))
    folder = folder if options.docs else None
    return max(status, expected(frame, options.selection, spark, console.print, folder))


if __name__ == "__main__":
    sys.exit(main())
