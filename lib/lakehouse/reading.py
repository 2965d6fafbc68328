"""The lake from Python: ``lake().table("gold.fact_sales")`` and ``lake().sql("SELECT ...")``.

For notebooks and scripts: it only reads. Both answer with a DataFrame of the one session.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from lakehouse import storage
from lakehouse.catalogue import LAYERS, Catalogue, load
from lakehouse.conf import conf_folder
from lakehouse.conf import load as load_conf
from lakehouse.errors import LakehouseError, did_you_mean, first_line
from lakehouse.named import Name
from lakehouse.schema import quoted
from lakehouse.session import start
from lakehouse.storage import Place, tables_in
from lakehouse.views import View

# Where a notebook finds its lake and its environment, when it names none.
LAKE, ENVIRONMENT = "LAKEHOUSE_LAKE", "LAKEHOUSE_ENV"
_NAME = re.compile(rf"`?\b({'|'.join(LAYERS)})\b`?\s*\.\s*`?(\w+)`?", re.IGNORECASE)


def tables_of(lake: Place) -> list[tuple[str, str, Place]]:
    """Layer, name and place of every Delta table in a lake, which must be there.

    Raises LakehouseError where the place holds none.
    """
    found = list(tables_in(lake))
    if not found:
        raise LakehouseError(f"There is no lake in {lake}; build one first (jobs/build.py).")
    return found


@dataclass(frozen=True)
class Lake:
    """A lake's tables and views by the name layer.table, in a Spark session."""

    path: Place
    catalogue: Catalogue
    spark: SparkSession = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Every table and view that can be asked for."""
        return sorted([*self._tables(), *(v.full_name for v in self._views())])

    def table(self, name: str) -> DataFrame:
        """A table or view by its name.

        Raises LakehouseError for a name that the lake does not have.
        """
        if name not in self.names:
            raise LakehouseError(
                f"The lake in {self.path} has no {name}; {did_you_mean(name, self.names)}."
            )
        self.show([name])
        return self.spark.table(name)

    def sql(self, query: str) -> DataFrame:
        """The answer to a query.

        Raises LakehouseError where Spark refuses it.
        """
        self.show(f"{layer}.{name}".lower() for layer, name in _NAME.findall(query))
        with spark_errors():
            return self.spark.sql(query)

    def show(self, wanted: Iterable[str]) -> None:
        """Give names of the lake, as layer.name, to the session's catalogue; only those wanted."""
        chosen, tables, views = set(wanted), self._tables(), []
        for view in reversed(self._views()):
            if view.full_name in chosen:
                chosen.update(view.inputs)
                views.append(view)
        for name in sorted(chosen.intersection(tables)):
            self._show_table(name, tables[name])
        for view in reversed(views):
            self._schema(view.layer)
            self.spark.sql(f"CREATE OR REPLACE VIEW {view.full_name} AS {view.sql}")

    def _show_table(self, name: str, path: Place) -> None:
        """Name a table, once a session; another lake's table of that name gives way."""
        if isinstance(path, Name):
            self.spark.sql(f"SET CATALOG {Name(path.parts[:1]).sql}")  # it has the name already
            return
        mark = f"lakehouse.shown.{name}"
        if self.spark.conf.get(mark, None) == str(path):
            return
        self._schema(name.partition(".")[0])
        self.spark.sql(f"DROP TABLE IF EXISTS {name}")
        self.spark.sql(f"CREATE TABLE {name} USING delta LOCATION {quoted(str(path))}")
        self.spark.conf.set(mark, str(path))

    def _schema(self, layer: str) -> None:
        """With a place in the lake, or Spark makes a folder for it where the reader stands."""
        if isinstance(self.path, Name):
            return
        place = quoted(str(self.path / layer))
        self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {layer} LOCATION {place}")

    def _tables(self) -> dict[str, Place]:
        return {f"{layer}.{name}": path for layer, name, path in tables_of(self.path)}

    def _views(self) -> list[View]:
        return self.catalogue.views_over(self._tables())


def lake(path: Place | str | None = None, env: str | None = None) -> Lake:
    """The lake at a place: by default $LAKEHOUSE_LAKE, else the one that conf names.

    ``env`` is the environment, as of ``--env``; by default $LAKEHOUSE_ENV, else local.
    Raises LakehouseError where the place holds no lake, or cannot.
    """
    conf = load_conf(env or os.environ.get(ENVIRONMENT, "local"))
    named = path or os.environ.get(LAKE) or conf["lake"]
    place = storage.place(named) if isinstance(named, str) else named
    if isinstance(place, Name):
        start(conf)  # only Spark knows such a lake
    elif isinstance(place, Path):
        place = (Path() if path or LAKE in os.environ else conf_folder().parent) / place
        place = storage.lake_folder(place.resolve())
    tables_of(place)
    return Lake(place, load(conf["tables"]), start(conf))


@contextmanager
def spark_errors() -> Iterator[None]:
    """What Spark refuses, in one sentence."""
    try:
        yield
    except PySparkException as error:
        raise LakehouseError(f"The query failed: {first_line(error)}") from None
