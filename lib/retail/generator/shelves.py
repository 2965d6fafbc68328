"""Shelves: stock that is delivered, taken and, at times, not enough.

Each store and product has a delivery day of the week of its own; that morning the shelf is filled
to its level (or, as a season ends, brought down to it), so what is left at a close needs no more
than seven days of demand. Goods picked up
are held from the order until they are handed over. Shipped lines leave from a centre, not from a
shelf; what is returned or cancelled goes back to the supplier.
"""

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from retail.generator.demand import is_ranged, is_retail, usual_rate
from retail.generator.files import by_file
from retail.generator.hashing import div, draw, whole
from retail.generator.ids import id_sql
from retail.generator.listing import is_sold
from retail.generator.orders import BOPIS, SHIP_TO_HOME
from retail.generator.world import World

# Days before the first whose demand its stock depends on.
DAYS_BEFORE = 6
# Units on a line on average, in 1/1024: QUANTITIES, and the larger ones of pros.
_UNITS_A_LINE = 2_785
_PAIR = ("store", "product")

# From the numbers of a closing to the contract's columns, by DuckDB; daily is in units / 1,024.
INVENTORY_SNAPSHOTS = f"""
    SELECT DATE '1970-01-01' + day::INTEGER AS snapshot_date,
           {id_sql("store", "store")} AS store_id,
           {id_sql("product", "product")} AS product_id,
           (available + reserved)::INTEGER AS quantity_on_hand,
           reserved::INTEGER AS quantity_reserved,
           available::INTEGER AS quantity_available,
           (daily * 3 // 1024 + 1)::INTEGER AS reorder_point,
           (daily * 3 // 2048)::INTEGER AS safety_stock,
           (available * 10240 // daily) / 10 AS days_of_supply
    FROM numbers
"""


def delivery_day(world: World, store: Column, product: Column, day: Column) -> Column:
    """The last day, up to ``day``, on which the pair was delivered."""
    return day - (day + draw(world.seed, "delivery", 7, store, product)) % 7


def weekly_units(world: World, store: Column, product: Column, day: Column) -> Column:
    """Units that a buyer expects to sell in a week at that time of the year, in 1/1024."""
    return F.shiftright(usual_rate(world, store, product, day) * 7 * _UNITS_A_LINE, 16)


def level(world: World, store: Column, product: Column, delivered: Column) -> Column:
    """Units on the shelf after a delivery: one to two weeks' worth, for a few pairs eight.

    0 for a product that the store does not carry or that is not listed on the day of delivery.
    """
    luck = draw(world.seed, "cover", 100, store, product)
    cover = F.when(luck < 3, whole(800)).otherwise(95 + luck)
    units = div(weekly_units(world, store, product, delivered) * cover + 102_399, 102_400)
    carried = is_retail(store) & is_ranged(world, store, product)
    listed = is_sold(world, product, delivered)
    return F.when(carried & listed, F.greatest(units, whole(2))).otherwise(whole(0))


def filled(world: World, lines: DataFrame) -> DataFrame:
    """Lines with what the shelf could still give as ``quantity``, which may be 0.

    Lines must start DAYS_BEFORE the first day that counts.
    """
    store, product, day = (F.col(name) for name in (*_PAIR, "day"))
    from_shelf = F.when(F.col("way") == SHIP_TO_HOME, whole(0)).otherwise(F.col("quantity"))
    since = Window.partitionBy(*_PAIR, "delivered").orderBy("day", "line")
    known = lines.withColumns(
        {"delivered": delivery_day(world, store, product, day), "wanted": from_shelf}
    )
    taken = known.withColumn("taken", F.sum("wanted").over(since))
    there = F.greatest(
        level(world, store, product, F.col("delivered")) - F.col("taken") + F.col("wanted"),
        whole(0),
    )
    ships = F.col("way") == SHIP_TO_HOME
    given = F.when(ships, F.col("quantity")).otherwise(F.least(F.col("wanted"), there))
    return taken.withColumn("quantity", given).drop("delivered", "wanted", "taken")


def inventory_snapshots(
    spark: SparkSession, world: World, lines: DataFrame, start: int, end: int
) -> DataFrame:
    """One row per store, product it was delivered, and day: the count at the close.

    ``lines`` are those of ``filled``.
    """
    store, product, day = (F.col(name) for name in (*_PAIR, "day"))
    counted = _moves(lines).unionByName(_closings(spark, world, start, end))
    counted = counted.withColumn("delivered", delivery_day(world, store, product, day))
    pair = Window.partitionBy(*_PAIR).orderBy("day")
    since = Window.partitionBy(*_PAIR, "delivered").orderBy("day")
    summed = counted.select(
        *_PAIR,
        "day",
        "delivered",
        "is_close",
        F.sum("taken").over(since).alias("taken"),
        F.sum("held").over(pair.rangeBetween(0, 0)).alias("held"),
        F.sum("still_held").over(pair.rangeBetween(-1, -1)).alias("still_held"),
    ).where("is_close")
    return _placed(world, summed, start, end)


def _moves(lines: DataFrame) -> DataFrame:
    """What lines take from a shelf, and for how many closes it is held for pick-up: two, or one."""
    picked_up = F.when(F.col("way") == BOPIS, F.col("quantity")).otherwise(whole(0))
    gone = F.col("cancels") & (F.col("pace") % 2 == 0)
    return lines.where(F.col("way") != SHIP_TO_HOME).select(
        *_PAIR,
        "day",
        F.col("quantity").alias("taken"),
        picked_up.alias("held"),
        F.when(gone, whole(0)).otherwise(picked_up).alias("still_held"),
        F.lit(False).alias("is_close"),
    )


def _closings(spark: SparkSession, world: World, start: int, end: int) -> DataFrame:
    """Every pair that a store carries on every day."""
    number, none = F.col("id"), whole(0)
    pairs = spark.range(0, world.products * world.stores, 1, 2).select(
        (div(number, world.products) + 1).alias("store"),
        (number % world.products + 1).alias("product"),
    )
    carried = is_retail(F.col("store")) & is_ranged(world, F.col("store"), F.col("product"))
    return pairs.where(carried).select(
        *_PAIR,
        F.explode(F.sequence(whole(start), whole(end))).alias("day"),
        *[none.alias(name) for name in ("taken", "held", "still_held")],
        F.lit(True).alias("is_close"),
    )


def _placed(world: World, closings: DataFrame, start: int, end: int) -> DataFrame:
    """Closings in numbers, one partition a file, ordered by store and product."""
    store, product = F.col("store"), F.col("product")
    known = closings.withColumns(
        {
            "level": level(world, store, product, F.col("delivered")),
            "weekly": F.greatest(weekly_units(world, store, product, F.col("delivered")), whole(1)),
        }
    ).where("level > 0")
    return by_file(known, F.col("day"), start, end, *_PAIR).select(
        *_PAIR,
        "day",
        (F.col("level") - F.col("taken")).alias("available"),
        (F.col("held") + F.coalesce("still_held", whole(0))).alias("reserved"),
        (div(F.col("weekly"), 7) + 1).alias("daily"),
    )
