"""Set-up of a local environment: Delta's two jars and a class-data archive, each made once.

Run by make. A start then needs no network and takes a quarter of the time. Killed half-way, the
next run does what is missing: files appear under their names only when they are whole.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version

from lakehouse.errors import LakehouseError
from lakehouse.session import ARCHIVE, ENVIRONMENT, JARS, java

SCALA = "2.13"
# What the archive was made of: the JVM refuses, silently, one that does not fit.
MADE_OF = ARCHIVE.with_suffix(".txt")

_FETCH = """
from pyspark.sql import SparkSession
import sys
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config(
    "spark.jars.packages", sys.argv[1]).config("spark.jars.ivy", sys.argv[2]).getOrCreate().stop()
"""
_WARM = """
import sys
from lakehouse.conf import load
from lakehouse.session import start, stop
conf = load("local")
conf["spark"]["spark.driver.extraJavaOptions"] += f' "-XX:ArchiveClassesAtExit={sys.argv[1]}"'
spark, path = start(conf), sys.argv[2]
rows = spark.range(1000).selectExpr("id", "id % 3 AS day", "current_timestamp() AS at")
(rows.write.format("delta").partitionBy("day").option("delta.enableChangeDataFeed", "true")
    .save(path))
rows.createOrReplaceTempView("rows")
spark.sql(f"MERGE INTO delta.`{path}` t USING rows s ON t.id = s.id AND t.id < 9"
          " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *")
feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0)
feed.load(path).groupBy("day").count().collect()
stop(spark)
"""


def main() -> int:
    """Bring the environment to what ``session`` expects."""
    try:
        if not all((JARS / name).is_file() for name in jar_names()):
            print("Fetching the two Delta jars (once)", flush=True)
            fetch_jars()
        if not (ARCHIVE.is_file() and MADE_OF.is_file() and MADE_OF.read_text() == made_of()):
            print("Making the class-data archive for a quick start (once)", flush=True)
            dump_archive()
        return 0
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 2


def jar_names() -> tuple[str, str]:
    """The jars that fit the installed pyspark and delta-spark."""
    delta = version("delta-spark")
    return f"{_artifact()}-{delta}.jar", f"delta-storage-{delta}.jar"


def fetch_jars() -> None:
    """Delta's jars by Spark's own resolver, which knows where they come from.

    Raises LakehouseError where the resolver fails.
    """
    ivy = ENVIRONMENT / "ivy"
    with tempfile.TemporaryDirectory() as home:
        # The resolver takes a local Maven repository first, and fails on a pom without its jar.
        options = f'{os.environ.get("JAVA_TOOL_OPTIONS", "")} "-Duser.home={home}"'
        package = f"io.delta:{_artifact()}:{version('delta-spark')}"
        command = [sys.executable, "-c", _FETCH, package, str(ivy)]
        _run(command, {"JAVA_TOOL_OPTIONS": options.strip()}, "fetch the Delta jars")
    partial = JARS.with_name("jars.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name in jar_names():
        shutil.copy(ivy / "jars" / f"io.delta_{name}", partial / name)
    shutil.rmtree(JARS, ignore_errors=True)
    partial.rename(JARS)
    shutil.rmtree(ivy)


def dump_archive() -> None:
    """The classes of a warm Delta session, which its JVM writes while it ends.

    Sessions start without an archive too, only slower, so none is no failure.
    """
    partial = ARCHIVE.with_suffix(".partial")
    for path in (partial, ARCHIVE, MADE_OF):
        path.unlink(missing_ok=True)
    table = ENVIRONMENT / "warm-up"
    shutil.rmtree(table, ignore_errors=True)
    _run([sys.executable, "-c", _WARM, str(partial), str(table)], {}, "start Spark")
    shutil.rmtree(table)
    if partial.is_file():
        partial.rename(ARCHIVE)
        MADE_OF.write_text(made_of())
    else:
        print("Java made no class-data archive; Spark starts slower without.", file=sys.stderr)


def made_of() -> str:
    """Java, class path and packages that an archive is valid for."""
    said = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False)
    packages = [f"{name} {version(name)}" for name in ("pyspark", "delta-spark")]
    return "\n".join([said.stderr.strip(), *packages, str(JARS), ""])


def _artifact() -> str:
    spark = ".".join(version("pyspark").split(".")[:2])
    return f"delta-spark_{spark}_{SCALA}"


def _run(command: list[str], environment: dict[str, str], what: str) -> None:
    """Run quietly.

    Raises LakehouseError with the end of what the command said where it fails.
    """
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LakehouseError(
            f"{(done.stdout + done.stderr)[-4000:]}\nSet-up could not {what}, for the reason"
            " above; mend it (network, memory for a JVM of 2 GB) and run make again."
        )


if __name__ == "__main__":
    sys.exit(main())
