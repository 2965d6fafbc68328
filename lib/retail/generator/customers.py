"""Customers: who lives near which store, and how their loyalty tier moves.

Customer numbers run over the stores in turn: number - 1 = (store - 1) + stores x place, and every
tenth place is a pro's, so that a basket finds a customer of its store without a join.
"""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retail.generator.files import by_file
from retail.generator.hashing import div, draw, numbers, texts, whole
from retail.generator.ids import id_of
from retail.generator.masters import city, zip_code
from retail.generator.places import CITIES
from retail.generator.pools import Pools
from retail.generator.timeline import (
    State,
    changed,
    moment,
    recurring,
    with_days,
)
from retail.generator.world import NEWCOMER_DAYS, NEWCOMERS_FROM, World, day_number

PRO_PLACE = 7
# Every twentieth decade of places registers in the newcomers' days.
NEW_DECADE, DECADES = 9, 20
TIERS = ("bronze", "silver", "gold", "pro_xtra")
CONSUMER_TIERS = (0, 0, 0, 0, 0, 0, 1, 1, 1, 2)
PRO_TIERS = (1, 1, 2, 2, 2, 3, 3, 3, 3, 3)
MAIL = ("example.com", "example.org", "example.net")


def registered(world: World, customer: Column) -> Column:
    """The day a customer registered."""
    decade = div(div(customer - 1, world.stores), 10)
    start = day_number(NEWCOMERS_FROM)
    newcomer = decade % DECADES == NEW_DECADE
    return F.when(
        newcomer, start + draw(world.seed, "registered", NEWCOMER_DAYS, customer)
    ).otherwise(start - 200 - draw(world.seed, "registered", 2_500, customer))


def shopper(world: World, store: Column, day: Column, basket: Column, pro: Column) -> Column:
    """The customer of a basket, one of its store's: some come often, most seldom."""
    key = (store, day, basket)
    skew = draw(world.seed, "shopper", world.decades, *key) * (
        1 + draw(world.seed, "habit", 1024, *key)
    )
    consumer = draw(world.seed, "consumer", 9, *key)
    consumer = consumer + F.when(consumer >= PRO_PLACE, 1).otherwise(0)
    place = F.when(pro, whole(PRO_PLACE)).otherwise(consumer)
    chosen = store + world.stores * (10 * F.shiftright(skew, 10) + place)
    unknown_yet = registered(world, chosen) > day
    return F.when(unknown_yet, store + world.stores * place).otherwise(chosen)


def customers(spark: SparkSession, world: World, names: Pools, start: int, end: int) -> DataFrame:
    """One row per customer and day of a change: registration, another tier."""
    no, day = F.col("no"), F.col("day")
    period = 150 + draw(world.seed, "tier period", 150, no)
    phase = draw(world.seed, "tier phase", 300, no)
    pro = div(no - 1, world.stores) % 10 == PRO_PLACE

    def since(on: Column) -> Column:
        return (on + phase) % period

    def state(on: Column) -> State:
        luck = draw(world.seed, "tier", 10, no, on - since(on))
        tier = F.when(pro, numbers(PRO_TIERS, luck)).otherwise(numbers(CONSUMER_TIERS, luck))
        return {"loyalty_tier": texts(TIERS, tier)}

    def exists(on: Column) -> Column:
        return registered(world, no) <= on

    first = whole(start)
    new = F.filter(F.array(registered(world, no)), lambda on: (on > start) & (on <= end))
    changes = F.concat(recurring(first - since(first), period, start, end), new)
    numbered = spark.range(1, world.customers + 1, 1, 2).withColumnRenamed("id", "no")
    rows = with_days(numbered, start, changes).where(changed(start, exists, state))
    joined = registered(world, no)
    return by_file(rows, day, start, end, "no").select(
        id_of("customer", no).alias("customer_id"),
        F.when(pro, "pro").otherwise("consumer").alias("customer_type"),
        *_person(world, names, no),
        moment(joined).alias("created_at"),
        state(day)["loyalty_tier"].alias("loyalty_tier"),
        moment(F.greatest(joined, day - since(day))).alias("updated_at"),
    )


def _person(world: World, names: Pools, no: Column) -> list[Column]:
    """Names, mail and home of a customer; the home is the city of their store."""
    first = texts(names.first_names, draw(world.seed, "first name", len(names.first_names), no))
    last = texts(names.last_names, draw(world.seed, "last name", len(names.last_names), no))
    host = texts(MAIL, draw(world.seed, "mail", len(MAIL), no))
    place = city((no - 1) % world.stores + 1)
    mail = F.concat(F.lower(first), F.lit("."), F.lower(last), no, F.lit("@"), host)
    return [
        mail.alias("email"),
        first.alias("first_name"),
        last.alias("last_name"),
        texts([c.name for c in CITIES], place).alias("city"),
        texts([c.state for c in CITIES], place).alias("state"),
        zip_code(world, place, no),
    ]
