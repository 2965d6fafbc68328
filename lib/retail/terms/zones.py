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

# States and zones, and an instant, in DuckDB's SQL.
ZONES_SQL = "(VALUES {}) zones(state, zone)".format(
    ", ".join(f"('{s}', '{zone}')" for zone, states in _ZONES.items() for s in states.split())
)


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
    """The same in DuckDB's SQL, which of an hour that strikes twice takes the second.

    >>> import duckdb
    >>> with duckdb.connect() as duck:
    ...     for hour in ("00:30:00", "01:30:00", "02:30:00"):
    ...         wall = f"TIMESTAMP '2025-11-02 {hour}'"
    ...         at = duck.sql(f"SELECT {utc_sql(wall, repr('America/Chicago'))} AT TIME ZONE 'UTC'")
    ...         print(at.fetchone()[0])
    2025-11-02 05:30:00
    2025-11-02 06:30:00
    2025-11-02 08:30:00
    """
    second = f"timezone({zone}, {wall_time})"
    first = f"{second} - INTERVAL 1 HOUR"
    return f"CASE WHEN timezone({zone}, {first}) = {wall_time} THEN {first} ELSE {second} END"


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
