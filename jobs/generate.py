"""Make up a retailer's landing files: masters, orders, stock, visits; parquet files by day."""

import argparse
import sys
from pathlib import Path

from lakehouse.conf import load
from lakehouse.moments import day
from retail import project
from retail.generator import ENTITIES, generate, request
from retail.generator.planting import plant, rate, told


@project.job
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, help="days up to the end date (default: 30)")
    parser.add_argument("--output", type=Path, help="landing folder (default: data/landing)")
    parser.add_argument("--seed", type=int, help="other seeds make other retailers (default: 42)")
    parser.add_argument("--end-date", help="last day (default: in conf/base.yaml)")
    parser.add_argument("--scale", help="default, or the share of 2,000 stores, as 0.01")
    parser.add_argument("--late", type=float, default=0, help="share of lines up to a week late")
    parser.add_argument("--entities", nargs="+", default=ENTITIES, help="write only these")
    history = "summary: also the sales of the 92 days before, summed up, in OUTPUT/_history"
    parser.add_argument("--history", choices=["none", "summary"], default="none", help=history)
    parser.add_argument("--env", default="local", help="conf/ENV.yaml (default: local)")
    parser.add_argument("--faults", type=rate, help="share of records to spoil, as 0.01")
    options = parser.parse_args()
    conf = load(options.env)
    output = project.folder(options.output or conf["landing"])
    which = (options.scale, options.late, options.history, options.entities)
    asked = request(conf, options.days, options.seed, day(options.end_date, "--end-date"), *which)
    for entity, rows in generate(output, asked).items():
        print(f"{entity:<24} {rows:>11,} rows written to {output / entity}")
    print(told(plant(output, options.faults, asked.world.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
