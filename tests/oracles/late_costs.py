"""What the late-costs sample must restate, worked out with dictionaries and sorting, no Spark."""

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
Event = tuple[str, ...]


@dataclass(frozen=True)
class Sold:
    """A line in its newest state, with the version of its product and the cost of one."""

    product: str
    sold_at: datetime
    units: int
    amount: Decimal
    version: tuple[str, datetime] | None
    cost: Decimal | None

    @property
    def profit(self) -> Decimal | None:
        return None if self.cost is None else self.amount - money(self.units * self.cost)


def money(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def _records(files: dict[str, Path], entity: str) -> list[dict[str, str]]:
    paths = [path for name, path in files.items() if name.startswith(entity)]
    return [row for path in paths for row in csv.DictReader(path.open())]


def _instant(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def landed(*folders: Path) -> dict[str, Path]:
    """Files by their path below landing; a later folder replaces what has the same path."""
    files = {}
    for folder in folders:
        files |= {str(path.relative_to(folder)): path for path in sorted(folder.glob("*/*.csv"))}
    return files


def events(files: dict[str, Path]) -> dict[tuple[str, datetime], Event]:
    """What each product event says, by product and time."""
    return {
        (row["product_id"], _instant(row["updated_at"])): tuple(row.values())
        for row in _records(files, "products")
    }


def sold(files: dict[str, Path]) -> dict[str, Sold]:
    """Lines by id."""
    states: dict[str, list[tuple[datetime, Decimal, Decimal]]] = {}
    for row in _records(files, "products"):
        moment = _instant(row["updated_at"])
        state = (moment, Decimal(row["unit_cost"]), Decimal(row["unit_price"]))
        states.setdefault(row["product_id"], []).append(state)
    lines = {}
    for row in sorted(_records(files, "transactions"), key=lambda row: row["updated_at"]):
        at, kept = _instant(row["transaction_date"], "America/New_York"), row["order_status"]
        units = 0 if kept == "returned" else int(row["quantity"])
        amount = Decimal(0) if kept == "returned" else Decimal(row["total_amount"])
        start, cost, told = None, None, None
        for place, (moment, *state) in enumerate(sorted(set(states.get(row["product_id"], [])))):
            begins = BEGINNING if place == 0 else moment
            if begins <= at and state != told:
                start, cost, told = begins, state[0], state
        version = (row["product_id"], start) if start else None
        lines[row["transaction_id"]] = Sold(row["product_id"], at, units, amount, version, cost)
    return lines


def restated(before: dict[str, Path], after: dict[str, Path]) -> list[tuple[object, ...]]:
    """Rows of ops.restatements that the step between two states of landing must add, sorted.

    (line, product, event_at, event_change, cost before and after, profit before and after)
    """
    was, now, old, new = events(before), events(after), sold(before), sold(after)
    moved = {key for key in {*was, *now} if was.get(key) != now.get(key)}
    rows: list[tuple[object, ...]] = []
    for line, state in new.items():
        first = old.get(line)
        if first is None or (first.version, first.cost) == (state.version, state.cost):
            continue
        own = sorted(at for product, at in moved if product == state.product)
        cause = ([at for at in own if at <= state.sold_at] or own[:1])[-1]
        key = (state.product, cause)
        change = "arrived" if key not in was else "corrected" if key in now else "withdrawn"
        costs = (first.cost, state.cost)
        profits = [None if c is None else state.amount - money(state.units * c) for c in costs]
        rows.append((line, state.product, cause, change, *costs, *profits))
    return sorted(rows, key=repr)
