"""Where a store's clock stands: its IANA time zone by state.

States with two zones take the one most of their people live in.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

_ZONES = {
    "America/New_York": "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    "America/Chicago": "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    "America/Denver": "CO ID MT NM UT WY",
    "America/Phoenix": "AZ",
    "America/Los_Angeles": "CA NV OR WA",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR",
}


def zone_of(state: Column) -> Column:
    """The zone of a two-letter state, null where it is unknown.

    >>> spark.sql("SELECT 'TX' state").select(zone_of(F.col("state")).alias("zone")).show()
    +---------------+
    |           zone|
    +---------------+
    |America/Chicago|
    +---------------+
    <BLANKLINE>
    """
    pairs = [(s, zone) for zone, states in _ZONES.items() for s in states.split()]
    known = F.create_map(*[F.lit(text) for pair in pairs for text in pair])
    return F.try_element_at(known, F.coalesce(state, F.lit("")))


def utc(wall_time: Column, zone: Column) -> Column:
    """The instant at which a clock in ``zone`` shows ``wall_time`` (TIMESTAMP_NTZ).

    >>> row = spark.sql("SELECT TIMESTAMP_NTZ'2026-06-30 21:00:00' sold, 'America/Chicago' zone")
    >>> row.select(utc(F.col("sold"), F.col("zone")).alias("utc")).show()
    +-------------------+
    |                utc|
    +-------------------+
    |2026-07-01 02:00:00|
    +-------------------+
    <BLANKLINE>
    """
    return F.to_utc_timestamp(wall_time.cast("timestamp"), zone)


def utc_sql(wall_time: str, zone: str) -> str:
    """``utc`` in DuckDB's SQL. Of an hour that strikes twice DuckDB takes the second, and Java the
    first, which is taken here: clocks are set back by half an hour to two.

    >>> import duckdb
    >>> with duckdb.connect() as duck:
    ...     for hour, zone in (("2025-11-02 00:30", "America/Chicago"),
    ...                        ("2025-11-02 01:30", "America/Chicago"),
    ...                        ("2026-03-08 02:30", "America/Chicago"),
    ...                        ("2026-04-05 01:45", "Australia/Lord_Howe")):
    ...         at = utc_sql(f"TIMESTAMP '{hour}:00'", f"'{zone}'")
    ...         print(duck.sql(f"SELECT {at} AT TIME ZONE 'UTC'").fetchone()[0])
    2025-11-02 05:30:00
    2025-11-02 06:30:00
    2026-03-08 08:30:00
    2026-04-04 14:45:00
    """
    second = f"timezone({zone}, {wall_time})"
    sooner = [f"{second} - INTERVAL {minutes} MINUTE" for minutes in (120, 90, 60, 30)]
    cases = [f"WHEN timezone({zone}, {at}) = {wall_time} THEN {at}" for at in sooner]
    return f"CASE {' '.join(cases)} ELSE {second} END"


def close(day: Column, zone: str) -> Column:
    """The last second of a day by the clocks of one zone: what is true at its close.

    Told by whole numbers, which cost many rows less than dates.

    >>> row = spark.sql("SELECT DATE'2026-06-30' day")
    >>> row.select(close(F.col("day"), "UTC").alias("utc"),
    ...            close(F.col("day"), "America/Chicago").alias("chicago")).show()
    +-------------------+-------------------+
    |                utc|            chicago|
    +-------------------+-------------------+
    |2026-06-30 23:59:59|2026-07-01 04:59:59|
    +-------------------+-------------------+
    <BLANKLINE>
    """
    second = F.timestamp_seconds((F.unix_date(day).cast("bigint") + 1) * 86_400 - 1)
    return second if zone == "UTC" else F.to_utc_timestamp(second, zone)
