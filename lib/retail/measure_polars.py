"""The lag features of a day by Polars."""

import os
from datetime import date
from pathlib import Path
from typing import Any

from retail.kernels.demand_state import BITS
from retail.measure_peer_files import LAGS, MOVING, WINDOWS, Files, cores


def by_polars(files: Files, day: date, way: str, output: Path) -> None:
    """The features of a range, written by Polars."""
    os.environ["POLARS_MAX_THREADS"] = str(cores())
    import polars as pl

    pair = ["store_id", "product_id"]
    ago, units = pl.col("ago"), pl.col("gross_units")

    def sales(days: tuple[int, ...]) -> Any:
        parts = [
            pl.scan_parquet(files.sales[n]).select(*pair, units, pl.lit(n, pl.Int32).alias("ago"))
            for n in days
            if n in files.sales
        ]
        return pl.concat(parts)

    def summed(chosen: Any, value: Any = units) -> Any:
        return pl.when(chosen).then(value).otherwise(0).sum()

    def deviation(n: int) -> Any:
        total = pl.col(f"units_sum_{n}")
        return (n * pl.col(f"squares_{n}") - total * total).sqrt() / n

    counts = pl.scan_parquet(files.counts[0]).select(pair)
    if way == "recompute":
        within = {w: ago.is_between(1, w) for w in WINDOWS}
        sums = (
            sales(tuple(range(92)))
            .group_by(pair)
            .agg(
                summed(ago == 0).alias("units"),
                *[summed(ago == k).alias(f"units_lag_{k}") for k in LAGS],
                *[summed(within[w]).alias(f"units_sum_{w}") for w in WINDOWS],
                *[summed(within[w], units * units).alias(f"squares_{w}") for w in WINDOWS],
                pl.when(ago > 0).then(ago).min().alias("last_ago"),
            )
        )
        rows = counts.join(sums, pair, "left").with_columns(
            pl.min_horizontal(pl.col("last_ago").fill_null(BITS + 1), pl.lit(BITS + 1)).alias(
                "days_since_sale"
            ),
            pl.exclude(*pair, "last_ago").fill_null(0),
        )
    else:
        sold = sales(MOVING).group_by(pair)
        sold = sold.agg(*[summed(ago == n).alias(f"sold_{n}") for n in MOVING])
        rows = counts.join(pl.scan_parquet(files.before), pair, "left").join(sold, pair, "left")
        rows = rows.with_columns(pl.col("^sold_.*$").fill_null(0))
        was = pl.col("units")

        def squares(window: int) -> Any:
            left = pl.col(f"sold_{window + 1}")
            return pl.col(f"units_squares_{window}") + was * was - left * left

        rows = rows.select(
            *pair,
            pl.col("sold_0").alias("units"),
            was.alias("units_lag_1"),
            *[pl.col(f"sold_{k}").alias(f"units_lag_{k}") for k in LAGS if k > 1],
            *[
                (pl.col(f"units_sum_{w}") + was - pl.col(f"sold_{w + 1}")).alias(f"units_sum_{w}")
                for w in WINDOWS
            ],
            *[squares(w).alias(f"squares_{w}") for w in (28, 91)],
            pl.when(was > 0)
            .then(1)
            .otherwise(pl.min_horizontal(pl.col("days_since_sale") + 1, pl.lit(BITS + 1)))
            .alias("days_since_sale"),
        )
    rows.with_columns(*[deviation(w).alias(f"units_std_{w}") for w in (28, 91)]).rename(
        {f"squares_{w}": f"units_squares_{w}" for w in (28, 91)}
    ).drop("squares_7", "last_ago", strict=False).sink_parquet(output, compression="zstd")
