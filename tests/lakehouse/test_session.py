"""What shared and serverless compute forbids stays in the one module that may touch it."""

import io
import tokenize
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from places import ROOT
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.session import during, sibling, start

FORBIDDEN = {"_jvm", "_jsc", "_gateway", "_jsparkSession", "_jdf", "rdd", "parallelize",
             "sparkContext", "SparkContext", "SQLContext"}  # fmt: skip
ALLOWED = {Path("lib/lakehouse/session.py")}


def words(path: Path) -> set[str]:
    """The names in a module; what its texts and comments say is no use of anything."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def test_only_the_session_module_goes_below_sql_and_dataframes() -> None:
    used = {
        path.relative_to(ROOT): found
        for folder in ("lib", "jobs")
        for path in (ROOT / folder).rglob("*.py")
        if (found := words(path) & FORBIDDEN)
    }
    assert set(used) == ALLOWED, used


def test_the_jvm_is_asked_once_where_a_function_is(spark: SparkSession) -> None:
    functions = getattr(spark._jvm, "org.apache.spark.sql.functions")
    F.col("a")
    assert functions is getattr(spark._jvm, "org.apache.spark.sql.functions")
    assert functions.col is vars(functions)["col"]


def test_settings_of_a_while_are_then_what_they_were(spark: SparkSession) -> None:
    given, other = "spark.sql.maxConcurrentOutputFileWriters", "spark.sql.not.of.spark"
    mine = sibling(spark, {})
    mine.conf.set(given, "3")
    with suppress(ZeroDivisionError), during(mine, {given: "8", other: "1"}):
        assert (mine.conf.get(given), mine.conf.get(other)) == ("8", "1")
        raise ZeroDivisionError
    assert (mine.conf.get(given), mine.conf.get(other, None)) == ("3", None)


def test_on_databricks_sessions_get_the_settings_that_they_still_take(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, fixed = "spark.sql.shuffle.partitions", "spark.sql.warehouse.dir"
    there = SparkSession.getActiveSession() or spark
    before = {name: there.conf.get(name) for name in (taken, fixed)}
    conf = {"spark": {taken: 7, fixed: "/elsewhere"}}
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
    try:
        assert start(conf) is there
        for session in (there, sibling(there, conf)):
            assert session.conf.get(taken) == "7"
            assert session.conf.get(fixed) == before[fixed]
    finally:
        there.conf.set(taken, str(before[taken]))


def test_code_for_a_plan_is_compiled_once_for_the_driver_and_its_tasks(spark: SparkSession) -> None:
    metrics = spark._jvm.org.apache.spark.metrics.source.CodegenMetrics

    compiling = sibling(spark, {})
    compiling.conf.set("spark.sql.codegen.wholeStage", "true")  # tests compile nothing else
    compiling.conf.set("spark.sql.codegen.factoryMode", "FALLBACK")

    def compilations(expression: str) -> int:
        rows = compiling.range(9).selectExpr(f"{expression} AS answer")
        before = metrics.METRIC_COMPILATION_TIME().getCount()
        rows.write.format("noop").mode("overwrite").save()
        return int(metrics.METRIC_COMPILATION_TIME().getCount() - before)

    one, another = "id * id - cbrt(id)", "hypot(id, id) + sinh(id)"
    with ThreadPoolExecutor(1) as other:  # a thread that the driver had not had before
        found = [compilations(one), other.submit(compilations, another).result()]
    assert [*found, compilations(one)] == [1, 1, 0]
