"""The generated retailer: the same for a seed, true to its demand and stock, consistent in itself."""

import doctest
import random
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from end_to_end.lakes import over_files
from places import LAST_DAY
from rows import SETTINGS

from lakehouse import LakehouseError
from lakehouse.conf import load
from retail.generator import generate, hashing, request, summary, truth
from retail.generator.world import day_number, world_of

# A line's life: in store it ends where it begins; the others go on until they are handed over.
PATHS = [
    "delivered returned",
    "pending cancelled",
    "pending confirmed delivered returned",
    "pending confirmed shipped delivered returned",
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days of one store with all products."""
    folder = tmp_path_factory.mktemp("small")
    generate(folder, request(load("local"), days=9, scale="0.0005"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*.parquet")}


def test_the_same_seed_makes_the_same_files_to_the_byte(generated: Path, tmp_path: Path) -> None:
    generate(tmp_path, request(load("local"), days=3, end_date=LAST_DAY))
    assert contents(tmp_path) == contents(generated)


def test_the_example_of_a_draw_holds() -> None:
    assert doctest.testmod(hashing) == (0, 1)


def test_sales_and_stock_are_what_plain_python_computes(generated: Path) -> None:
    sold = over_files(
        """SELECT store_id, product_id, sold_on, sum(quantity)
           FROM (SELECT DISTINCT transaction_id, store_id, product_id, quantity,
                        transaction_date::DATE AS sold_on FROM lines)
           GROUP BY ALL""",
        lines=f"{generated}/transactions/*.parquet",
    )
    counted = over_files(
        "SELECT store_id, product_id, snapshot_date, quantity_available FROM counts",
        counts=f"{generated}/inventory_snapshots/*.parquet",
    )
    units = {(int(s[4:]), int(p[4:]), day_number(d)): u for s, p, d, u in sold}
    left = {(int(s[4:]), int(p[4:]), day_number(d)): u for s, p, d, u in counted}
    world = world_of(42, "default")
    days = sorted({day for _, _, day in units})
    assert len(days) == 3
    picked = random.Random(1)
    some = [(5, 1, days[0])] + [
        (picked.randint(1, 50), picked.randint(1, 500), picked.choice(days)) for _ in range(3_000)
    ]
    expected = {key: truth.shelf(world, *key) for key in some}
    assert {key: (units.get(key, 0), left.get(key, 0)) for key in some} == expected
    lost = [key for key in some if expected[key][0] < truth.demand(world, *key)]
    assert len(lost) > 10
    assert all(left.get(key, 0) == 0 for key in lost)


def test_stock_moves_by_sales_and_one_delivery_a_week(small: Path) -> None:
    moved = over_files(
        """WITH sold AS (
               SELECT product_id, transaction_date::DATE AS on_day, sum(quantity) AS units
               FROM (SELECT DISTINCT transaction_id, product_id, transaction_date, quantity,
                            fulfillment_type FROM lines)
               WHERE fulfillment_type <> 'ship_to_home' GROUP BY ALL
           ), moves AS (
               SELECT c.product_id, dayofweek(snapshot_date) AS weekday,
                      quantity_available - lag(quantity_available) OVER days
                          + coalesce(units, 0) AS delivered
               FROM counts c LEFT JOIN sold s ON s.product_id = c.product_id
                    AND on_day = snapshot_date
               WINDOW days AS (PARTITION BY c.product_id ORDER BY snapshot_date)
           )
           SELECT max(weekdays), sum(delivered) > 0 FROM (
               SELECT sum(delivered) AS delivered,
                      count(DISTINCT weekday) FILTER (delivered <> 0) AS weekdays
               FROM moves GROUP BY product_id)""",
        lines=f"{small}/transactions/*.parquet",
        counts=f"{small}/inventory_snapshots/*.parquet",
    )
    assert moved == [(1, True)]


def test_what_waits_for_pick_up_is_reserved(small: Path) -> None:
    differing = over_files(
        """WITH picked AS (
               SELECT product_id, any_value(quantity) AS units, min(transaction_date)::DATE AS placed,
                      min(parse_filename(filename, true)::DATE)
                          FILTER (order_status = 'cancelled') AS cancelled
               FROM lines WHERE fulfillment_type = 'bopis' GROUP BY transaction_id, product_id
           ), held AS (
               SELECT product_id, unnest([placed, placed + 1]) AS on_day, units, cancelled
               FROM picked
           ), reserved AS (
               SELECT product_id, on_day, sum(units) AS units FROM held
               WHERE on_day < coalesce(cancelled, '9999-01-01') GROUP BY ALL
           )
           SELECT count(*) FILTER (quantity_reserved <> coalesce(units, 0)),
                  count(*) FILTER (quantity_on_hand <> quantity_available + quantity_reserved),
                  count(units) > 20
           FROM counts c LEFT JOIN reserved r ON r.product_id = c.product_id
                AND on_day = snapshot_date
           WHERE snapshot_date > (SELECT min(snapshot_date) FROM counts)""",
        lines=f"{small}/transactions/*.parquet",
        counts=f"{small}/inventory_snapshots/*.parquet",
    )
    assert differing == [(0, 0, True)]


def test_each_online_order_ends_a_visit_of_its_customer(generated: Path) -> None:
    """Those placed, by UTC, on the days generated; the visits before them are there too."""
    lost = over_files(
        """WITH placed AS (
               SELECT DISTINCT order_id, customer_id, min(updated_at) OVER (PARTITION BY order_id) AS moment
               FROM lines WHERE channel <> 'in_store'
           ), bought AS (
               SELECT customer_id, event_timestamp AS moment FROM events WHERE event_type = 'purchase'
           ), days AS (
               SELECT min(parse_filename(filename, true)::DATE) AS first,
                      max(parse_filename(filename, true)::DATE) AS last FROM events
           )
           SELECT count(*) FILTER (b.moment IS NULL), count(b.moment) > 1_000
           FROM placed p LEFT JOIN bought b USING (customer_id, moment), days
           WHERE p.moment - INTERVAL 15 MINUTE >= first AND p.moment::DATE <= last""",
        lines=f"{generated}/transactions/*.parquet",
        events=f"{generated}/page_views/*.parquet",
    )
    assert lost == [(0, True)]


def test_visits_lead_to_the_store(small: Path) -> None:
    """Visits that order nothing: more of them than when they are dealt to the customers by lot."""
    visits = over_files(
        """SELECT customer_id, min(event_timestamp)::DATE FROM events
           WHERE customer_id IS NOT NULL GROUP BY session_id, customer_id
           HAVING NOT bool_or(event_type = 'purchase') ORDER BY session_id""",
        events=f"{small}/page_views/*.parquet",
    )
    bought = over_files(
        """SELECT DISTINCT customer_id, transaction_date::DATE FROM lines
           WHERE channel = 'in_store' AND customer_id IS NOT NULL""",
        lines=f"{small}/transactions/*.parquet",
    )
    orders = set(bought)
    soon = [timedelta(n) for n in range(1, 7)]

    def led(pairs: Iterable[tuple[str, date]]) -> int:
        return sum(any((customer, day + n) in orders for n in soon) for customer, day in pairs)

    customers, days = zip(*visits, strict=True)
    lot = random.Random(3)
    by_lot = [zip(lot.sample(customers, len(customers)), days, strict=True) for _ in range(5)]
    assert led(visits) > 1.05 * max(led(pairs) for pairs in by_lot) > 1_000


def test_a_store_ranges_two_products_in_five_by_default_and_all_by_scale(
    generated: Path, small: Path
) -> None:
    """Of the products that were listed before the first day and stayed so."""

    def shares(folder: Path) -> tuple[float, ...]:
        [found] = over_files(
            """WITH listed AS (
                   SELECT product_id FROM products GROUP BY product_id
                   HAVING bool_and(is_active)
                      AND max(updated_at)::DATE < (SELECT min(snapshot_date) FROM counts)
               ), ranged AS (
                   SELECT count(DISTINCT product_id) / (SELECT count(*) FROM listed) AS share
                   FROM counts SEMI JOIN listed USING (product_id) GROUP BY store_id
               )
               SELECT min(share), avg(share), max(share) FROM ranged""",
            counts=f"{folder}/inventory_snapshots/*.parquet",
            products=f"{folder}/products/*.parquet",
        )
        return found

    least, mean, most = shares(generated)
    assert 0.35 < least < most < 0.46
    assert mean == pytest.approx(0.4, abs=0.01)
    assert shares(small) == (1, 1, 1)


def test_a_visit_lies_in_the_file_of_the_day_it_began(generated: Path) -> None:
    strays = over_files(
        """SELECT count(*) FROM (
               SELECT session_id FROM events GROUP BY session_id
               HAVING count(DISTINCT filename) > 1
                   OR min(event_timestamp)::DATE <> any_value(parse_filename(filename, true))::DATE
                   OR count(*) <> count(DISTINCT event_id))""",
        events=f"{generated}/page_views/*.parquet",
    )
    assert strays == [(0,)]


def test_a_line_s_status_moves_along_its_path_in_later_files(small: Path) -> None:
    lives = over_files(
        """SELECT string_agg(order_status, ' ' ORDER BY filename, updated_at), count(*),
                  count(DISTINCT filename), min(updated_at) = first(updated_at ORDER BY filename)
           FROM lines GROUP BY transaction_id""",
        lines=f"{small}/transactions/*.parquet",
    )
    assert {len(life.split()) for life, *_ in lives} == {1, 2, 3, 4, 5}
    for life, records, files, in_order in lives:
        assert any(path.startswith(life) for path in PATHS), life
        assert (files, in_order) == (records, True)


def test_later_master_files_hold_what_changed_and_nothing_else(small: Path) -> None:
    masters = {
        "products": "product_id, unit_price, unit_cost, is_active",
        "customers": "customer_id, loyalty_tier",
        "stores": "store_id, square_footage",
    }
    for entity, columns in masters.items():
        key, values = columns.split(", ", 1)
        rows = over_files(
            f"""SELECT count(*), count(*) FILTER (state = before), count(before)
                FROM (SELECT ({values}) AS state,
                             lag(state) OVER (PARTITION BY {key} ORDER BY filename) AS before
                      FROM files)""",
            files=f"{small}/{entity}/*.parquet",
        )
        assert rows[0][1] == 0, entity
        assert entity == "stores" or rows[0][2] > 0, entity


def test_an_order_has_one_customer_one_channel_and_one_store(generated: Path) -> None:
    mixed = over_files(
        """SELECT order_id FROM lines GROUP BY order_id
           HAVING count(DISTINCT coalesce(customer_id, '')) > 1 OR count(DISTINCT channel) > 1
               OR count(DISTINCT store_id) > 1 OR count(DISTINCT fulfillment_type) > 1""",
        lines=f"{generated}/transactions/*.parquet",
    )
    assert mixed == []


def test_ids_are_those_of_the_contracts(generated: Path) -> None:
    for column, pattern in SETTINGS["ids"].items():
        files = "transactions" if column[:-3] in ("order", "transaction") else column[:-3] + "s"
        strange = over_files(
            f"SELECT count(*) FROM files WHERE NOT regexp_matches({column}, '{pattern}')",
            files=f"{generated}/{files}/*.parquet",
        )
        assert strange == [(0,)], column


@pytest.fixture(scope="module")
def summed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Ten days of one store, many lines late; and the same days summed up before an eleventh."""
    lines, sums = (tmp_path_factory.mktemp(name) for name in ("lines", "sums"))
    one = {"scale": "0.0005", "late": 0.2, "entities": ["transactions"]}
    generate(lines, request(load("local"), 10, end_date=date(2026, 6, 29), **one))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "SUMMED_DAYS", 10)
        generate(sums, request(load("local"), 1, history="summary", **one))
    return lines, sums


