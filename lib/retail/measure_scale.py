"""A sweep of scales: what closing days costs, beside peers, and whether the features are true.

Each scale runs in a process of its own, and what it found is a JSON file; the page is written from
these files, so that a scale can be measured again alone.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from lakehouse import LakehouseError
from retail import measure_backfill, measure_peers, measure_truth, project
from retail.measure_close import FEATURES, Chain
from retail.measure_page import Cost, Found, report, rows_of, write_between
from retail.measure_peer_files import cores
from retail.meter import Timing, timed

MARKS = ("<!-- scale -->", "<!-- end of scale -->")
CLOSES = "close of {day}"
PEERS = "retail.measure_peers"


def measure(work: Path, scale: str, days: int, backfill: bool, pairs: int = 1_000) -> Found:
    """Generate, close day by day, hold against the truth, and let peers do the last day.

    With ``backfill`` many past days are made at once too, which takes minutes at any scale.
    """
    chain = Chain(work / scale, scale, days)
    chain.clear()
    try:
        made = chain.generate()
        begun = chain.begin()
        costs = [
            Cost("generate", "landing and past", made.seconds, made.cpu, made.memory),
            Cost("begin", "the lake before", begun.seconds, begun.cpu, begun.memory),
        ]
        for day in chain.dates:
            for built in chain.close(day):
                used = (built.step.seconds, built.step.cpu, built.step.memory)
                wrote = (built.rows, built.files, built.bytes, built.shuffled)
                costs.append(Cost(CLOSES.format(day=day), built.table, *used, *wrote))
                print(f"{scale} {day} {built.table}: {built.step.cpu:.1f} CPU-s", flush=True)
        last = chain.dates[-1]
        differing = measure_truth.differing(chain.lake, chain.asked, last, pairs)
        costs += _peers(chain)
        if backfill:
            counted = rows_of(costs, CLOSES.format(day=last), "stg_inventory_snapshots")
            costs += _backfill(chain, last, counted)
        counts = {"scale": scale, "days": days, "pairs": pairs, "cores": cores()}
        return counts | {"costs": [asdict(cost) for cost in costs], "differing": differing}
    finally:
        chain.clear()


def _peers(chain: Chain) -> list[Cost]:
    """What each peer takes for the features of the last day, in each of its ways."""
    costs = []
    for peer, ways in measure_peers.WAYS.items():
        for way in ways:
            output = chain.work / "peers" / f"{peer}-{way}"
            arguments = [peer, way, str(chain.lake), str(chain.dates[-1]), str(output)]
            took = _apart(chain, PEERS, arguments)
            used = (took.seconds, took.cpu, took.memory)
            costs.append(Cost(f"{peer}, {way}", FEATURES, *used, *_written(output)))
    return costs


def _backfill(chain: Chain, last: date, pairs: int) -> list[Cost]:
    """What many past days take, by the backfill and by DuckDB; nothing where pairs are too many."""
    span = measure_backfill.span(last, pairs)
    if span is None:
        return []
    ours, theirs = chain.work / "backfill", chain.work / "windows"
    made = chain.backfill(FEATURES, *span, ours)
    arguments = [str(chain.lake), *map(str, span), str(theirs)]
    took = _apart(chain, "retail.measure_backfill", arguments)
    days = (span[1] - span[0]).days + 1
    return [
        Cost(
            f"{name} of {days} days", FEATURES, one.seconds, one.cpu, one.memory, *_written(output)
        )
        for name, one, output in (("backfill", made, ours), ("duckdb, windows", took, theirs))
    ]


def _apart(chain: Chain, module: str, arguments: Sequence[str]) -> Timing:
    """A module run in a process of its own.

    Raises LakehouseError with what it said where it fails.
    """
    log = chain.work / "log"
    took = timed(module, "", [sys.executable, "-m", module, *arguments], log)
    if took.status:
        raise LakehouseError(f"{module} failed: {log.read_text().strip().splitlines()[-1]}")
    return took


def _written(output: Path) -> tuple[int, int, int]:
    """Rows, files and bytes of the parquet files in a folder."""
    files = list(output.rglob("*.parquet"))
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    return rows, len(files), sum(file.stat().st_size for file in files)


def sweep(work: Path, scales: Sequence[str], days: int, backfill: bool, page: Path | None) -> int:
    """Measure the scales one after another, and write the page of all found in the folder."""
    work.mkdir(parents=True, exist_ok=True)
    for scale in scales:
        command = [sys.executable, "-m", "retail.measure_scale", str(work), scale, str(days)]
        command += ["--backfill"] * backfill
        if status := subprocess.run(command).returncode:
            return status
    found = [json.loads(file.read_text()) for file in work.glob("*.json")]
    found.sort(key=lambda one: float(one["scale"]))
    text = report(found)
    print(text)
    if page:
        write_between(page, MARKS, text)
    return int(any(one["differing"] for one in found))


@project.job
def main() -> int:
    """Measure one scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("scale")
    parser.add_argument("days", type=int)
    parser.add_argument("--backfill", action="store_true")
    options = parser.parse_args()
    found = measure(options.work, options.scale, options.days, options.backfill)
    (options.work / f"{options.scale}.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
