"""The oracle against figures worked out by hand on the sample (data/README.md shows the sums)."""

from decimal import Decimal
from pathlib import Path

import pytest
from oracles.online_retail import Expected, Landed, Totals, expected, judge
from places import SAMPLE

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


@pytest.fixture(scope="module")
def sample() -> Expected:
    return expected(SAMPLE.glob("*.csv"))


def test_every_line_is_kept_repeated_or_quarantined(sample: Expected) -> None:
    assert (sample.lines_in, len(sample.lines), sample.repeats) == (220, 215, 5)
    assert sample.quarantined == 0


def test_line_types(sample: Expected) -> None:
    assert sample.line_types == {"sale": 189, "charge": 19, "return": 7}


@pytest.mark.parametrize(
    ("day", "lines", "gross_units", "returned_units", "gross_amount", "returned_amount", "net"),
    [
        ("2011-03-25", 78, 330, 1, "1494.48", "12.49", "1481.99"),
        ("2011-03-27", 65, 245, 4, "1523.62", "637.50", "886.12"),
        ("2011-03-28", 72, 50472, 50020, "2481.50", "581.24", "1900.26"),
    ],
)
def test_totals_of_a_day(
    sample: Expected,
    day: str,
    lines: int,
    gross_units: int,
    returned_units: int,
    gross_amount: str,
    returned_amount: str,
    net: str,
) -> None:
    total = sample.by_day[day]
    assert total == Totals(
        lines, gross_units, returned_units, Decimal(gross_amount), Decimal(returned_amount)
    )
    assert total.net_amount == Decimal(net)
    assert total.net_units == gross_units - returned_units


def test_totals_of_a_product_and_day(sample: Expected) -> None:
    jug = sample.by_product_day[("31001", "2011-03-25")]
    assert jug == Totals(5, 7, 1, Decimal("17.50"), Decimal("2.50"))


def test_days_and_products_add_up_to_the_total(sample: Expected) -> None:
    assert sample.total.net_amount == Decimal("4268.37")
    for parts in (sample.by_day.values(), sample.by_product_day.values()):
        assert sum(part.net_amount for part in parts) == sample.total.net_amount


def test_a_line_repeated_three_times_is_one_line(sample: Expected) -> None:
    four, one = sample.lines["600020-31001-2"], sample.lines["600020-31001-1"]
    assert (four.quantity, one.quantity) == (4, 1)  # numbered in text order


def test_codes_that_differ_by_letter_case_are_one_product(sample: Expected) -> None:
    assert {"600022-31002B-1", "600022-31002B-2"} <= sample.lines.keys()
    assert "31002b" not in sample.products


@pytest.mark.parametrize(
    ("transaction_id", "line_type", "units", "amount"),
    [
        ("C600030-31001-1", "return", 1, "-2.50"),
        ("C600060-31004-1", "return", 12, "-48.00"),  # more than the 3 sold
        ("C600061-POST-1", "charge", 0, "-18.00"),  # postage given back
        ("600027-31001-1", "charge", 0, "0.00"),  # written off
        ("600026-31008-1", "sale", 1, "0.00"),
        ("A600052-B-1", "charge", 0, "-500.00"),
        ("600045-GIFT_0001_20-1", "charge", 0, "16.67"),
        ("600053-DCGS0102-1", "sale", 5, "6.00"),
        ("600029-31011-1", "sale", 15, "2.03"),  # 2.025
        ("C600070-31011-1", "return", 1, "-0.13"),  # -0.125
        ("600046-PADS-1", "charge", 0, "0.00"),  # 0.001
    ],
)
def test_a_line_by_its_rule(
    sample: Expected, transaction_id: str, line_type: str, units: int, amount: str
) -> None:
    line = sample.lines[transaction_id]
    assert (line.line_type, line.units, line.amount) == (line_type, units, Decimal(amount))


def test_products_carry_their_latest_description(sample: Expected) -> None:
    assert len(sample.products) == 39
    assert sample.products["31003"] == "BLUE ENAMEL KETTLE"  # the day after has none
    assert sample.products["31001"] == "CREAM CLAY  JUG"  # not the write-off's "?"
    assert sample.products["31012"] == "RAFFIA BASKET, ROUND"  # later, though higher in its file
    assert sample.products["31007"] == 'SHELF 12" OAK, WHITE'
    unnamed = {code for code, name in sample.products.items() if name is None}
    assert unnamed == {"31008", "31009", "31014"}


def test_customers_come_from_the_lines(sample: Expected) -> None:
    assert len(sample.customers) == 12
    assert sample.lines["600001-22001-1"].customer_id == "14001"
    assert sample.lines["600004-47501-1"].customer_id is None


def _landed(**change: str) -> Landed:
    """A record that is well, on the upper bound of quantity, but for the change."""
    good = Landed("600001", "22001", "ROSE TEA TOWEL", "100000", "2011-03-25 08:32:00", "0.85",
                  "14001.0", "United Kingdom")  # fmt: skip
    return good._replace(**change)


def test_a_debt_corrected_on_a_product_code_is_a_charge() -> None:
    line = judge(_landed(invoice="A600001"), 1)
    assert line
    assert (line.line_type, line.units) == ("charge", 0)


def test_a_return_at_price_0_gives_units_back() -> None:
    line = judge(_landed(invoice="C600001", quantity="-2", price="0.0"), 1)
    total = Totals()
    assert line
    total.add(line)
    assert (total.gross_units, total.returned_units, total.net_units) == (0, 2, -2)


def test_a_price_has_four_digits_rounded_half_up() -> None:
    line = judge(_landed(price="0.00005"), 1)
    assert line
    assert line.amount == Decimal("10.00")


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "0"},
        {"quantity": "100001"},
        {"quantity": "-100001"},
        {"quantity": "6.5"},
        {"price": "free"},
        {"moment": "25/03/2011 08:32"},
        {"customer": "fourteen"},
        {"code": " "},
        {"invoice": "X600001"},
    ],
)
def test_a_record_that_breaks_its_contract_is_quarantined(change: dict[str, str]) -> None:
    assert judge(_landed(), 1) is not None
    assert judge(_landed(**change), 1) is None


def test_rejected_lines_are_no_repeats(tmp_path: Path) -> None:
    bad = "600001,22001,ROSE TEA TOWEL,0,2011-03-25 08:32:00,0.85,14001.0,United Kingdom"
    good = bad.replace(",0,", ",1,")
    path = tmp_path / "2011-03-25.csv"
    path.write_text("\n".join([HEADER, bad, bad, good, good, ""]))
    found = expected([path])
    assert (found.lines_in, len(found.lines), found.repeats, found.quarantined) == (4, 1, 1, 2)


def test_lines_of_an_invoice_and_code_are_numbered_in_text_order(tmp_path: Path) -> None:
    landed = [
        f"600001,22001,TEA TOWEL,{quantity},2011-03-25 08:32:00,0.85,,United Kingdom"
        for quantity in (9, 10, 3, 2, 7, 1, 30, 8)
    ]
    path = tmp_path / "2011-03-25.csv"
    path.write_text("\n".join([HEADER, *landed, ""]))
    lines = expected([path]).lines
    assert [lines[f"600001-22001-{n}"].quantity for n in range(1, 9)] == [1, 10, 2, 3, 30, 7, 8, 9]
