"""The Spark session: the one module that may touch what shared compute forbids."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaClass, JavaMember, JVMView
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from lakehouse.conf import conf_folder
from lakehouse.errors import LakehouseError

# The environment that set-up made: Delta's jars and a class-data archive of a warm start.
ENVIRONMENT = Path(sys.prefix)
JARS = ENVIRONMENT / "jars"
S3_JARS = ENVIRONMENT / "jars-s3"  # by make object-store
ARCHIVE = ENVIRONMENT / "spark.jsa"

# Set wherever Databricks runs us.
_DATABRICKS = "DATABRICKS_RUNTIME_VERSION"

# So many folders a task writes into at once, where rows need not come sorted by them.
_FEW_FOLDERS = 8

# Spark asks for this module in every start and Java has no switch to be silent about it.
NOISE = b"WARNING: Using incubator modules: jdk.incubator.vector"

WANTED_JAVA = (
    "Spark needs Java 17 or 21: install one (on Debian: openjdk-17-jre-headless)"
    " or point JAVA_HOME to it."
)


def start(conf: Mapping[str, Any], app: str = "lakehouse") -> SparkSession:
    """The session there is (a shell's, a cluster's), else one made by conf.

    On Databricks one is always there, and gets the settings of conf that it still takes. What a
    person gave to spark-submit wins over conf. Raises LakehouseError where no JVM starts.
    """
    running = SparkSession.getActiveSession()
    if _DATABRICKS in os.environ:
        return _theirs(running or SparkSession.builder.getOrCreate(), conf)
    if running is not None:
        return running
    os.environ["TZ"] = "UTC"
    time.tzset()
    _remember_names()
    wanted = settings(conf)
    if "PYSPARK_GATEWAY_PORT" in os.environ:  # spark-submit started us, its JVM is there
        SparkContext._ensure_initialized()
        given = {name for name, _ in SparkConf().getAll()}
        wanted = {name: value for name, value in wanted.items() if name not in given}
    elif SparkContext._gateway is None:
        _launch(wanted)
    builder = SparkSession.builder.appName(app)
    for name, value in wanted.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def current() -> SparkSession:
    """The session that runs, for what is handed none: tables that go by name, and commits of no
    rows that only Spark can make.

    Raises LakehouseError where none runs.
    """
    running = SparkSession.getActiveSession() or SparkSession._instantiatedSession
    if running is None:
        raise LakehouseError("No Spark session runs yet; start one (lakehouse.session.start).")
    return running


def _theirs(spark: SparkSession, conf: Mapping[str, Any]) -> SparkSession:
    """A session of Databricks', with those of our settings that it takes at run time."""
    for name, value in settings(conf).items():
        if name.startswith("spark.sql.") and spark.conf.isModifiable(name):
            spark.conf.set(name, value)
    return spark


def stop(spark: SparkSession) -> None:
    """End Spark and wait until its JVM has ended, which is when it has written its archive."""
    gateway = SparkContext._gateway
    spark.stop()
    process = getattr(gateway, "proc", None)
    if gateway is not None and process is not None:
        gateway.shutdown()
        process.stdin.close()
        process.wait()
        SparkContext._gateway = SparkContext._jvm = None


def sibling(spark: SparkSession, conf: Mapping[str, Any]) -> SparkSession:
    """A session of its own on the same Spark, for a thread's own settings and views.

    It has what Spark was started with, which on Databricks are not our settings.
    """
    made = spark.newSession()
    return _theirs(made, conf) if _DATABRICKS in os.environ else made


@contextmanager
def during(spark: SparkSession, changed: Mapping[str, str]) -> Iterator[None]:
    """Settings of a session that hold for a while, and are then what they were."""
    before = {name: spark.conf.get(name, None) for name in changed}
    try:
        for name, value in changed.items():
            spark.conf.set(name, value)
        yield
    finally:
        for name, was in before.items():
            if was is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, was)


def side_by_side(spark: SparkSession) -> dict[str, str]:
    """Settings by which a task keeps the files of some folders open, and sorts no rows by them."""
    name = "spark.sql.maxConcurrentOutputFileWriters"
    return {name: str(max(_FEW_FOLDERS, int(spark.conf.get(name, None) or 0)))}


