"""Set-up of a local environment: Delta's two jars and a class-data archive, each made once.

Run by make. A start then needs no network and takes a quarter of the time. Killed half-way, the
next run does what is missing: files appear under their names only when they are whole. With --s3
it fetches what Spark needs to read and write s3a:// too.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.session import ARCHIVE, ENVIRONMENT, JARS, S3_JARS, java

SCALA = "2.13"
# What the archive was made of: the JVM refuses, silently, one that does not fit.
MADE_OF = ARCHIVE.with_suffix(".txt")
_WARM_UP = Path(__file__).with_name("warm_up.py")

# The version of Hadoop that this Spark carries, and of Amazon's SDK the modules that s3a uses: the
# whole of it, which hadoop-aws would bring, is fifty times as large.
S3_PACKAGES = (
    "org.apache.hadoop:hadoop-aws:3.5.0",
    *(
        f"software.amazon.awssdk:{module}:2.35.4"
        for module in ("s3", "s3-transfer-manager", "sts", "apache-client", "netty-nio-client")
    ),
    "software.amazon.s3.analyticsaccelerator:analyticsaccelerator-s3:1.3.1",
)
# Spark brings them.
S3_EXCLUDED = (
    "software.amazon.awssdk:bundle",
    "io.netty:*",
    "org.apache.httpcomponents:*",
    "commons-codec:*",
    "commons-logging:*",
    "org.slf4j:*",
)

_FETCH = """
from pyspark.sql import SparkSession
import sys
SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config(
    "spark.jars.packages", sys.argv[1]).config("spark.jars.ivy", sys.argv[2]).config(
    "spark.jars.excludes", sys.argv[3]).getOrCreate().stop()
"""


def main() -> int:
    """Bring the environment to what ``session`` expects."""
    try:
        if not all((JARS / name).is_file() for name in jar_names()):
            print("Fetching the two Delta jars (once)", flush=True)
            package = f"io.delta:{_artifact()}:{version('delta-spark')}"
            fetch_jars(JARS, [package], only=[f"io.delta_{name}" for name in jar_names()])
        if not (ARCHIVE.is_file() and MADE_OF.is_file() and MADE_OF.read_text() == made_of()):
            print("Making the class-data archive for a quick start (once)", flush=True)
            dump_archive()
        if "--s3" in sys.argv[1:] and not S3_JARS.is_dir():
            print("Fetching the jars for s3a:// (once)", flush=True)
            fetch_jars(S3_JARS, S3_PACKAGES, S3_EXCLUDED)
        return 0
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 2


def jar_names() -> tuple[str, str]:
    """The jars that fit the installed pyspark and delta-spark."""
    delta = version("delta-spark")
    return f"{_artifact()}-{delta}.jar", f"delta-storage-{delta}.jar"


def fetch_jars(
    folder: Path, packages: Sequence[str], excluded: Sequence[str] = (), only: Sequence[str] = ()
) -> None:
    """Packages' jars by Spark's own resolver, which knows where they come from.

    ``only`` names those to keep, of those that it finds. Raises LakehouseError where it fails.
    """
    ivy = ENVIRONMENT / "ivy"
    with tempfile.TemporaryDirectory() as home:
        # The resolver takes a local Maven repository first, and fails on a pom without its jar.
        options = f'{os.environ.get("JAVA_TOOL_OPTIONS", "")} "-Duser.home={home}"'
        command = [sys.executable, "-c", _FETCH, ",".join(packages), str(ivy), ",".join(excluded)]
        _run(command, {"JAVA_TOOL_OPTIONS": options.strip()}, f"fetch {packages[0]}")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for jar in (ivy / "jars").glob("*.jar"):
        if not only or jar.name in only:
            shutil.copy(jar, partial / jar.name.partition("_")[2])
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
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
    _run([sys.executable, str(_WARM_UP), str(partial), str(table)], {}, "start Spark")
    shutil.rmtree(table)
    if partial.is_file():
        partial.rename(ARCHIVE)
        MADE_OF.write_text(made_of())
    else:
        print("Java made no class-data archive; Spark starts slower without.", file=sys.stderr)


def made_of() -> str:
    """Java, class path and packages that an archive is valid for, and what it was warmed up by."""
    said = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False)
    packages = [f"{name} {version(name)}" for name in ("pyspark", "delta-spark")]
    warmed_by = hashlib.sha256(_WARM_UP.read_bytes()).hexdigest()
    return "\n".join([said.stderr.strip(), *packages, str(JARS), warmed_by, ""])


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
