"""AdventureWorks: intervals of prices and of costs become one log of product changes.

Five tab-separated files without a header. EndDate is a product's last day at that price or cost;
empty means that the interval is open.
"""

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse import LakehouseError

COLUMNS = {
    "Product": (
        "ProductID, Name, ProductNumber, MakeFlag, FinishedGoodsFlag, Color, SafetyStockLevel,"
        " ReorderPoint, StandardCost, ListPrice, Size, SizeUnitMeasureCode, WeightUnitMeasureCode,"
        " Weight, DaysToManufacture, ProductLine, Class, Style, ProductSubcategoryID,"
        " ProductModelID, SellStartDate, SellEndDate, DiscontinuedDate, rowguid, ModifiedDate"
    ),
    "ProductListPriceHistory": "ProductID, StartDate, EndDate, ListPrice, ModifiedDate",
    "ProductCostHistory": "ProductID, StartDate, EndDate, StandardCost, ModifiedDate",
    "ProductSubcategory": "ProductSubcategoryID, ProductCategoryID, Name, rowguid, ModifiedDate",
    "ProductCategory": "ProductCategoryID, Name, rowguid, ModifiedDate",
}
# Grain: one row per product and instant at which its price or its cost begins or ends. At each the
# product has the price and the cost whose intervals hold the instant; where neither does, it is gone.
# A product without any interval has one state, its list price and standard cost, from the beginning.
EVENTS = """
WITH price AS (
  SELECT ProductID, CAST(StartDate AS TIMESTAMP) AS starts_at,
    coalesce(CAST(EndDate AS TIMESTAMP) + INTERVAL 1 DAY, 'infinity') AS ends_at,
    CAST(ListPrice AS DECIMAL(18,4)) AS amount
  FROM ProductListPriceHistory
), cost AS (
  SELECT ProductID, CAST(StartDate AS TIMESTAMP) AS starts_at,
    coalesce(CAST(EndDate AS TIMESTAMP) + INTERVAL 1 DAY, 'infinity') AS ends_at,
    CAST(StandardCost AS DECIMAL(18,4)) AS amount
  FROM ProductCostHistory
), cut AS (
  SELECT ProductID, unnest([starts_at, ends_at]) AS cut_at FROM price
  UNION
  SELECT ProductID, unnest([starts_at, ends_at]) AS cut_at FROM cost
), state AS (
  SELECT cut.ProductID, cut_at, price.amount AS unit_price, cost.amount AS unit_cost,
    price.ProductID IS NULL AND cost.ProductID IS NULL AS is_gone
  FROM cut
  LEFT JOIN price ON price.ProductID = cut.ProductID
    AND cut_at >= price.starts_at AND cut_at < price.ends_at
  LEFT JOIN cost ON cost.ProductID = cut.ProductID
    AND cut_at >= cost.starts_at AND cut_at < cost.ends_at
  WHERE isfinite(cut_at)
  UNION ALL
  SELECT ProductID, TIMESTAMP '1900-01-01', CAST(ListPrice AS DECIMAL(18,4)),
    CAST(StandardCost AS DECIMAL(18,4)), false
  FROM Product ANTI JOIN cut USING (ProductID)
)
SELECT
  state.ProductID AS product_id,
  Product.ProductNumber AS sku,
  Product.Name AS product_name,
  ProductCategory.Name AS category,
  ProductSubcategory.Name AS subcategory,
  CAST(NULL AS VARCHAR) AS brand,
  unit_price,
  unit_cost,
  CAST(Weight AS DOUBLE) / if(trim(WeightUnitMeasureCode) = 'G', 453.59237, 1) AS weight_lbs,
  CAST(SellStartDate AS TIMESTAMP) AS created_at,
  cut_at AS updated_at,
  if(is_gone, 'delete', 'upsert') AS _operation
FROM state
LEFT JOIN Product USING (ProductID)
LEFT JOIN ProductSubcategory USING (ProductSubcategoryID)
LEFT JOIN ProductCategory USING (ProductCategoryID)
ORDER BY product_id, updated_at, unit_price, unit_cost
"""


def land(files: Path, landing: Path) -> None:
    """Write ``landing/products.parquet``: one row per product and change, as the contract says.

    The same ``files`` give the same bytes, and a file that is there already stays as it is.
    Raises LakehouseError where one of the five files is missing or holds what cannot be read.
    """
    views = [_view(name, _path(files, name), columns) for name, columns in COLUMNS.items()]
    connection = duckdb.connect(config={"threads": 1})
    try:
        for view in views:
            connection.execute(view)
        events = connection.execute(EVENTS).to_arrow_table()
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:300]
        raise LakehouseError(
            f"The AdventureWorks files in {files} cannot be read ({reason}); expected"
            " tab-separated columns as lib/retail/sources/adventureworks.py lists them."
        ) from None
    _write(events, landing / "products.parquet")


def _path(files: Path, name: str) -> Path:
    for path in (files / f"{name}.csv.gz", files / f"{name}.csv"):
        if path.is_file():
            return path
    raise LakehouseError(
        f"There is no {name}.csv.gz in {files}; set RETAIL_DATA to the folder that holds"
        " adventureworks/, or name the folder of the five files with --landing."
    )


def _view(name: str, path: Path, columns: str) -> str:
    """A view of the file, every column as text and nothing quoted."""
    types = ", ".join(f"'{column}': 'VARCHAR'" for column in columns.split(", "))
    literal = str(path).replace("'", "''")
    return (
        f"CREATE VIEW {name} AS SELECT * FROM read_csv('{literal}', delim = '\\t',"
        f" header = false, quote = '', escape = '', columns = {{{types}}})"
    )


def _write(events: pa.Table, target: Path) -> None:
    """Moved into place whole; the same content keeps its file and so its time."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}")
    pq.write_table(events, beside)
    if target.is_file() and target.read_bytes() == beside.read_bytes():
        beside.unlink()
    else:
        os.replace(beside, target)
