"""Lint the contracts in conf/contracts, and say what in them breaks those of a git revision."""

import argparse
import sys
from pathlib import Path

from lakehouse.odcs_gate import faults
from retail import project

FOLDER = Path(__file__).parents[1] / "conf" / "contracts"


@project.job
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", default="HEAD", help="git revision (default: HEAD)")
    options = parser.parse_args()
    found = faults(FOLDER, options.against)
    print("\n".join(found or [f"The contracts are valid, and break none of {options.against}."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