def settings(conf: Mapping[str, Any], master: str | None = None) -> dict[str, str]:
    """Spark's settings of an environment, with what set-up left beside them.

    A setting that conf holds as null is left to Spark.
    """
    found = {k: _text(v) for k, v in conf.get("spark", {}).items() if v is not None}
    master = master or found.get("spark.master", "local")
    options = [found.get("spark.driver.extraJavaOptions", ""), *java_options()]
    found["spark.driver.extraJavaOptions"] = " ".join(option for option in options if option)
    jars = [str(jar) for jar in sorted(JARS.glob("*.jar"))]
    if conf.get("object_stores"):
        jars += [str(jar) for jar in sorted(S3_JARS.glob("*.jar"))]
        found |= _store()
    if jars:
        found["spark.driver.extraClassPath"] = os.pathsep.join(jars)
    if not master.startswith("local"):
        # Workers have neither our folders nor our environment: Spark brings them what they need.
        if jars:
            found.setdefault("spark.jars", ",".join(jars))
        found.setdefault("spark.executor.extraJavaOptions", "-Duser.timezone=UTC")
        found.setdefault("spark.executorEnv.TZ", "UTC")
    return found


def _store() -> dict[str, str]:
    """Region, and a store that is not Amazon's own, by the variables that AWS's clients know.

    Keys, profiles and roles s3a finds as they do.
    """
    region, endpoint = os.environ.get("AWS_REGION"), os.environ.get("AWS_ENDPOINT_URL")
    found = {"spark.hadoop.fs.s3a.endpoint.region": region} if region else {}
    if not endpoint:
        return found
    return found | {
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": _text(endpoint.startswith("https")),
    }


def java_options() -> list[str]:
    """Options of the driver's JVM: UTC, a quiet log, and the archive where there is one."""
    options = ["-Duser.timezone=UTC", "-XX:+UseParallelGC"]
    log = conf_folder() / "log4j2.properties"
    if log.is_file():
        options.append(f"-Dlog4j2.configurationFile={log.resolve().as_uri()}")
    if ARCHIVE.is_file():
        options.append(f'"-XX:SharedArchiveFile={ARCHIVE}"')
        options.append("-Xlog:cds=off -Xlog:cds+dynamic=off")
    return options


def java() -> str:
    """The java that Spark will start.

    Raises LakehouseError where there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin") if home else None)
    if found is None:
        where = f"JAVA_HOME {home}" if home else "PATH"
        raise LakehouseError(f"There is no java in {where}; {WANTED_JAVA}")
    return found


@cache
def _remember_names() -> None:
    """Have py4j's proxies keep the classes and functions that they found by name.

    For each function of an expression pyspark looks up its class and itself: two questions to the
    JVM besides the call.
    """
    for kind, told in ((JVMView, JavaClass), (JavaClass, JavaMember)):

        def remembered(self: Any, name: str, told: type = told, ask: Any = kind.__getattr__) -> Any:
            found = ask(self, name)
            if isinstance(found, told):
                self.__dict__[name] = found
            return found

        kind.__getattr__ = remembered


def _launch(wanted: Mapping[str, str]) -> None:
    """Start the JVM with all its settings, its stderr by way of us."""
    found = java()
    # A shell set up for another Spark or Python names theirs, which do not fit this library.
    os.environ.pop("SPARK_HOME", None)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    reader, writer = os.pipe()
    threading.Thread(target=_pass_on, args=(reader,), daemon=True).start()
    try:
        conf = SparkConf(loadDefaults=False).setAll(list(wanted.items()))
        gateway = launch_gateway(conf, {"stderr": writer})
    except PySparkRuntimeError:
        raise LakehouseError(f"Spark's JVM, {found}, ended at its start; {WANTED_JAVA}") from None
    finally:
        os.close(writer)
    SparkContext._ensure_initialized(gateway=gateway)


def _pass_on(reader: int) -> None:
    """What the JVM says on stderr, without what says nothing to anybody."""
    with open(reader, "rb") as lines:
        for line in lines:
            if not line.startswith(NOISE):
                # Not sys.stderr, whose lock a thread must not hold when Python ends.
                os.write(2, line)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
