"""Write what the declarations say: docs/, README's lineage, and parts of conf/."""

import argparse
import sys
from pathlib import Path

from lakehouse import conf
from lakehouse.catalogue import load
from lakehouse.docs import pages
from lakehouse.publish.files import files
from retail import project

ROOT = Path(__file__).parents[1]


@project.job
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    parser.add_argument("--breaking", action="store_true", help="let contracts break somebody")
    options = parser.parse_args()
    stale = 0
    catalogue, schedule = load("retail"), conf.load()["schedule"]
    contracts = project.contracts(ROOT).pages(options.breaking, gate=not options.check)
    derived = pages(catalogue, ROOT) | files(catalogue, schedule, ROOT) | contracts
    for path, text in derived.items():
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        print(f"{path.relative_to(ROOT)} {'is stale' if options.check else 'written'}")
        if not options.check:
            path.write_text(text)
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
