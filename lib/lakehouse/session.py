"""The Spark session: the one module that may touch what shared compute forbids."""

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from lakehouse.conf import conf_folder
from lakehouse.errors import LakehouseError

# The environment that set-up made: Delta's jars and a class-data archive of a warm start.
ENVIRONMENT = Path(sys.prefix)
JARS = ENVIRONMENT / "jars"
ARCHIVE = ENVIRONMENT / "spark.jsa"


def start(conf: Mapping[str, Any], app: str = "lakehouse") -> SparkSession:
    """The session there is (a shell's, a cluster's), else one made by conf.

    Raises LakehouseError where no JVM can be started.
    """
    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    os.environ["TZ"] = "UTC"
    time.tzset()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise LakehouseError(
            "There is no Java on this machine; Spark needs Java 17 or 21: install one (on Debian:"
            " openjdk-17-jre-headless) or point JAVA_HOME to it."
        )
    builder = SparkSession.builder.appName(app)
    for name, value in settings(conf).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def settings(conf: Mapping[str, Any]) -> dict[str, str]:
    """Spark's settings of an environment, with what set-up left beside them."""
    found = {name: _text(value) for name, value in conf.get("spark", {}).items()}
    options = [found.get("spark.driver.extraJavaOptions", ""), *java_options()]
    found["spark.driver.extraJavaOptions"] = " ".join(option for option in options if option)
    if JARS.is_dir():
        paths = os.pathsep.join(str(jar) for jar in sorted(JARS.glob("*.jar")))
        found["spark.driver.extraClassPath"] = paths
        found.setdefault("spark.executor.extraClassPath", paths)
    return found


def java_options(archive: Path = ARCHIVE) -> list[str]:
    """Options of every JVM: UTC, a quiet log, and the archive where there is one."""
    options = ["-Duser.timezone=UTC", "-XX:+UseParallelGC"]
    log = conf_folder() / "log4j2.properties"
    if log.is_file():
        options.append(f'"-Dlog4j2.configurationFile={log.resolve().as_uri()}"')
    if archive.is_file():
        options.append(f'"-XX:SharedArchiveFile={archive}"')
        options.append("-Xlog:cds=off -Xlog:cds+dynamic=off")
    return options


def sibling(spark: SparkSession) -> SparkSession:
    """A session of its own on the same Spark, for a thread's own settings and views."""
    return spark.newSession()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
