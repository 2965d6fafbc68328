"""Products and stores: one row per entity and day on which a file holds it."""

from collections.abc import Iterable

import numpy as np

from retail.generator import listing
from retail.generator.assortment import BRANDS, DEPARTMENTS, GROUPS, THINGS
from retail.generator.hashing import Numbers, draw
from retail.generator.ids import id_sql, text_sql
from retail.generator.places import CITIES
from retail.generator.pools import Pools
from retail.generator.rows import Rows
from retail.generator.timeline import State, changed, instant_sql, moment
from retail.generator.world import DISTRIBUTION_CENTER, FULFILLMENT_CENTER, NODE_BLOCK, World

REMODEL_PERIOD = 2_000
_THINGS = [name for d in DEPARTMENTS for names in d.groups.values() for name in names]
_BRANDS = [brand for d in DEPARTMENTS for brand in d.brands]
KINDS = ("retail", "distribution_center", "fulfillment_center")

# From the numbers of a product to the contract's columns, by DuckDB.
PRODUCTS = f"""
    SELECT {id_sql("product", "no")} AS product_id,
           'SKU' || sku || lpad(no::VARCHAR, 6, '0') AS sku,
           concat_ws(' ', {text_sql(_BRANDS, "brand")}, {text_sql(_THINGS, "thing")},
                     upper(to_base(no + 1000, 36))) AS product_name,
           {text_sql([d.name for d in DEPARTMENTS], "category")} AS category,
           {text_sql([name for d in DEPARTMENTS for name in d.groups], "kind")} AS subcategory,
           {text_sql(_BRANDS, "brand")} AS brand,
           (cents * 0.01)::DECIMAL(18, 4) AS unit_price,
           (points * 0.0001)::DECIMAL(18, 4) AS unit_cost,
           weight / 8 AS weight_lbs,
           is_active,
           {instant_sql("created")} AS created_at,
           {instant_sql("updated")} AS updated_at
    FROM numbers
"""


def city(store: Numbers) -> Numbers:
    """The place of the store's city in CITIES."""
    return (store - 1) % len(CITIES)


def zip_sql(city: str, last: str) -> str:
    """A postal code of the city, with the last two digits."""
    return f"{text_sql([c.zip_prefix for c in CITIES], city)} || lpad({last}::VARCHAR, 2, '0')"


def products(world: World, start: int, end: int) -> Rows:
    """One row per product and day of a change: price, cost, launch, discontinuation, return."""
    seed, no = world.seed, np.arange(1, world.products + 1)
    launched = listing.launch_day(world, no)

    def state(on: int) -> State:
        return {
            "cents": listing.price_cents(world, no, on),
            "points": listing.cost_points(world, no, on),
            "is_active": listing.is_active(world, no, on),
        }

    rows = changed(start, end, lambda on: launched <= on, state)
    at, day = no[rows["place"]], rows["day"]
    category = listing.department(at)
    group = category * GROUPS + (at - 1) // len(DEPARTMENTS) % GROUPS
    return rows | {
        "no": at,
        "sku": draw(seed, "sku", 9, at) + 1,
        "category": category,
        "kind": group,
        "thing": group * THINGS + draw(seed, "thing", THINGS, at),
        "brand": category * BRANDS + draw(seed, "brand", BRANDS, at),
        "weight": draw(seed, "weight", 400, at) + 2,
        "created": moment(listing.launch_day(world, at)),
        "updated": moment(np.maximum(listing.launch_day(world, at), _last_change(world, at, day))),
    }


def _last_change(world: World, no: Numbers, day: Numbers) -> Numbers:
    """The newest day on which price, cost or listing may have changed."""
    cycle = listing.days_in_cycle(world, no, day)
    listed = np.where(cycle < listing.LISTED_DAYS, cycle, cycle - listing.LISTED_DAYS)
    price = listing.days_at_price(world, no, day)
    delists = draw(world.seed, "delisted", 10, no) == 0
    return day - np.where(delists, np.minimum(listed, price), price)


def store_texts(names: Pools) -> str:
    """From the numbers of a store to the contract's columns, by DuckDB."""
    town = text_sql([c.name for c in CITIES], "city")
    return f"""
        SELECT {id_sql("store", "no")} AS store_id,
               concat_ws(' ', {town},
                         {text_sql([k.replace("_", " ").title() for k in KINDS], "kind")}, '#' || no)
                   AS store_name,
               {text_sql(KINDS, "kind")} AS store_type,
               concat_ws(' ', house, {text_sql(names.streets, "street")}) AS address,
               {town} AS city,
               {text_sql([c.state for c in CITIES], "city")} AS state,
               {zip_sql("city", "zip")} AS zip_code,
               {text_sql([c.region for c in CITIES], "city")} AS region,
               north / 100 AS latitude,
               east / 100 AS longitude,
               DATE '1970-01-01' + opened::INTEGER AS opened_date,
               (footage // 100)::INTEGER AS square_footage,
               true AS is_active,
               {instant_sql("updated")} AS updated_at
        FROM numbers
    """


def stores(world: World, names: Pools, start: int, end: int) -> Rows:
    """One row per store and day of a change: now and then one is remodelled."""
    seed, no = world.seed, np.arange(1, world.stores + 1)
    phase = draw(seed, "remodel", REMODEL_PERIOD, no)
    plot = 80_000 + 2_000 * draw(seed, "plot", 30, no)

    def state(on: int) -> State:
        level = draw(seed, "footage", 21, no, on - (on + phase) % REMODEL_PERIOD)
        return {"footage": plot * (90 + level)}

    rows = changed(start, end, lambda on: np.full(len(no), True), state)
    at, day = no[rows["place"]], rows["day"]
    position, place = at % NODE_BLOCK, city(at)
    kind = np.where(position == FULFILLMENT_CENTER, 2, 0)
    return rows | {
        "no": at,
        "kind": np.where(position == DISTRIBUTION_CENTER, 1, kind),
        "house": 100 + draw(seed, "house", 9_800, at),
        "street": draw(seed, "street", len(names.streets), at),
        "city": place,
        "zip": draw(seed, "zip", 100, at),
        "north": _hundredths(c.latitude for c in CITIES)[place] + draw(seed, "north", 21, at) - 10,
        "east": _hundredths(c.longitude for c in CITIES)[place] + draw(seed, "east", 21, at) - 10,
        "opened": 3_700 + draw(seed, "opened", 12_000, at),
        "updated": moment(day - (day + phase[rows["place"]]) % REMODEL_PERIOD),
    }


def _hundredths(degrees: Iterable[float]) -> Numbers:
    return np.array([round(degree * 100) for degree in degrees])
