"""The page of a sweep of scales: tables and a plot of what was found, as Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retail import measure_peers
from retail.measure_close import FEATURES
from retail.meter import machine

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
        millions = rows_of(costs, last, "stg_inventory_snapshots") / 1e6
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
        " lacks; `carry` makes all columns of the features, the other peers what sales alone tell):"
    )
    return "\n\n".join([head, "\n".join(lines), "\n".join(plot)])


_PEERS = [f"{peer}, {way}" for peer, ways in measure_peers.WAYS.items() for way in ways]


def _cpu(costs: Sequence[Cost], work: str, part: str) -> float:
    return sum(cost.cpu for cost in costs if (cost.work, cost.part) == (work, part))


def rows_of(costs: Sequence[Cost], work: str, part: str) -> int:
    return sum(cost.rows for cost in costs if (cost.work, cost.part) == (work, part)) or 1


def write_between(page: Path, marks: tuple[str, str], text: str) -> None:
    """Replace what stands between a page's marks; what people wrote around it stays."""
    before, _, rest = (page.read_text() if page.exists() else "").partition(marks[0])
    page.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{rest.partition(marks[1])[2]}")
