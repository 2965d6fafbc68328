"""The as-of day of a build, told from the lake and the names of landed files; what is refused."""

import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from toy.house import House

from lakehouse import LakehouseError, plan
from lakehouse.plan import NO_DAY, frame_as_of, refuse_what_cannot_be_built


@pytest.mark.parametrize(
    ("sold", "files", "expected"),
    [
        (["2026-06-01", "2026-06-03"], ["sales/2026-06-02.csv"], "2026-06-01"),
        (["2026-06-01", "2099-01-01"], ["sales/all.csv"], "2099-01-01"),
        ([], ["sales/2026-06-02.csv", "prices/2026-06-04.csv"], "2026-06-04"),
        (["2026-06-03"], ["sales/2026-06-02.csv"], "2026-06-02"),
        ([], ["prices.csv"], str(NO_DAY)),
        ([], [], str(NO_DAY)),
    ],
)
def test_the_last_business_day_that_a_file_s_name_reaches(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sold: list[str],
    files: list[str],
    expected: str,
) -> None:
    house = House(tmp_path)
    days = pa.array([date.fromisoformat(day) for day in sold], pa.date32())
    table = pa.table({"sale_id": pa.array(sold, pa.string()), "sold_on": days})
    write_deltalake(str(house.lake / "silver" / "stg_sales"), table, partition_by=["sold_on"])
    landed = {file: SimpleNamespace(path=file) for file in files}
    monkeypatch.setattr(plan.Ledger, "read", lambda ledger: landed)
    assert frame_as_of(house.frame()) == date.fromisoformat(expected)
    assert frame_as_of(house.frame(as_of=date(2026, 1, 1))) == date(2026, 1, 1)


def test_no_event_may_start_a_version_at_its_open_end_or_later(tmp_path: Path) -> None:
    house, names = House(tmp_path), ["raw_prices", "stg_prices", "dim_item"]
    refuse_what_cannot_be_built(house.frame(history={"latest": "9999-12-30"}), names)
    said = (
        "dim_item end at 9999-12-31, but an event may start one up to 9999-12-31 (history.latest)"
    )
    with pytest.raises(LakehouseError, match=re.escape(said)):
        refuse_what_cannot_be_built(house.frame(history={"latest": "9999-12-31"}), names)
