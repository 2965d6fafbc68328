"""Page views: visits to the site and the app, those that end in an order among them.

A visit is either the one that places an online order, or made up by number; one in six of those is
by a customer whose basket stands in the store within the next six days.
"""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retail.generator.customers import customer_id, shopper
from retail.generator.demand import basket_count, is_pro, is_retail
from retail.generator.files import by_file
from retail.generator.hashing import div, draw, padded, texts, whole
from retail.generator.masters import city, product_id
from retail.generator.orders import IN_STORE, anonymous, sale_number, sold_second, way
from retail.generator.timeline import hours_to_utc
from retail.generator.world import World

# Days before the first whose late orders are placed, by UTC, on the first.
DAYS_BEFORE = 1
EVENTS = ("page_view", "search", "add_to_cart", "purchase")
PAGE_VIEW, SEARCH, ADD_TO_CART, PURCHASE = range(4)
DEVICES = ("desktop", "mobile", "tablet", "app")
BROWSERS = ("Chrome", "Safari", "Edge", "Firefox")
APP = 3
# Visits that place no order, in percent of a store's baskets; hours in which they begin.
VISITS_PCT = 115
WAKES, WAKING_SECONDS = 6 * 3_600, 17 * 3_600
SITE = "https://www.example.com"


def page_views(
    spark: SparkSession, world: World, lines: DataFrame, start: int, end: int
) -> DataFrame:
    """One row per event; a visit's events lie in the file of the day (UTC) on which it began.

    ``lines`` are those of shelves.filled, from DAYS_BEFORE the first day on.
    """
    visits = _with_order(lines, start, end).unionByName(_without(spark, world, start, end))
    begun = div(F.col("second"), 86_400)
    placed = by_file(visits.where(begun.between(start, end)), begun, start, end, "visit")
    return _landed(world, placed)


def _with_order(lines: DataFrame, start: int, end: int) -> DataFrame:
    """The visit that places an order: it ends with the purchase, at the order's instant."""
    first = start - DAYS_BEFORE
    online = lines.where(
        (F.col("channel") != "in_store") & (F.col("day") >= first) & (F.col("quantity") > 0)
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
        F.when(F.col("channel") == "app", whole(APP)).otherwise(pace % 3).alias("device"),
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


def _landed(world: World, visits: DataFrame) -> DataFrame:
    """Events as the contract has them, in the order of visits."""
    event, last = F.col("event"), F.col("events") - 1
    exploded = visits.withColumn("event", F.explode(F.sequence(whole(0), last)))
    luck = draw(world.seed, "event", 100, F.col("visit"), event)
    kind = (
        F.when(F.col("orders") & (event == last), PURCHASE)
        .when(F.col("orders") & (event == last - 1), ADD_TO_CART)
        .when(event == 0, PAGE_VIEW)
        .when(luck < 14, SEARCH)
        .when(~F.col("orders") & (luck < 22), ADD_TO_CART)
        .otherwise(PAGE_VIEW)
    )
    return _described(world, exploded.withColumns({"kind": kind, "luck": luck}))


def _described(world: World, events: DataFrame) -> DataFrame:
    """Texts of events: home at first, then products; the one ordered is what a cart is filled with."""
    event, kind, visit = F.col("event"), F.col("kind"), F.col("visit")
    other = draw(world.seed, "page", world.products, visit, event) + 1
    own = (kind == ADD_TO_CART) | (kind == PURCHASE) | (F.col("luck") < 50)
    product = F.when(own, F.col("product")).otherwise(other)
    shown = F.when((event > 0) & (kind != SEARCH), product_id(product))
    page = (
        F.when(kind == PURCHASE, "/checkout")
        .when(kind == ADD_TO_CART, "/cart")
        .when(kind == SEARCH, "/search")
        .otherwise(F.coalesce(F.concat(F.lit("/product/"), shown), F.lit("/")))
    )
    app = F.col("device") == APP
    return events.select(
        F.concat(padded("EVT-", visit, 16), F.lpad(event.cast("string"), 2, "0")).alias("event_id"),
        padded("SES-", visit, 16).alias("session_id"),
        customer_id(F.col("customer")).alias("customer_id"),
        shown.alias("product_id"),
        F.timestamp_seconds(F.col("second") + event * F.col("gap")).alias("event_timestamp"),
        texts(EVENTS, kind).alias("event_type"),
        F.concat(F.lit(SITE), page).alias("page_url"),
        F.when(event > 0, SITE + "/").alias("referrer_url"),
        texts(DEVICES, F.col("device")).alias("device_type"),
        F.when(~app, texts(BROWSERS, visit % len(BROWSERS))).alias("browser"),
    )
