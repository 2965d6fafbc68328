"""The ledger: what a transaction line earns, gives back and when. Every amount comes from here.

A sale entry stands on the day of sale for every line that is not cancelled; a return entry on
the day the line's status became returned. A credit note (line_type return, negative quantity,
or a negative amount) is a return entry on its own day. A charge counts money and no units.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# What tells whether a line sold something.
SALE_COLUMNS = (
    "quantity",
    "unit_price",
    "discount_amount",
    "total_amount",
    "line_type",
    "is_cancelled",
)
# What the ledger reads of a line; a change elsewhere on the line moves no measure.
LINE_COLUMNS = (*SALE_COLUMNS, "returned_on")
# line_amount() in the SQL that Spark and DuckDB share: what the balance recounts by.
LINE_AMOUNT = (
    "coalesce(total_amount, CAST(round(quantity * unit_price - coalesce(discount_amount, 0), 2)"
    " AS DECIMAL(18,2)))"
)
# Lines with what follows below, in DuckDB's SQL: FROM {LINES_SQL}, of the input stg_transactions.
LINES_SQL = f"""(
    SELECT *, NOT is_cancelled AND NOT is_credit_note AS sells,
        NOT is_cancelled AND (is_credit_note OR returned_on IS NOT NULL) AS gives_back
    FROM (
        SELECT *, {LINE_AMOUNT} AS line_amount,
            CAST(CASE WHEN line_type = 'charge' THEN 0 ELSE abs(quantity) END AS BIGINT) AS line_units,
            line_type = 'return' OR (quantity < 0 AND line_type <> 'charge')
                OR coalesce({LINE_AMOUNT} < 0, false) AS is_credit_note
        FROM stg_transactions
    )
)"""


def line_amount() -> Column:
    """The line's amount: total_amount as landed, else quantity x price - discount, half up.

    >>> line = spark.sql("SELECT 3 quantity, 1.115BD unit_price, 0.00BD discount_amount,"
    ...                  " CAST(NULL AS DECIMAL(18,2)) total_amount")
    >>> line.select(line_amount().alias("amount")).show()
    +------+
    |amount|
    +------+
    |  3.35|
    +------+
    <BLANKLINE>
    """
    discount = F.coalesce("discount_amount", F.lit(0))
    computed = F.round(F.col("quantity") * F.col("unit_price") - discount, 2)
    return F.coalesce("total_amount", computed.cast("decimal(18,2)"))


def is_charge() -> Column:
    """Postage, fees, write-offs: money without units."""
    return F.col("line_type") == "charge"


def is_credit_note() -> Column:
    """A line that only gives back, on its own day: by its type, its quantity or its amount.

    >>> lines = spark.sql("SELECT inline(array((-2, 'sale', 10.00BD), (1, 'sale', 9.00BD),"
    ...                   " (-1, 'charge', 5.00BD))) (quantity, line_type, total_amount)")
    >>> lines = lines.selectExpr("*", "0BD discount_amount", "5BD unit_price")
    >>> lines.select("quantity", "line_type", is_credit_note().alias("is_credit_note"),
    ...              line_units().alias("units")).show()
    +--------+---------+--------------+-----+
    |quantity|line_type|is_credit_note|units|
    +--------+---------+--------------+-----+
    |      -2|     sale|          true|    2|
    |       1|     sale|         false|    1|
    |      -1|   charge|         false|    0|
    +--------+---------+--------------+-----+
    <BLANKLINE>
    """
    negative = (F.col("quantity") < 0) & ~is_charge()
    return (F.col("line_type") == "return") | negative | (line_amount() < 0)


def sells() -> Column:
    """A line that sold something on its day, whether or not it came back later."""
    return ~F.col("is_cancelled") & ~is_credit_note()


def order() -> Column:
    """The order of a line; a line that names none is an order of its own.

    >>> lines = spark.sql("SELECT * FROM VALUES ('T1', 'O1'), ('T2', NULL) AS (transaction_id, order_id)")
    >>> lines.select(order().alias("order")).show()
    +-----+
    |order|
    +-----+
    |   O1|
    |   T2|
    +-----+
    <BLANKLINE>
    """
    return F.coalesce("order_id", "transaction_id")


def line_units() -> Column:
    """Units that the line moves, in either direction."""
    return F.when(is_charge(), 0).otherwise(F.abs("quantity")).cast("bigint")


def gross_units() -> Column:
    """Units sold."""
    return F.when(sells(), line_units()).otherwise(0)


def gross_amount() -> Column:
    """Money taken, after discount.

    >>> line = spark.sql("SELECT -2 quantity, 5.00BD unit_price, 0.00BD discount_amount,"
    ...                  " -10.00BD total_amount, 'sale' line_type, false is_cancelled,"
    ...                  " CAST(NULL AS DATE) returned_on")
    >>> line.select(gross_amount().alias("gross"), returned_amount().alias("returned"),
    ...             net_amount().alias("net")).show()
    +-----+--------+------+
    |gross|returned|   net|
    +-----+--------+------+
    | 0.00|   10.00|-10.00|
    +-----+--------+------+
    <BLANKLINE>
    """
    return F.when(sells(), line_amount()).otherwise(0).cast("decimal(18,2)")


def returned_units() -> Column:
    """Units that came back, whether by a later status or as a credit note."""
    return F.when(_gives_back(), line_units()).otherwise(0)


def returned_amount() -> Column:
    """Money given back, at least 0."""
    return F.when(_gives_back(), F.abs(line_amount())).otherwise(0).cast("decimal(18,2)")


def _gives_back() -> Column:
    return ~F.col("is_cancelled") & (is_credit_note() | F.col("returned_on").isNotNull())


def net_units() -> Column:
    """Units sold less units returned."""
    return gross_units() - returned_units()


def net_amount() -> Column:
    """Money taken less money given back."""
    return (gross_amount() - returned_amount()).cast("decimal(18,2)")


def entries(lines: DataFrame, *kept: str) -> DataFrame:
    """Ledger entries with the columns ``kept``; grain: one per line and day it sold or gave back.

    ``sold_on`` becomes the day of the entry; an entry is either a sale (gross) or a return.

    >>> line = spark.sql("SELECT 'T1' id, DATE'2026-06-01' sold_on, 2 quantity, 5BD unit_price,"
    ...                  " 1.00BD discount_amount, 9.00BD total_amount, 'sale' line_type,"
    ...                  " false is_cancelled, DATE'2026-06-04' returned_on")
    >>> entries(line, "id").select("sold_on", "gross_units", "gross_amount",
    ...                            "returned_units", "returned_amount").show()
    +----------+-----------+------------+--------------+---------------+
    |   sold_on|gross_units|gross_amount|returned_units|returned_amount|
    +----------+-----------+------------+--------------+---------------+
    |2026-06-01|          2|        9.00|             0|           0.00|
    |2026-06-04|          0|        0.00|             2|           9.00|
    +----------+-----------+------------+--------------+---------------+
    <BLANKLINE>
    """
    no_units, no_amount = F.lit(0).cast("bigint"), F.lit(0).cast("decimal(18,2)")
    discount = F.coalesce("discount_amount", F.lit(0)).cast("decimal(18,2)")
    sale = F.struct(
        F.col("sold_on").alias("sold_on"),
        gross_units().alias("gross_units"),
        gross_amount().alias("gross_amount"),
        no_units.alias("returned_units"),
        no_amount.alias("returned_amount"),
        discount.alias("discount_amount"),
        F.lit(True).alias("is_sale"),
    )
    day_back = F.when(is_credit_note(), F.col("sold_on")).otherwise(F.col("returned_on"))
    back = F.struct(
        day_back.alias("sold_on"),
        no_units.alias("gross_units"),
        no_amount.alias("gross_amount"),
        returned_units().alias("returned_units"),
        returned_amount().alias("returned_amount"),
        no_amount.alias("discount_amount"),
        F.lit(False).alias("is_sale"),
    )
    both = (
        F.when(sells() & _gives_back(), F.array(sale, back))
        .when(sells(), F.array(sale))
        .when(_gives_back(), F.array(back))
    )
    return lines.select(*kept, F.explode(both).alias("entry")).select(*kept, "entry.*")
