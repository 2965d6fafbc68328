"""When masters change: everything on the first day, then only what changed that day."""

from collections.abc import Callable, Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retail.generator.hashing import numbers, whole
from retail.generator.places import CITIES, hours_behind_utc

# A change is true from this hour (UTC): after the last sale of the day before in Hawaii (21:00
# there is 07:00), before the first sale of the day in New York (08:00 there is 12:00).
CHANGE_HOUR = 9

State = Mapping[str, Column]


def moment(day: Column) -> Column:
    """The instant at which a change of the day becomes true."""
    return F.timestamp_seconds(day * 86_400 + CHANGE_HOUR * 3_600)


def file_date(day: Column) -> Column:
    """The date of a day number."""
    return F.date_add(F.lit("1970-01-01").cast("date"), day.cast("int"))


def hours_to_utc(city: Column, day: Column, first: int, last: int) -> Column:
    """Hours to add to a city's clock, by the number of the city, for UTC on days of a range.

    They are looked up: converting every row costs seconds.
    """
    ahead = [hours_behind_utc(place, on) for place in CITIES for on in range(first, last + 1)]
    return numbers(ahead, city * (last - first + 1) + day - first)


def recurring(first: Column, period: Column, start: int, end: int) -> Column:
    """The days after start, up to end, of a change that comes every period, by its first one."""
    days = F.sequence(first, F.greatest(whole(end), first), period)
    return F.filter(days, lambda day: (day > start) & (day <= end))


def with_days(entities: DataFrame, start: int, changes: Column) -> DataFrame:
    """One row per entity and day on which it may stand in a file, as ``day``."""
    days = F.array_distinct(F.concat(F.array(whole(start)), changes))
    return entities.withColumn("day", F.explode(days))


def changed(
    start: int, exists: Callable[[Column], Column], state: Callable[[Column], State]
) -> Column:
    """The row belongs into its day's file: the first day, new, or other than the day before."""
    today, before = F.col("day"), F.col("day") - 1
    now, earlier = state(today), state(before)
    same = F.lit(True)
    for name, value in now.items():
        same = same & value.eqNullSafe(earlier[name])
    return exists(today) & ((today == start) | ~exists(before) | ~same)
