"""Products and stores: one row per entity and day on which a file holds it."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retail.generator import listing
from retail.generator.assortment import BRANDS, DEPARTMENTS, GROUPS, THINGS
from retail.generator.files import by_file
from retail.generator.hashing import amount, div, draw, numbers, texts
from retail.generator.ids import id_of
from retail.generator.places import CITIES
from retail.generator.pools import Pools
from retail.generator.timeline import (
    State,
    changed,
    file_date,
    moment,
    recurring,
    with_days,
)
from retail.generator.world import DISTRIBUTION_CENTER, FULFILLMENT_CENTER, NODE_BLOCK, World

REMODEL_PERIOD = 2_000


def city(store: Column) -> Column:
    """The place of the store's city in CITIES."""
    return (store - 1) % len(CITIES)


def products(spark: SparkSession, world: World, start: int, end: int) -> DataFrame:
    """One row per product and day of a change: price, cost, launch, discontinuation, return."""
    no, day = F.col("no"), F.col("day")

    def exists(on: Column) -> Column:
        return listing.launch_day(world, no) <= on

    def state(on: Column) -> State:
        return {
            "unit_price": listing.price_cents(world, no, on),
            "unit_cost": listing.cost_points(world, no, on),
            "is_active": listing.is_active(world, no, on),
        }

    rows = with_days(_numbered(spark, world.products), start, _product_changes(world, start, end))
    now = state(day)
    launched = listing.launch_day(world, no)
    placed = by_file(rows.where(changed(start, exists, state)), day, start, end, "no")
    return placed.select(
        id_of("product", no).alias("product_id"),
        F.concat(
            F.lit("SKU"), draw(world.seed, "sku", 9, no) + 1, F.lpad(no.cast("string"), 6, "0")
        ).alias("sku"),
        *_described(world, no),
        amount(now["unit_price"], 2, 4).alias("unit_price"),
        amount(now["unit_cost"], 4, 4).alias("unit_cost"),
        ((draw(world.seed, "weight", 400, no) + 2) / F.lit(8.0)).alias("weight_lbs"),
        now["is_active"].alias("is_active"),
        moment(launched).alias("created_at"),
        moment(F.greatest(launched, _last_change(world, no, day))).alias("updated_at"),
    )


def _product_changes(world: World, start: int, end: int) -> Column:
    no, day = F.col("no"), F.lit(start).cast("bigint")
    period = listing.price_period(world, no)
    price = recurring(day - listing.days_at_price(world, no, day), period, start, end)
    cycle_start = day - listing.days_in_cycle(world, no, day)
    cycle = F.lit(listing.DELIST_CYCLE).cast("bigint")
    back = recurring(cycle_start, cycle, start, end)
    away = recurring(cycle_start + listing.LISTED_DAYS, cycle, start, end)
    launched = F.array(listing.launch_day(world, no))
    new = F.filter(launched, lambda day: (day > start) & (day <= end))
    return F.concat(price, back, away, new)


def _last_change(world: World, no: Column, day: Column) -> Column:
    """The newest day on which price, cost or listing may have changed."""
    cycle = listing.days_in_cycle(world, no, day)
    listed = F.when(cycle < listing.LISTED_DAYS, cycle).otherwise(cycle - listing.LISTED_DAYS)
    price = listing.days_at_price(world, no, day)
    delists = draw(world.seed, "delisted", 10, no) == 0
    return day - F.when(delists, F.least(listed, price)).otherwise(price)


def _described(world: World, no: Column) -> list[Column]:
    """Name, category, subcategory and brand, as catalogues have them."""
    category = listing.department(no)
    group = category * GROUPS + div(no - 1, len(DEPARTMENTS)) % GROUPS
    things = [name for d in DEPARTMENTS for names in d.groups.values() for name in names]
    thing = texts(things, group * THINGS + draw(world.seed, "thing", THINGS, no))
    brands = [brand for d in DEPARTMENTS for brand in d.brands]
    brand = texts(brands, category * BRANDS + draw(world.seed, "brand", BRANDS, no))
    model = F.upper(F.conv((no + 1_000).cast("string"), 10, 36))
    return [
        F.concat_ws(" ", brand, thing, model).alias("product_name"),
        texts([d.name for d in DEPARTMENTS], category).alias("category"),
        texts([name for d in DEPARTMENTS for name in d.groups], group).alias("subcategory"),
        brand.alias("brand"),
    ]


def stores(spark: SparkSession, world: World, names: Pools, start: int, end: int) -> DataFrame:
    """One row per store and day of a change: now and then one is remodelled."""
    no, day = F.col("no"), F.col("day")
    phase = draw(world.seed, "remodel", REMODEL_PERIOD, no)

    def since(on: Column) -> Column:
        return (on + phase) % REMODEL_PERIOD

    def state(on: Column) -> State:
        level = draw(world.seed, "footage", 21, no, on - since(on))
        return {
            "square_footage": (80_000 + 2_000 * draw(world.seed, "plot", 30, no)) * (90 + level)
        }

    first = F.lit(start).cast("bigint")
    period = F.lit(REMODEL_PERIOD).cast("bigint")
    changes = recurring(first - since(first), period, start, end)
    rows = with_days(_numbered(spark, world.stores), start, changes)
    opened = 3_700 + draw(world.seed, "opened", 12_000, no)
    kept = rows.where(changed(start, lambda on: F.lit(True), state))
    return by_file(kept, day, start, end, "no").select(
        id_of("store", no).alias("store_id"),
        *_located(world, names, no),
        file_date(opened).alias("opened_date"),
        div(state(day)["square_footage"], 100).cast("int").alias("square_footage"),
        F.lit(True).alias("is_active"),
        moment(day - since(day)).alias("updated_at"),
    )


def _located(world: World, names: Pools, no: Column) -> list[Column]:
    """Name, type and place of a store."""
    position = no % NODE_BLOCK
    kind = F.when(position == DISTRIBUTION_CENTER, "distribution_center")
    kind = kind.when(position == FULFILLMENT_CENTER, "fulfillment_center").otherwise("retail")
    place = city(no)
    town = texts([c.name for c in CITIES], place)
    number = (100 + draw(world.seed, "house", 9_800, no)).cast("string")
    street = texts(names.streets, draw(world.seed, "street", len(names.streets), no))
    north = numbers([round(c.latitude * 100) for c in CITIES], place)
    east = numbers([round(c.longitude * 100) for c in CITIES], place)
    return [
        F.concat_ws(
            " ", town, F.initcap(F.translate(kind, "_", " ")), F.concat(F.lit("#"), no)
        ).alias("store_name"),
        kind.alias("store_type"),
        F.concat_ws(" ", number, street).alias("address"),
        town.alias("city"),
        texts([c.state for c in CITIES], place).alias("state"),
        zip_code(world, place, no),
        texts([c.region for c in CITIES], place).alias("region"),
        ((north + draw(world.seed, "north", 21, no) - 10) / F.lit(100.0)).alias("latitude"),
        ((east + draw(world.seed, "east", 21, no) - 10) / F.lit(100.0)).alias("longitude"),
    ]


def zip_code(world: World, place: Column, *parts: Column) -> Column:
    """A postal code of the city."""
    last = F.lpad(draw(world.seed, "zip", 100, *parts).cast("string"), 2, "0")
    return F.concat(texts([c.zip_prefix for c in CITIES], place), last).alias("zip_code")


def _numbered(spark: SparkSession, count: int) -> DataFrame:
    return spark.range(1, count + 1, 1, 2).withColumnRenamed("id", "no")
