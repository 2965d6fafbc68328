"""Set-up of a local environment: Delta's two jars and a class-data archive, each made once.

Run by make. A start then needs no network and takes a quarter of the time. Killed half-way, the
next run does what is missing: files appear under their names only when they are whole.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from lakehouse.session import ARCHIVE, ENVIRONMENT, JARS

SCALA = "2.13"
NEEDED = ("delta-spark", "delta-storage")

_FETCH = """
from pyspark.sql import SparkSession
import sys
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config(
    "spark.jars.packages", sys.argv[1]).config("spark.jars.ivy", sys.argv[2]).getOrCreate().stop()
"""
_WARM = """
import sys, shutil
from lakehouse.conf import load
from lakehouse.session import start
conf = load("local")
conf["spark"]["spark.driver.extraJavaOptions"] += f" -XX:ArchiveClassesAtExit={sys.argv[1]}"
spark, path = start(conf), sys.argv[2]
rows = spark.range(1000).selectExpr("id", "id % 3 AS day", "current_timestamp() AS at")
rows.write.format("delta").partitionBy("day").option("delta.enableChangeDataFeed", "true").save(path)
rows.createOrReplaceTempView("rows")
spark.sql(f"MERGE INTO delta.`{path}` t USING rows s ON t.id = s.id AND t.id < 9"
          " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0)
feed.load(path).groupBy("day").count().collect()
spark.stop()
"""


def main() -> int:
    """Bring the environment to what ``session`` expects."""
    if not all(list(JARS.glob(f"{name}*.jar")) for name in NEEDED):
        print("Fetching the two Delta jars (once)", flush=True)
        fetch_jars()
    if not ARCHIVE.is_file():
        print("Making the class-data archive for a quick start (once)", flush=True)
        dump_archive()
    return 0


def fetch_jars() -> None:
    """Delta's jars by Spark's own resolver, which knows where they come from."""
    spark = ".".join(version("pyspark").split(".")[:2])
    package = f"io.delta:delta-spark_{spark}_{SCALA}:{version('delta-spark')}"
    ivy = ENVIRONMENT / "ivy"
    # The resolver takes a local Maven repository first, and fails on a pom without its jar.
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"JAVA_TOOL_OPTIONS": f"-Duser.home={home}"}
        _run([sys.executable, "-c", _FETCH, package, str(ivy)], environment, "fetch the Delta jars")
    partial = JARS.with_name("jars.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in NEEDED:
        (jar,) = (ivy / "jars").glob(f"*_{name}*.jar")
        shutil.copy(jar, partial / jar.name.removeprefix("io.delta_"))
    shutil.rmtree(JARS, ignore_errors=True)
    partial.rename(JARS)
    shutil.rmtree(ivy)


def dump_archive() -> None:
    """The classes of a warm Delta session; a JVM writes them some seconds after its work."""
    partial = ARCHIVE.with_name("spark.partial.jsa")
    partial.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=ENVIRONMENT) as folder:
        command = [sys.executable, "-c", _WARM, _quoted(partial), str(Path(folder) / "table")]
        _run(command, dict(os.environ), "start Spark")
    for _ in range(120):
        size = partial.stat().st_size if partial.is_file() else 0
        time.sleep(0.5)
        if size and size == partial.stat().st_size and _is_whole(partial):
            partial.rename(ARCHIVE)
            return
    print("No archive was made; sessions start slower without it.", file=sys.stderr)


def _is_whole(archive: Path) -> bool:
    command = ["java", f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _quoted(path: Path) -> str:
    return f"'{path}'" if " " in str(path) else str(path)


def _run(command: list[str], environment: dict[str, str], what: str) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:], file=sys.stderr)
        print(f"Could not {what}; the reason stands above.", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    sys.exit(main())