def test_days_summed_up_hold_what_their_files_tell(summed: tuple[Path, Path]) -> None:
    lines, sums = summed
    differing = over_files(
        """WITH newest AS (
               SELECT *, max(CASE WHEN order_status = 'returned' THEN updated_at::DATE END)
                             OVER (PARTITION BY transaction_id) AS back_on
               FROM lines
               QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY filename DESC) = 1
           ), kept AS (SELECT * FROM newest WHERE order_status <> 'cancelled'
           ), entries AS (
               SELECT *, transaction_date::DATE AS on_day, true AS sells FROM kept
               UNION ALL SELECT *, back_on, false FROM kept WHERE back_on IS NOT NULL
           ), expected AS (
               SELECT store_id, product_id, coalesce(sum(quantity) FILTER (sells), 0)::BIGINT,
                      coalesce(sum(quantity) FILTER (NOT sells), 0)::BIGINT,
                      sum(CASE WHEN sells THEN quantity ELSE -quantity END)::BIGINT,
                      coalesce(sum(total_amount) FILTER (sells), 0),
                      coalesce(sum(total_amount) FILTER (NOT sells), 0),
                      sum(CASE WHEN sells THEN total_amount ELSE -total_amount END),
                      coalesce(sum(discount_amount) FILTER (sells), 0), count(*) FILTER (sells),
                      count(DISTINCT order_id) FILTER (sells), on_day
               FROM entries GROUP BY ALL
           ), found AS (SELECT * EXCLUDE (filename, store_range) FROM sums)
           SELECT (SELECT count(*) FROM (FROM found EXCEPT ALL FROM expected)),
                  (SELECT count(*) FROM (FROM expected EXCEPT ALL FROM found)),
                  (SELECT count(*) > 30_000 FROM found)""",
        lines=f"{lines}/transactions/*.parquet",
        sums=f"{sums}/_history/int_daily_sales/*/*/*.parquet",
    )
    assert differing == [(0, 0, True)]


