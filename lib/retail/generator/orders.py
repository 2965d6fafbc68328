"""Orders: demand dealt into baskets, and each line again in later files as its status moves.

Numbers travel through Spark; TRANSACTIONS makes ids, money and times of them as files are written.
"""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retail.generator.customers import shopper
from retail.generator.demand import basket, is_pro, line_count, units
from retail.generator.files import by_file
from retail.generator.hashing import div, draw, whole
from retail.generator.ids import id_sql
from retail.generator.listing import price_cents, promotion_pct
from retail.generator.masters import city
from retail.generator.timeline import hours_to_utc
from retail.generator.world import (
    DISTRIBUTION_CENTER,
    FULFILLMENT_CENTER,
    NODE_BLOCK,
    NUMBERED_FROM,
    World,
    day_number,
)
from retail.terms.status import STATUSES

# Stages of a line, places in STATUSES; a record's lag is the days from the sale to the file that tells of it.
PLACED, CONFIRMED, SHIPPED, DELIVERED, CANCELLED, RETURNED = range(6)
IN_STORE, BOPIS, SHIP_TO_HOME = range(3)
WAYS = ("in_store", "bopis", "ship_to_home")
ONLINE, APP = 1, 2
CHANNELS = ("in_store", "online", "app")
# Shops sell from 8 to 21 by their clock; offices record later stages from 14 to 23 UTC.
OPENS, OPEN_SECONDS = 8 * 3_600, 13 * 3_600
OFFICE_OPENS, OFFICE_SECONDS = 14 * 3_600, 9 * 3_600


# From the numbers of a record to the contract's columns, by DuckDB.
TRANSACTIONS = f"""
    SELECT {id_sql("transaction", "line_no")} AS transaction_id,
           {id_sql("order", "order_no")} AS order_id,
           {id_sql("customer", "customer")} AS customer_id,
           {id_sql("store", "store")} AS store_id,
           {id_sql("product", "product")} AS product_id,
           make_timestamp(sold * 1000000) AS transaction_date,
           quantity::INTEGER AS quantity,
           (price * 0.01)::DECIMAL(18, 4) AS unit_price,
           (discount * 0.01)::DECIMAL(18, 2) AS discount_amount,
           ((quantity * price - discount) * 0.01)::DECIMAL(18, 2) AS total_amount,
           CASE WHEN stage = {PLACED} AND way = {IN_STORE} THEN 'delivered'
                ELSE {list(STATUSES)}[stage + 1] END AS order_status,
           {list(CHANNELS)}[channel + 1] AS channel,
           {list(WAYS)}[way + 1] AS fulfillment_type,
           to_timestamp(updated) AS updated_at,
           {id_sql("store", "node")} AS fulfilled_from,
           'sale' AS line_type
    FROM (SELECT *, (quantity * price * pct + 50) // 100 AS discount FROM numbers)
"""


def asked_for(spark: SparkSession, world: World, start: int, end: int) -> DataFrame:
    """One row per line that someone wants, with what their basket settles, whatever is in stock."""
    return _ordered(world, _lines(spark, world, start, end))


def transactions(world: World, lines: DataFrame, start: int, end: int) -> DataFrame:
    """One row per record of a line: its sale, and every later status up to the last day.

    ``lines`` are those of shelves.filled; the ones of days before the first are left out.
    """
    kept = lines.where((F.col("day") >= start) & (F.col("quantity") > 0))
    return _placed(world, _records(world, kept, end), start, end)


def _lines(spark: SparkSession, world: World, start: int, end: int) -> DataFrame:
    """One row per line sold: day, store, product, line, basket and whether a pro's."""
    pairs = world.products * world.stores
    number = F.col("id")
    sold = spark.range(0, pairs * (end - start + 1), 1, 8).select(
        (number % world.products + 1).alias("product"),
        (div(number, world.products) % world.stores + 1).alias("store"),
        (div(number, pairs) + start).alias("day"),
    )
    store, product, day, line = (F.col(name) for name in ("store", "product", "day", "line"))
    counted = sold.withColumn("lines", line_count(world, store, product, day)).where("lines > 0")
    numbered = counted.withColumn("line", F.explode(F.sequence(whole(0), F.col("lines") - 1)))
    dealt = numbered.withColumn("basket", basket(world, store, product, day, line))
    return dealt.withColumn("pro", is_pro(world, store, day, F.col("basket")))


def _channel(world: World, store: Column, day: Column, basket_no: Column) -> Column:
    """What settles a basket's channel and way: below 170 in store, then online, from 190 the app."""
    return draw(world.seed, "channel", 200, store, day, basket_no)


def way(world: World, store: Column, day: Column, basket_no: Column) -> Column:
    """How a basket's goods reach the customer, a place in WAYS."""
    luck = _channel(world, store, day, basket_no)
    return F.when(luck < 170, IN_STORE).when(luck % 20 < 9, BOPIS).otherwise(SHIP_TO_HOME)


def anonymous(world: World, store: Column, day: Column, basket_no: Column, pro: Column) -> Column:
    """Whether the customer stays unknown: a quarter of the baskets in store, no pro's."""
    return (_channel(world, store, day, basket_no) < 43) & ~pro


