"""A toy lake in a folder: land files, build, look at rows."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from lakehouse import Contract
from lakehouse.catalogue import load as load_catalogue
from lakehouse.conf import load, merge
from lakehouse.frame import Frame
from lakehouse.landing.ledger import new_batch
from lakehouse.landing.source import EntityMapping, Source, drift_policy
from lakehouse.run import Result, run

SETTINGS = {
    "business_day": "stg_sales.sold_on",
    "factor": 1,
    "least_amount": 0,
    "snapshots": {"prices": False, "most_deleted": 0.5},
}


@dataclass
class House:
    """Landing and lake of one test."""

    folder: Path
    columns: dict[str, Mapping[str, str]] = field(default_factory=dict)
    package: str = "toy"
    drift: dict[str, str] = field(default_factory=dict)

    @property
    def contracts(self) -> dict[str, Contract]:
        """What the files of each entity hold."""
        found: dict[str, Contract] = import_module(f"{self.package}.contracts").CONTRACTS
        return found

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def land(self, path: str, *lines: str) -> None:
        """Write the CSV file ``path``, such as sales/2026-06-01.csv, from lines without a head."""
        file = self.landing / path
        file.parent.mkdir(parents=True, exist_ok=True)
        head = ",".join(column.name for column in self.contracts[path.split("/")[0]].columns)
        file.write_text("\n".join([head, *lines, ""]))

    def frame(
        self, full_refresh: bool = False, as_of: date | None = None, **settings: Any
    ) -> Frame:
        mappings = {
            name: EntityMapping(
                contract,
                (f"{name}/*",),
                columns=self.columns.get(name, {}),
                drift=drift_policy("toy.yaml", self.drift),
            )
            for name, contract in self.contracts.items()
        }
        return Frame(
            catalogue=load_catalogue(self.package),
            lake=self.lake,
            landing=self.landing,
            source=Source("toy", "toy.yaml", mappings, {}),
            conf=merge(load("local"), SETTINGS | settings),
            batch=new_batch(),
            full_refresh=full_refresh,
            as_of=as_of,
        )

    def build(self, *selection: str, **options: Any) -> Result:
        return run(self.frame(**options), selection)

    def built(self, *selection: str, **options: Any) -> dict[str, str]:
        """Build; returns the mode by table of what was built."""
        result = self.build(*selection, **options)
        assert result.exit_status == 0, [o.reason for o in result.outcomes]
        return {o.table.split(".")[1]: o.mode for o in result.outcomes}

    def copy(self, folder: Path) -> "House":
        """The same house elsewhere: files keep their times, so they count as known."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return House(folder, dict(self.columns), self.package, self.drift)

    def path(self, table: str) -> Path:
        return next(self.lake.glob(f"*/{table}"))

    def rows(self, table: str, *columns: str) -> list[tuple[str, ...]]:
        """Rows of a table as text, sorted."""
        found = DeltaTable(str(self.path(table))).to_pyarrow_table().select(list(columns))
        return sorted(tuple(str(value) for value in row.values()) for row in found.to_pylist())