def test_days_summed_up_are_what_plain_python_computes(summed: tuple[Path, Path]) -> None:
    found = over_files(
        "SELECT product_id, sold_on, gross_units, returned_units FROM sums",
        sums=f"{summed[1]}/_history/int_daily_sales/*/*/*.parquet",
    )
    units = {(int(product[4:]), day_number(day)): both for product, day, *both in found}
    world, last = world_of(42, "0.0005", 0.2), day_number(date(2026, 6, 29))
    for product in random.Random(2).sample(range(1, world.products), 100):
        sold, back = truth.units(world, 1, product, (last - 9, last), start=last + 1)
        assert {d: units.get((product, d), [0, 0]) for d in sold} == {
            d: [sold[d], back[d]] for d in sold
        }


def test_late_lines_come_in_the_files_of_later_days(summed: tuple[Path, Path]) -> None:
    late = over_files(
        """SELECT count(*) FILTER (days > 0) / count(*), max(days) FROM (
               SELECT min(parse_filename(filename, true)::DATE) - min(transaction_date)::DATE AS days
               FROM lines GROUP BY transaction_id)""",
        lines=f"{summed[0]}/transactions/*.parquet",
    )
    [(share, days)] = late
    assert 0.1 < share < 0.2
    assert days == 7


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"days": 0}, "--days 0 is no number of days"),
        ({"end_date": date(2019, 1, 1)}, "reach outside 2020-01-01 to"),
        ({"scale": "nan"}, "--scale nan is no scale; expected default"),
        ({"scale": "2"}, "between 0.0005 and 1"),
        ({"scale": "much"}, "--scale much is no scale"),
        ({"late": 1.5}, "--late 1.5 is no share"),
        ({"entities": ["orders"]}, "--entities orders is no entity"),
    ],
)
def test_what_cannot_be_generated_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(LakehouseError, match=said):
        request(load("local"), **asked)