def sale_number(store: Column, day: Column) -> Column:
    """A number for the store and day."""
    return (day - day_number(NUMBERED_FROM)) * 10_000 + store


def _ordered(world: World, lines: DataFrame) -> DataFrame:
    """Lines with what their basket settles (customer, channel, way) and their own amounts."""
    seed = world.seed
    store, product, day = F.col("store"), F.col("product"), F.col("day")
    key = (store, day, F.col("basket"))
    line_key = (store, product, day, F.col("line"))
    luck = _channel(world, *key)
    unknown = anonymous(world, *key, F.col("pro"))
    sale_no = sale_number(store, day)
    return lines.select(
        store,
        product,
        day,
        "line",
        (sale_no * 10_000 + F.col("basket")).alias("order_no"),
        (sale_no * 10_000_000 + product * 100 + F.col("line")).alias("line_no"),
        F.when(~unknown, shopper(world, *key, F.col("pro"))).alias("customer"),
        way(world, *key).alias("way"),
        F.when(luck < 170, IN_STORE).when(luck < 190, ONLINE).otherwise(APP).alias("channel"),
        units(world, *line_key, F.col("pro")).alias("quantity"),
        price_cents(world, product, day).alias("price"),
        promotion_pct(world, product, day).alias("pct"),
        (draw(seed, "cancelled", 100, *key) < 3).alias("cancels"),
        (draw(seed, "returned", 100, *line_key) < 4).alias("returns"),
        draw(seed, "pace", 1 << 30, *key).alias("pace"),
        draw(seed, "return day", 12, *line_key).alias("return_day"),
    )


def _records(world: World, lines: DataFrame, end: int) -> DataFrame:
    """One row per line and status that a file of the days generated tells of."""
    return (
        lines.withColumn("stage", F.explode(_stages()))
        .withColumn("lag", _lag(F.col("stage")))
        .where(F.col("day") + F.col("lag") <= end)
        .drop("cancels", "returns", "return_day")
    )


def _stages() -> Column:
    """The stages that a line reaches, by its way; an in-store sale is delivered as it is placed."""

    def path(*stages: int) -> Column:
        return F.when(F.col("returns"), _fixed(*stages, RETURNED)).otherwise(_fixed(*stages))

    way = F.col("way")
    return (
        F.when(way == IN_STORE, path(PLACED))
        .when(F.col("cancels"), _fixed(PLACED, CANCELLED))
        .when(way == BOPIS, path(PLACED, CONFIRMED, DELIVERED))
        .otherwise(path(PLACED, CONFIRMED, SHIPPED, DELIVERED))
    )


def _fixed(*stages: int) -> Column:
    return F.array(*[F.lit(stage) for stage in stages])


def _lag(stage: Column) -> Column:
    """Days from the sale to a stage."""
    way, pace = F.col("way"), F.col("pace")
    shipped = 2 + pace % 2
    delivered = (
        F.when(way == SHIP_TO_HOME, shipped + 1 + div(pace, 2) % 3)
        .when(way == BOPIS, whole(2))
        .otherwise(whole(0))
    )
    return (
        F.when(stage == PLACED, whole(0))
        .when(stage == CONFIRMED, whole(1))
        .when(stage == SHIPPED, shipped)
        .when(stage == CANCELLED, 1 + pace % 2)
        .when(stage == DELIVERED, delivered)
        .otherwise(delivered + 2 + F.col("return_day"))
    )


def _placed(world: World, records: DataFrame, start: int, end: int) -> DataFrame:
    """Records in numbers, one partition a file, ordered by line and status."""
    told = F.col("day") + F.col("lag")
    placed = by_file(records, told, start, end, "line_no", "stage")
    kept = ("line_no", "order_no", "customer", "store", "product", "quantity", "price", "pct")
    return placed.select(
        *kept,
        *("stage", "way", "channel"),
        sold_second().alias("sold"),
        _updated_second(start, end).alias("updated"),
        F.when(F.col("way") == SHIP_TO_HOME, _node(world)).alias("node"),
    )


def sold_second() -> Column:
    """Second of the sale by the store's clock, since 1970-01-01."""
    return F.col("day") * 86_400 + OPENS + F.col("pace") % OPEN_SECONDS


def _updated_second(start: int, end: int) -> Column:
    """The sale's own instant, then some time in the office hours of the file's day (UTC)."""
    ahead = hours_to_utc(city(F.col("store")), F.col("day"), start, end) * 3_600
    later = (F.col("day") + F.col("lag")) * 86_400 + OFFICE_OPENS
    minute = (F.col("pace") + F.col("stage") * 977) % OFFICE_SECONDS
    placed = F.col("stage") == PLACED
    return F.when(placed, sold_second() + ahead).otherwise(later + minute)


def _node(world: World) -> Column:
    """The centre that ships an order: one of the two in the store's block of fifty, if it is there."""
    block = div(F.col("store") - 1, NODE_BLOCK) * NODE_BLOCK
    position = F.when(F.col("pace") % 5 < 2, DISTRIBUTION_CENTER).otherwise(FULFILLMENT_CENTER)
    node = F.when(block + FULFILLMENT_CENTER <= world.stores, block + position).otherwise(position)
    return F.when(node <= world.stores, node)
