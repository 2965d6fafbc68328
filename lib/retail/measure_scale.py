"""A sweep of scales: what closing days costs, beside peers, and whether the features are true.

Each scale runs in a process of its own, and what it found is a JSON file; the page is written from
these files, so that a scale can be measured again alone.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lakehouse import LakehouseError
from retail import measure_backfill, measure_peers, measure_truth, project
from retail.measure_close import FEATURES, Chain
from retail.meter import Timing, machine, timed

MARKS = ("<!-- scale -->", "<!-- end of scale -->")
CLOSES = "close of {day}"
Found = dict[str, Any]


@dataclass(frozen=True)
class Cost:
    """A line of the tables: one piece of work at one scale. Bytes, seconds, GB of memory."""

    work: str
    part: str
    seconds: float
    cpu: float
    memory: float
    rows: int = 0
    files: int = 0
    bytes: int = 0
    shuffled: int = 0


def measure(work: Path, scale: str, days: int, peers: bool, pairs: int = 1_000) -> Found:
    """Generate, close day by day, hold against the truth, and let peers do the last day."""
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
        if peers:
            costs += _peers(chain)
            pairs_a_day = _rows_of(costs, CLOSES.format(day=last), "stg_inventory_snapshots")
            costs += _backfill(chain, last, pairs_a_day)
        counts = {"scale": scale, "days": days, "pairs": pairs, "cores": measure_peers.cores()}
        return counts | {"costs": [asdict(cost) for cost in costs], "differing": differing}
    finally:
        chain.clear()


def _peers(chain: Chain) -> list[Cost]:
    """What each peer takes for the features of the last day, in both ways."""
    costs = []
    for peer in measure_peers.PEERS:
        for way in measure_peers.WAYS:
            output = chain.work / "peers" / f"{peer}-{way}"
            day = chain.dates[-1].isoformat()
            arguments = [peer, way, str(chain.lake), day, str(output)]
            took = _apart(chain, "retail.measure_peers", arguments)
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


def sweep(work: Path, scales: Sequence[str], days: int, page: Path | None) -> int:
    """Measure the scales one after another, and write the page of all found in the folder."""
    work.mkdir(parents=True, exist_ok=True)
    for scale in scales:
        command = [sys.executable, "-m", "retail.measure_scale", str(work), scale, str(days)]
        if status := subprocess.run(command).returncode:
            return status
    found = [json.loads(file.read_text()) for file in work.glob("*.json")]
    found.sort(key=lambda one: float(one["scale"]))
    text = report(found)
    print(text)
    if page:
        write_between(page, MARKS, text)
    return int(any(one["differing"] for one in found))


def report(found: Sequence[Found]) -> str:
    """The tables and plots of a sweep, as Markdown."""
    parts = [f"{datetime.now(UTC):%Y-%m-%d}, {machine()}."]
    for one in found:
        share, costs = float(one["scale"]), [Cost(**cost) for cost in one["costs"]]
        days = sorted({c.work for c in costs if c.work.startswith("close")})
        last = [cost for cost in costs if cost.work == days[-1]]
        parts.append(f"**{share:.1%} of the chain**, {len(days)} days; {_truth(one)}.")
        parts.append(_table([*[_total(costs, day) for day in days], *_total_of_others(costs)]))
        parts.append(f"The last day, table by table:\n\n{_table(last, 'part')}")
    parts.append(_per_million(found))
    return "\n\n".join(parts)


def _truth(one: Found) -> str:
    wrong = one["differing"]
    if not wrong:
        return f"{one['pairs']:,} random pairs of the last day equal the generator's truth"
    return f"of {one['pairs']:,} random pairs {len(wrong)} values differ, as {wrong[0]}"


def _total(costs: Sequence[Cost], work: str) -> Cost:
    parts = [cost for cost in costs if cost.work == work]
    memory = max(cost.memory for cost in parts)
    sums: Mapping[str, Any] = {
        name: sum(getattr(cost, name) for cost in parts)
        for name in ("seconds", "cpu", "rows", "files", "bytes", "shuffled")
    }
    return Cost(work, "all tables", memory=memory, **sums)


def _total_of_others(costs: Sequence[Cost]) -> list[Cost]:
    return [cost for cost in costs if not cost.work.startswith("close")]


def _table(costs: Sequence[Cost], name: str = "work") -> str:
    lines = [f"| {name} | wall | CPU | memory | rows | files | written | shuffled |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for cost in costs:
        used = f"{cost.seconds:.1f} s | {cost.cpu:.1f} s | {cost.memory:.1f} GB"
        wrote = f"{cost.rows:,} | {cost.files:,} | {_megabytes(cost.bytes)}"
        lines.append(f"| {getattr(cost, name)} | {used} | {wrote} | {_megabytes(cost.shuffled)} |")
    return "\n".join(lines)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _per_million(found: Sequence[Found]) -> str:
    """CPU seconds per million counts, by scale: of a close, and of its features and peers."""
    shares = [f'"{float(one["scale"]):.1%}"' for one in found]
    close, features = [], []
    lines = ["| scale | close | added | features | " + " | ".join(_PEERS) + " |"]
    lines.append("| ---: " * (4 + len(_PEERS)) + "|")
    before = (0.0, 0.0)
    for one in found:
        costs = [Cost(**cost) for cost in one["costs"]]
        last = max(cost.work for cost in costs if cost.work.startswith("close"))
        millions = _rows_of(costs, last, "stg_inventory_snapshots") / 1e6
        cpu = _total(costs, last).cpu
        added = (cpu - before[0]) / ((millions - before[1]) or 1)
        before = (cpu, millions)
        close.append(cpu / millions)
        features.append(_cpu(costs, last, FEATURES) / millions)
        peers = [_cpu(costs, name, FEATURES) / millions for name in _PEERS]
        numbers = " | ".join(f"{n:.2f}" for n in (close[-1], added, features[-1], *peers))
        lines.append(f"| {float(one['scale']):.1%} | {numbers} |")
    plot = [
        "```mermaid",
        "xychart-beta",
        '  title "CPU-seconds per million pairs: the close, and its features below"',
        f"  x-axis [{', '.join(shares)}]",
        f"  bar [{', '.join(f'{value:.2f}' for value in close)}]",
        f"  line [{', '.join(f'{value:.2f}' for value in features)}]",
        "```",
    ]
    head = (
        "CPU-seconds per million pairs on the last day (`added`: of those that the scale before"
        " lacks; the peers make fewer columns):"
    )
    return "\n\n".join([head, "\n".join(lines), "\n".join(plot)])


_PEERS = [f"{peer}, {way}" for peer in measure_peers.PEERS for way in measure_peers.WAYS]


def _cpu(costs: Sequence[Cost], work: str, part: str) -> float:
    return sum(cost.cpu for cost in costs if (cost.work, cost.part) == (work, part))


def _rows_of(costs: Sequence[Cost], work: str, part: str) -> int:
    return sum(cost.rows for cost in costs if (cost.work, cost.part) == (work, part)) or 1


def write_between(page: Path, marks: tuple[str, str], text: str) -> None:
    """Replace what stands between a page's marks; what people wrote around it stays."""
    before, _, rest = (page.read_text() if page.exists() else "").partition(marks[0])
    page.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{rest.partition(marks[1])[2]}")


@project.job
def main() -> int:
    """Measure one scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("scale")
    parser.add_argument("days", type=int)
    options = parser.parse_args()
    found = measure(options.work, options.scale, options.days, peers=True)
    (options.work / f"{options.scale}.json").write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
