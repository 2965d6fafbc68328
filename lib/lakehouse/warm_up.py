"""A session that does a little of everything, whose JVM keeps the classes that it took: sessions
find them in that archive, and need not read, check and link them from the jars.
"""

import sys

from pyspark.sql import DataFrame, SparkSession

from lakehouse.conf import load
from lakehouse.session import start, stop


def main(archive: str, folder: str) -> None:
    """Write ``archive``; ``folder`` is for tables, and not there yet."""
    conf = load("local")
    conf["spark"]["spark.driver.extraJavaOptions"] += f' "-XX:ArchiveClassesAtExit={archive}"'
    spark = start(conf)
    rows = spark.range(1000).selectExpr(
        "id",
        "id % 3 AS day",
        "current_timestamp() AS at",
        "CAST(id AS DECIMAL(18,2)) AS amount",
        "'x' AS text",
    )
    rows.createOrReplaceTempView("rows")
    _delta(spark, rows, f"{folder}/delta")
    _plain(spark, rows, f"{folder}/plain")
    stop(spark)


def _delta(spark: SparkSession, rows: DataFrame, path: str) -> None:
    """A table by days, a MERGE, and its change feed."""
    writer = rows.write.format("delta").partitionBy("day")
    writer.option("delta.enableChangeDataFeed", "true").save(path)
    spark.sql(
        f"MERGE INTO delta.`{path}` t USING rows s ON t.id = s.id AND t.id < 9"
        " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", 0)
    feed.load(path).groupBy("day").count().collect()


def _plain(spark: SparkSession, rows: DataFrame, path: str) -> None:
    """Files, rows that are kept, and the joins, windows and groups that tables are made by."""
    rows.write.partitionBy("day").parquet(path)
    read = spark.read.schema(rows.schema).option("basePath", path).parquet(path)
    read.persist().createOrReplaceTempView("kept")
    spark.sql(
        "SELECT *, lag(text) OVER w AS before, row_number() OVER w AS number,"
        " max(at) OVER (PARTITION BY day) AS newest FROM kept"
        " WINDOW w AS (PARTITION BY day ORDER BY id)"
    ).where("number = 1").toArrow()
    spark.sql(
        "SELECT day, count(DISTINCT text), sum(amount), max(text), collect_set(id % 2) FROM kept"
        " GROUP BY day"
    ).collect()
    spark.sql("SELECT k.* FROM kept k LEFT ANTI JOIN rows r ON k.id = r.id + 1").first()
    spark.sql("SELECT * FROM kept k FULL OUTER JOIN rows r USING (text, id)").count()


if __name__ == "__main__":
    main(*sys.argv[1:])
