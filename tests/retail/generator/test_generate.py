"""The generated retailer: the same for a seed, true to its demand, consistent in itself."""

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from end_to_end.lakes import over_files
from pyspark.sql import SparkSession
from rows import SETTINGS

from lakehouse import LakehouseError
from lakehouse.conf import load
from retail.generator import generate, request, truth
from retail.generator.world import day_number, world_of

# A line's life: in store it ends where it begins; the others go on until they are handed over.
PATHS = [
    "delivered returned",
    "pending cancelled",
    "pending confirmed delivered returned",
    "pending confirmed shipped delivered returned",
]


@pytest.fixture(scope="module")
def small(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days of one store with all products."""
    folder = tmp_path_factory.mktemp("small")
    generate(spark, folder, request(load("local"), days=9, scale="0.0005"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*.parquet")}


def test_the_same_seed_makes_the_same_files_to_the_byte(
    spark: SparkSession, generated: Path, tmp_path: Path
) -> None:
    generate(spark, tmp_path, request(load("local"), days=3))
    assert contents(tmp_path) == contents(generated)


def test_units_sold_are_the_demand_that_plain_python_computes(generated: Path) -> None:
    sold = over_files(
        """SELECT store_id, product_id, sold_on, sum(quantity)
           FROM (SELECT DISTINCT transaction_id, store_id, product_id, quantity,
                        transaction_date::DATE AS sold_on FROM lines)
           GROUP BY ALL""",
        lines=f"{generated}/transactions/*.parquet",
    )
    units = {(int(s[4:]), int(p[4:]), day_number(d)): u for s, p, d, u in sold}
    world = world_of(42, "default")
    days = sorted({day for _, _, day in units})
    assert len(days) == 3
    picked = random.Random(1)
    some = [(5, 1, days[0])] + [
        (picked.randint(1, 50), picked.randint(1, 500), picked.choice(days)) for _ in range(3_000)
    ]
    assert {key: units.get(key, 0) for key in some} == {
        key: truth.demand(world, *key) for key in some
    }


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


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"days": 0}, "--days 0 is no number of days"),
        ({"end_date": date(2019, 1, 1)}, "reach outside 2020-01-01 to"),
        ({"scale": "nan"}, "--scale nan is no scale; expected default"),
        ({"scale": "2"}, "between 0.0005 and 1"),
        ({"scale": "much"}, "--scale much is no scale"),
    ],
)
def test_what_cannot_be_generated_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(LakehouseError, match=said):
        request(load("local"), **asked)
