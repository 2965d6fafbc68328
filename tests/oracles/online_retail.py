"""Online Retail recomputed from its files in plain Python: what the lakehouse must agree with.

Written from the rules, not from the lakehouse: it imports neither the engine nor the domain, so
that a mistake there cannot repeat itself here. Money is Decimal pounds, rounded half up.
"""

import csv
import gzip
import re
from collections import Counter, defaultdict, namedtuple
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

CHARGE_CODE = re.compile("(POST|DOT|M|C2|D|S|B|BANK CHARGES|AMAZONFEE|CRUK|PADS|GIFT_.*)")
MOMENT = re.compile(r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d")
SMALLEST, LARGEST = 1, 100_000
CENT, PRICE_STEP = Decimal("0.01"), Decimal("0.0001")


class Landed(
    namedtuple("Landed", "invoice code description quantity moment price customer country")
):
    """One line of a file, as text, in the order of the file's columns."""

    @property
    def product_id(self) -> str:
        return str(self.code).strip(" ").upper()

    @property
    def is_of_a_product(self) -> bool:
        return not self.invoice.startswith("A") and not CHARGE_CODE.fullmatch(self.product_id)


@dataclass(frozen=True)
class Line:
    """One kept transaction line and its one ledger entry, on its own day.

    ``amount`` is quantity x price, negative where money went back.
    """

    transaction_id: str
    customer_id: str | None
    product_id: str
    sold_on: str
    quantity: int
    line_type: str
    amount: Decimal

    @property
    def gives_back(self) -> bool:
        return self.line_type == "return" or self.amount < 0

    @property
    def units(self) -> int:
        return 0 if self.line_type == "charge" else abs(self.quantity)


@dataclass
class Totals:
    """Sums over lines; units and amounts of both directions are at least 0."""

    lines: int = 0
    gross_units: int = 0
    returned_units: int = 0
    gross_amount: Decimal = Decimal("0.00")
    returned_amount: Decimal = Decimal("0.00")

    @property
    def net_units(self) -> int:
        return self.gross_units - self.returned_units

    @property
    def net_amount(self) -> Decimal:
        return self.gross_amount - self.returned_amount

    def add(self, line: Line) -> None:
        self.lines += 1
        if line.gives_back:
            self.returned_units += line.units
            self.returned_amount += abs(line.amount)
        else:
            self.gross_units += line.units
            self.gross_amount += line.amount


@dataclass
class Expected:
    """What a build of the files must show: lines_in = lines + repeats + quarantined.

    ``by_day`` is keyed by business day (text), ``by_product_day`` by product and day;
    ``described`` holds the time and text of each product's latest description.
    """

    lines_in: int = 0
    repeats: int = 0
    quarantined: int = 0
    lines: dict[str, Line] = field(default_factory=dict)
    total: Totals = field(default_factory=Totals)
    by_day: dict[str, Totals] = field(default_factory=lambda: defaultdict(Totals))
    by_product_day: dict[tuple[str, str], Totals] = field(
        default_factory=lambda: defaultdict(Totals)
    )
    described: dict[str, tuple[str, str]] = field(default_factory=dict)
    customers: set[str] = field(default_factory=set)

    @property
    def products(self) -> dict[str, str | None]:
        """Each product's name, None where no line describes it."""
        return {code: text.strip(" ") or None for code, (_, text) in self.described.items()}

    @property
    def line_types(self) -> Counter[str]:
        return Counter(line.line_type for line in self.lines.values())


def expected(paths: Iterable[Path]) -> Expected:
    """Read the files (.csv or .csv.gz, each with its header) and work everything out."""
    result = Expected()
    for path in sorted(paths):
        landed = list(_read(path))
        numbers = _numbers(landed)
        result.lines_in += len(landed)
        for record in landed:
            line = judge(record, numbers[record])
            if line is None:
                result.quarantined += 1
            elif line.transaction_id in result.lines:
                result.repeats += 1
            else:
                _keep(result, record, line)
    return result


def _read(path: Path) -> Iterator[Landed]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        yield from (Landed(*row) for row in rows)


def _numbers(landed: list[Landed]) -> dict[Landed, int]:
    """The place of each distinct line, in text order, among those of its invoice and code."""
    groups: dict[tuple[str, str], list[Landed]] = defaultdict(list)
    for record in sorted(set(landed)):
        groups[(record.invoice, record.product_id)].append(record)
    return {record: n for group in groups.values() for n, record in enumerate(group, start=1)}


def judge(record: Landed, number: int) -> Line | None:
    """The line that a record becomes; None where it belongs in quarantine."""
    customer = record.customer.strip(" ").removesuffix(".0")
    well_formed = (
        MOMENT.fullmatch(record.moment)
        and re.fullmatch(r"[AC]?\d{6}", record.invoice)
        and re.fullmatch(r"[0-9A-Z][0-9A-Z_ ]*", record.product_id)
        and re.fullmatch(r"(\d{5})?", customer)
        and re.fullmatch(r"-?\d+", record.quantity)
        and re.fullmatch(r"-?\d+(\.\d+)?", record.price)
    )
    if not well_formed or not SMALLEST <= abs(int(record.quantity)) <= LARGEST:
        return None
    quantity, price = int(record.quantity), Decimal(record.price)
    price = price.quantize(PRICE_STEP, ROUND_HALF_UP)
    return Line(
        transaction_id=f"{record.invoice}-{record.product_id}-{number}",
        customer_id=customer or None,
        product_id=record.product_id,
        sold_on=record.moment[:10],
        quantity=quantity,
        line_type=_line_type(record, quantity),
        amount=(quantity * price).quantize(CENT, ROUND_HALF_UP),
    )


def _line_type(record: Landed, quantity: int) -> str:
    if not record.is_of_a_product:
        return "charge"
    if record.invoice.startswith("C"):
        return "return"
    return "charge" if quantity < 0 else "sale"


def _keep(result: Expected, record: Landed, line: Line) -> None:
    """Add a line, its customer and its product, which a write-off names but does not describe."""
    result.lines[line.transaction_id] = line
    result.total.add(line)
    result.by_day[line.sold_on].add(line)
    result.by_product_day[(line.product_id, line.sold_on)].add(line)
    if line.customer_id:
        result.customers.add(line.customer_id)
    if record.is_of_a_product:
        latest = result.described.setdefault(line.product_id, ("", ""))
        if record.description.strip(" ") and line.line_type != "charge":
            latest = max(latest, (record.moment, record.description))
        result.described[line.product_id] = latest
