"""Customer segments: scores of recency, frequency and money, and what they are called.

A score of 1 to 5 is the fifth of the customers that a value falls in, by value thresholds: the
k-th is the smallest value that at least k/5 of the customers do not exceed, and the score counts
the thresholds below the value. Equal values so get equal scores, in whatever order rows come.
Source: RFM by quintiles as in Hughes, Strategic Database Marketing (1994), with ties kept together.
"""

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

# The days before and including a grid day that scores look at.
WINDOW_DAYS = 365
NO_PURCHASE = "no_purchase"
# Rows by recency score, 5 (recent) to 1; columns by the mean of frequency and money, 1 to 5.
SEGMENTS = {
    5: ("new", "potential", "loyal", "champions", "champions"),
    4: ("new", "potential", "loyal", "loyal", "champions"),
    3: ("potential", "potential", "loyal", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    1: ("lost", "lost", "hibernating", "at_risk", "cant_lose"),
}


def with_scores(rows: DataFrame, group: str, values: dict[str, str]) -> DataFrame:
    """Rows with a score, 1 to 5, for each whole-number column of ``values`` within ``group``.

    Higher values score higher; null stays null. Values are counted before they are put in order,
    so that what is sorted is the histogram and not the rows.

    >>> rows = spark.sql("SELECT 1 day, explode(array(1L, 1L, 1L, 2L, 9L)) value")
    >>> with_scores(rows, "day", {"value": "score"}).orderBy("value").show()
    +---+-----+-----+
    |day|value|score|
    +---+-----+-----+
    |  1|    1|    1|
    |  1|    1|    1|
    |  1|    1|    1|
    |  1|    2|    4|
    |  1|    9|    5|
    +---+-----+-----+
    <BLANKLINE>
    """
    thresholds = _thresholds(rows, group, list(values))
    scored = rows.join(F.broadcast(thresholds), group, "left")
    for value, name in values.items():
        above = [F.when(F.col(value) > F.col(f"_{value}_{k}"), 1).otherwise(0) for k in range(1, 5)]
        score = F.lit(1) + above[0] + above[1] + above[2] + above[3]
        scored = scored.withColumn(name, F.when(F.col(value).isNotNull(), score).cast("int"))
    return scored.drop(*[name for name in thresholds.columns if name != group])


def _thresholds(rows: DataFrame, group: str, values: list[str]) -> DataFrame:
    """The four thresholds of each value; grain: one row per group."""
    pairs = [F.struct(F.lit(v).alias("name"), F.col(v).alias("value")) for v in values]
    stacked = rows.select(group, F.inline(F.array(*pairs))).where("value IS NOT NULL")
    histogram = stacked.groupBy(group, "name", "value").agg(F.count("*").alias("count"))
    within = Window.partitionBy(group, "name")
    so_far = F.sum("count").over(within.orderBy("value"))
    reached = histogram.select(
        "*", so_far.alias("so_far"), F.sum("count").over(within).alias("total")
    )
    return reached.groupBy(group).agg(
        *[
            F.min(
                F.when(
                    (F.col("name") == v) & (F.col("so_far") * 5 >= F.col("total") * k),
                    F.col("value"),
                )
            ).alias(f"_{v}_{k}")
            for v in values
            for k in range(1, 5)
        ]
    )


def segment(recency: Column, frequency: Column, monetary: Column) -> Column:
    """What three scores are called; no_purchase where there are none.

    >>> row = spark.sql("SELECT 2 r, 5 f, 4 m")
    >>> row.select(segment(F.col("r"), F.col("f"), F.col("m")).alias("segment")).show()
    +---------+
    |  segment|
    +---------+
    |cant_lose|
    +---------+
    <BLANKLINE>
    """
    names = [name for score in sorted(SEGMENTS) for name in SEGMENTS[score]]
    worth = F.floor((frequency + monetary + 1) / 2)
    place = ((recency - 1) * 5 + worth).cast("int")
    known = F.array(*[F.lit(name) for name in names])
    # element_at claims never to be null, whatever its index: coalesce would be left out.
    return F.coalesce(F.try_element_at(known, place), F.lit(NO_PURCHASE))
