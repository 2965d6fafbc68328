"""Page views: visits to the site and the app, those that end in an order among them.

A visit is either the one that places an online order, or made up by number; one in six of those is
by a customer whose basket stands in the store within the next six days.
"""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retail.generator.customers import shopper
from retail.generator.demand import basket_count, is_pro, is_retail
from retail.generator.files import by_file
from retail.generator.hashing import div, draw, whole
from retail.generator.ids import id_sql
from retail.generator.masters import city
from retail.generator.orders import APP, IN_STORE, anonymous, sale_number, sold_second, way
from retail.generator.timeline import hours_to_utc
from retail.generator.world import World

# Days before the first whose late orders are placed, by UTC, on the first.
DAYS_BEFORE = 1
DEVICES = ("desktop", "mobile", "tablet", "app")
APP_DEVICE = 3
BROWSERS = ("Chrome", "Safari", "Edge", "Firefox")
# Visits that place no order, in percent of a store's baskets; hours in which they begin.
VISITS_PCT = 115
WAKES, WAKING_SECONDS = 6 * 3_600, 17 * 3_600
SITE = "https://www.example.com"


def page_view_texts(world: World) -> str:
    """From the numbers of visits to events in the contract's columns, by DuckDB.

    A visit starts on the home page, goes on to searches and products, its own every other time, and
    puts that one into the cart; one that places an order ends at the checkout.
    """
    chance = "(xor(luck, event * 7919) * 2654435761 >> 20) % 100"
    other = f"(xor(luck, event * 104729) * 2246822519 >> 22) % {world.products} + 1"
    session = id_sql("session", "visit")
    return f"""
        WITH events AS (
            SELECT *, unnest(range(events)) AS event FROM numbers
        ), typed AS (
            SELECT *, {chance} AS chance,
                   CASE WHEN orders AND event = events - 1 THEN 'purchase'
                        WHEN orders AND event = events - 2 THEN 'add_to_cart'
                        WHEN event = 0 THEN 'page_view'
                        WHEN chance < 14 THEN 'search'
                        WHEN chance < 22 AND NOT orders THEN 'add_to_cart'
                        ELSE 'page_view' END AS kind,
                   kind IN ('add_to_cart', 'purchase') OR chance < 50 AS is_own,
                   CASE WHEN event > 0 AND kind <> 'search'
                        THEN CASE WHEN is_own THEN product ELSE {other} END END AS shown
            FROM events
        )
        SELECT 'EVT-' || right({session}, 16) || lpad(event::VARCHAR, 2, '0') AS event_id,
               {session} AS session_id,
               {id_sql("customer", "customer")} AS customer_id,
               {id_sql("product", "shown")} AS product_id,
               to_timestamp(second + event * gap) AS event_timestamp,
               kind AS event_type,
               '{SITE}' || CASE kind WHEN 'purchase' THEN '/checkout' WHEN 'add_to_cart' THEN '/cart'
                   WHEN 'search' THEN '/search'
                   ELSE coalesce('/product/' || product_id, '/') END AS page_url,
               CASE WHEN event > 0 THEN '{SITE}/' END AS referrer_url,
               {list(DEVICES)}[device + 1] AS device_type,
               CASE WHEN device <> {APP_DEVICE}
                    THEN {list(BROWSERS)}[visit % {len(BROWSERS)} + 1] END AS browser
        FROM typed
    """


def page_views(
    spark: SparkSession, world: World, lines: DataFrame, start: int, end: int
) -> DataFrame:
    """One row per visit, in numbers; its events lie in the file of the day (UTC) on which it began.

    ``lines`` are those of shelves.filled, from DAYS_BEFORE the first day on.
    """
    visits = _with_order(lines, start, end).unionByName(_without(spark, world, start, end))
    begun = div(F.col("second"), 86_400)
    kept = visits.where(begun.between(start, end))
    return by_file(kept, begun, start, end, "visit").withColumn(
        "luck", draw(world.seed, "events of a visit", 1 << 30, F.col("visit"))
    )


def _with_order(lines: DataFrame, start: int, end: int) -> DataFrame:
    """The visit that places an order: it ends with the purchase, at the order's instant."""
    first = start - DAYS_BEFORE
    online = lines.where(
        (F.col("channel") != IN_STORE) & (F.col("day") >= first) & (F.col("quantity") > 0)
    )
    orders = online.groupBy("order_no", "store", "day", "customer", "pace", "channel").agg(
        F.min("product").alias("product")
    )
    pace = F.col("pace")
    events, gap = 4 + div(pace, 3) % 7, 15 + div(pace, 7) % 60
    ahead = hours_to_utc(city(F.col("store")), F.col("day"), first, end) * 3_600
    return orders.select(
        (F.col("order_no") * 2).alias("visit"),
        "customer",
        "product",
        events.alias("events"),
        gap.alias("gap"),
        (sold_second() + ahead - (events - 1) * gap).alias("second"),
        F.lit(True).alias("orders"),
        F.when(F.col("channel") == APP, whole(APP_DEVICE)).otherwise(pace % 3).alias("device"),
    )


def _without(spark: SparkSession, world: World, start: int, end: int) -> DataFrame:
    """Visits that place no order, of customers who are signed in or of nobody known."""
    most = div(whole(world.baskets * VISITS_PCT), 100)
    first = start - DAYS_BEFORE
    stores = spark.range(1, world.stores + 1, 1, 2).select(F.col("id").alias("store"))
    numbered = (
        stores.where(is_retail(F.col("store")))
        .withColumn("day", F.explode(F.sequence(whole(first), whole(end))))
        .withColumn("number", F.explode(F.sequence(whole(0), most - 1)))
    )
    store, day = F.col("store"), F.col("day")
    key = (store, day, F.col("number"))
    seed = world.seed
    ahead = hours_to_utc(city(store), day, first, end) * 3_600
    return numbered.select(
        ((sale_number(store, day) * 10_000 + F.col("number")) * 2 + 1).alias("visit"),
        _visitor(world, *key).alias("customer"),
        (draw(seed, "looked at", world.products, *key) + 1).alias("product"),
        (2 + draw(seed, "events", 8, *key)).alias("events"),
        (10 + draw(seed, "gap", 110, *key)).alias("gap"),
        (day * 86_400 + WAKES + draw(seed, "begins", WAKING_SECONDS, *key) + ahead).alias("second"),
        F.lit(False).alias("orders"),
        draw(seed, "device", 4, *key).alias("device"),
    )


def _visitor(world: World, store: Column, day: Column, number: Column) -> Column:
    """Who visits: one in six will buy in the store soon, two in six are signed in."""
    seed = world.seed
    visit = draw(seed, "visit", 6, store, day, number)
    later = day + 1 + draw(seed, "days until", 6, store, day, number)
    chosen = draw(seed, "leads to", basket_count(world, store, later), store, day, number)
    pro = is_pro(world, store, later, chosen)
    known = ~anonymous(world, store, later, chosen, pro)
    in_store = way(world, store, later, chosen) == IN_STORE
    buyer = F.when(known & in_store, shopper(world, store, later, chosen, pro))
    # Numbers beyond any basket's: a draw of the store's customers like any other.
    someone = shopper(world, store, day, 100_000 + number, F.lit(False))
    return F.when(visit == 0, buyer).when(visit <= 2, someone)
