"""How products do, week by week: four weeks, the fiscal year so far, rank and ABC class."""

from datetime import date
from typing import Annotated

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import by_day, setting, table, valid_at, whole
from retail.terms import calendar
from retail.terms.members import without_members
from retail.terms.share import pct
from retail.terms.zones import close

# The days before and including a grid day that the columns _28d, ranks and classes look at.
WINDOW_DAYS = 28
# Shares of the four weeks' amount at which classes A and B end, in percent (Pareto's rule).
A_ENDS, B_ENDS = 80, 95


@table(
    key=("product_id", "grid_on"),
    scope=whole(),
    schema="""
        product_id      STRING NOT NULL COMMENT 'Product',
        grid_on         DATE NOT NULL COMMENT 'Fiscal week end, or the last day: figures are those of its close',
        category        STRING COMMENT 'Department on the grid day',
        units_28d       BIGINT NOT NULL COMMENT 'Net units of the 28 days to the grid day',
        amount_28d      DECIMAL(28,2) NOT NULL COMMENT 'Net amount of those days',
        profit_28d      DECIMAL(28,2) COMMENT 'Profit of those days; null when no cost is known',
        margin_pct_28d  DECIMAL(18,2) COMMENT 'Profit as a percentage of the net amount whose cost is known',
        units_ytd       BIGINT NOT NULL COMMENT 'Net units of the fiscal year to the grid day',
        amount_ytd      DECIMAL(28,2) NOT NULL COMMENT 'Net amount of the fiscal year',
        profit_ytd      DECIMAL(28,2) COMMENT 'Profit of the fiscal year; null when no cost is known',
        margin_pct_ytd  DECIMAL(18,2) COMMENT 'Profit as a percentage of the net amount whose cost is known',
        category_rank   INT NOT NULL COMMENT 'Place in the category by amount_28d, 1 the highest; equal amounts share a place',
        abc_class       STRING NOT NULL COMMENT 'A: products that make the first 80 % of amount_28d, B: up to 95 %, C: the rest'
    """,
)
def int_product_performance(
    fact_sales: Annotated[
        DataFrame,
        by_day(
            "sold_on",
            uses=("product_id", "line_type", "net_units", "net_amount", "line_profit"),
        ),
    ],
    dim_product: DataFrame,
    fiscal: Annotated[calendar.Rule, setting("fiscal_calendar")],
    as_of: date,
) -> DataFrame:
    """One row per product and grid day with a sale in the 28 days or the fiscal year to it.

    Sales are those of fact_sales: dated by the sale, in the present state of the line.
    """
    costed = F.when(F.col("line_profit").isNotNull(), F.col("net_amount"))
    daily = (
        fact_sales.where("line_type <> 'charge'")
        .groupBy("product_id", "sold_on")
        .agg(
            F.sum("net_units").alias("units"),
            F.sum("net_amount").alias("amount"),
            F.sum("line_profit").alias("profit"),
            F.sum(costed).alias("costed"),
        )
    )
    grid = calendar.grid(fact_sales, "sold_on", as_of, fiscal)
    recent = F.datediff("grid_on", "sold_on") < WINDOW_DAYS
    same_year = calendar.fiscal_year(F.col("sold_on"), fiscal) == calendar.fiscal_year(
        F.col("grid_on"), fiscal
    )
    counts = (F.col("sold_on") <= F.col("grid_on")) & (recent | same_year)
    figures = (
        daily.join(F.broadcast(grid), counts)
        .groupBy("product_id", "grid_on")
        .agg(*_sums(recent, "28d"), *_sums(same_year, "ytd"))
    )
    return _ranked(_with_category(figures, dim_product))


def _sums(counts: Column, suffix: str) -> list[Column]:
    """Units, amount, profit and margin of the days that count."""

    def total(name: str) -> Column:
        return F.sum(F.when(counts, F.col(name)))

    return [
        F.coalesce(total("units"), F.lit(0)).cast("bigint").alias(f"units_{suffix}"),
        F.coalesce(total("amount"), F.lit(0)).cast("decimal(28,2)").alias(f"amount_{suffix}"),
        total("profit").cast("decimal(28,2)").alias(f"profit_{suffix}"),
        pct(total("profit"), total("costed")).alias(f"margin_pct_{suffix}"),
    ]


def _with_category(figures: DataFrame, dim_product: DataFrame) -> DataFrame:
    """Figures with the category of the version valid at the end of the grid day."""
    products = without_members(dim_product, "product_key")
    versions = products.select("product_id", "category", "valid_from", "valid_to")
    end = close(F.col("grid_on"), "UTC")
    return valid_at(figures, F.broadcast(versions), "product_id", end)


def _ranked(figures: DataFrame) -> DataFrame:
    """Figures with rank and class; what takes no money makes no share of it."""
    in_category = Window.partitionBy("grid_on", "category").orderBy(F.col("amount_28d").desc())
    taken = F.greatest("amount_28d", F.lit(0))
    overall = Window.partitionBy("grid_on")
    higher = overall.orderBy(F.col("amount_28d").desc(), "product_id").rowsBetween(
        Window.unboundedPreceding, -1
    )
    before = F.coalesce(F.sum(taken).over(higher), F.lit(0)) * 100
    total = F.sum(taken).over(overall)
    abc = (
        F.when((taken > 0) & (before < total * A_ENDS), "A")
        .when((taken > 0) & (before < total * B_ENDS), "B")
        .otherwise("C")
    )
    return figures.withColumns({"category_rank": F.rank().over(in_category), "abc_class": abc})
