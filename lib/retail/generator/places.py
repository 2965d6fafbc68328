"""Cities with stores: name, state, first zip digits, region, degrees north and east, zone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class City:
    """A city, its state, where it lies and what its clocks follow."""

    name: str
    state: str
    zip_prefix: str
    region: str
    latitude: float
    longitude: float
    zone: str


_ROWS = """
Atlanta GA 303 South 33.75 -84.39 America/New_York
Chicago IL 606 Midwest 41.88 -87.63 America/Chicago
Dallas TX 752 South 32.78 -96.80 America/Chicago
Los_Angeles CA 900 West 34.05 -118.24 America/Los_Angeles
Philadelphia PA 191 Northeast 39.95 -75.17 America/New_York
Denver CO 802 West 39.74 -104.99 America/Denver
Miami FL 331 South 25.76 -80.19 America/New_York
Seattle WA 981 West 47.61 -122.33 America/Los_Angeles
Boston MA 021 Northeast 42.36 -71.06 America/New_York
Columbus OH 432 Midwest 39.96 -83.00 America/New_York
Houston TX 770 South 29.76 -95.37 America/Chicago
Phoenix AZ 850 West 33.45 -112.07 America/Phoenix
Charlotte NC 282 South 35.23 -80.84 America/New_York
Minneapolis MN 554 Midwest 44.98 -93.27 America/Chicago
Newark NJ 071 Northeast 40.74 -74.17 America/New_York
San_Diego CA 921 West 32.72 -117.16 America/Los_Angeles
Nashville TN 372 South 36.16 -86.78 America/Chicago
Detroit MI 482 Midwest 42.33 -83.05 America/New_York
Portland OR 972 West 45.52 -122.68 America/Los_Angeles
Tampa FL 336 South 27.95 -82.46 America/New_York
Kansas_City MO 641 Midwest 39.10 -94.58 America/Chicago
Buffalo NY 142 Northeast 42.89 -78.88 America/New_York
Las_Vegas NV 891 West 36.17 -115.14 America/Los_Angeles
San_Antonio TX 782 South 29.42 -98.49 America/Chicago
Indianapolis IN 462 Midwest 39.77 -86.16 America/New_York
Richmond VA 232 South 37.54 -77.44 America/New_York
Sacramento CA 958 West 38.58 -121.49 America/Los_Angeles
Hartford CT 061 Northeast 41.77 -72.67 America/New_York
Salt_Lake_City UT 841 West 40.76 -111.89 America/Denver
New_Orleans LA 701 South 29.95 -90.07 America/Chicago
Milwaukee WI 532 Midwest 43.04 -87.91 America/Chicago
Baltimore MD 212 Northeast 39.29 -76.61 America/New_York
Albuquerque NM 871 West 35.08 -106.65 America/Denver
Birmingham AL 352 South 33.52 -86.80 America/Chicago
Omaha NE 681 Midwest 41.26 -95.94 America/Chicago
Pittsburgh PA 152 Northeast 40.44 -80.00 America/New_York
Boise ID 837 West 43.62 -116.20 America/Denver
Louisville KY 402 South 38.25 -85.76 America/New_York
Des_Moines IA 503 Midwest 41.59 -93.62 America/Chicago
Providence RI 029 Northeast 41.82 -71.41 America/New_York
Honolulu HI 968 West 21.31 -157.86 Pacific/Honolulu
Oklahoma_City OK 731 South 35.47 -97.52 America/Chicago
Wichita KS 672 Midwest 37.69 -97.34 America/Chicago
Albany NY 122 Northeast 42.65 -73.76 America/New_York
Spokane WA 992 West 47.66 -117.43 America/Los_Angeles
Jacksonville FL 322 South 30.33 -81.66 America/New_York
Cleveland OH 441 Midwest 41.50 -81.69 America/New_York
Manchester NH 031 Northeast 42.99 -71.45 America/New_York
Anchorage AK 995 West 61.22 -149.90 America/Anchorage
Little_Rock AR 722 South 34.75 -92.29 America/Chicago
"""


def _city(row: str) -> City:
    name, state, zip_prefix, region, north, east, zone = row.split()
    return City(name.replace("_", " "), state, zip_prefix, region, float(north), float(east), zone)


CITIES = tuple(_city(row) for row in _ROWS.strip().splitlines())


def hours_behind_utc(place: City, day: int) -> int:
    """Whole hours to add to the city's clock for UTC, at noon of a day (since 1970-01-01).

    Clocks are put forward and back at night, so noon's offset holds for all opening hours.
    """
    noon = datetime.fromtimestamp(day * 86_400 + 18 * 3_600, UTC).astimezone(ZoneInfo(place.zone))
    offset = noon.utcoffset()
    return -round(offset.total_seconds() / 3_600) if offset else 0
