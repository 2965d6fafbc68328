"""AdventureWorks, sample and real: dim_product holds the intervals of the files, and no others."""

import os
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from end_to_end.lakes import ask
from oracles.adventureworks import Version, versions
from places import ADVENTUREWORKS, ADVENTUREWORKS_SAMPLE, ROOT, Build, frame, real
from pyspark.sql import SparkSession

from lakehouse import LakehouseError
from lakehouse.balance.report import balance
from lakehouse.doctor.findings import Diagnosis
from lakehouse.doctor.options import add_names
from lakehouse.doctor.subject import subject
from lakehouse.doctor.visit import look_over
from lakehouse.run import dry_run
from retail import project

IN_LAKE = f"""
    SELECT {", ".join(Version._fields)} FROM gold.dim_product
    WHERE product_key NOT IN (0, -1) AND is_current = (valid_to = TIMESTAMPTZ '9999-12-31 00:00:00Z')
    ORDER BY product_id, valid_from"""


def in_lake(lake: Path) -> list[Version]:
    """Versions as the lake has them; every bound must be a midnight, UTC."""
    found = []
    for row in ask(lake, IN_LAKE):
        bounds = [moment.astimezone().replace(tzinfo=None) for moment in row[-2:]]
        assert bounds == [datetime.combine(bound, datetime.min.time()) for bound in bounds]
        found.append(Version(*row[:-2], *(bound.date() for bound in bounds)))
    return found


def examined(spark: SparkSession, landing: Path, lake: Path) -> Diagnosis:
    """What the doctor finds in dim_product, told nothing but its name."""
    parser = ArgumentParser()
    add_names(parser)
    asked = parser.parse_args(["gold.dim_product"])
    return look_over(spark, subject(frame(landing, lake, source="adventureworks"), asked))


def test_the_sample_builds_the_whole_house_and_nothing_the_second_time(
    spark: SparkSession, build: Build, tmp_path: Path
) -> None:
    """The doctor notes the product that was not sold for half a year, and the one that ended."""
    sample = {"landing": ADVENTUREWORKS_SAMPLE, "lake": tmp_path / "lake"}
    result = build(**sample, source="adventureworks")
    assert result.exit_status == 0, [o.reason for o in result.outcomes]
    found = in_lake(tmp_path / "lake")
    assert found == versions(ADVENTUREWORKS_SAMPLE)
    assert len(found) == 14
    assert ask(tmp_path / "lake", "SELECT count(*) FROM gold.dim_product_current") == [(9,)]
    weights = "SELECT weight_lbs FROM gold.dim_product_current WHERE product_id IN ('10', '20')"
    assert sorted(round(pounds, 3) for (pounds,) in ask(tmp_path / "lake", weights)) == [1.0, 5.5]
    assert build(**sample, source="adventureworks").outcomes == []
    diagnosis = examined(spark, **sample)
    assert diagnosis.totals == {"gap": (1, 1), "no_open_version": (1, 1)}
    assert {key: notes for key, _, notes in diagnosis.worst} == {
        '{"product_id":"11"}': "no_open_version",
        '{"product_id":"13"}': "gap",
    }
    assert not diagnosis.is_ill(strict=False)
    assert balance(frame(**sample, source="adventureworks")) == 0


@real(ADVENTUREWORKS)
def test_the_real_intervals_come_out_exactly_and_healthy(
    spark: SparkSession, build: Build, tmp_path: Path
) -> None:
    result = build(ADVENTUREWORKS, tmp_path, "+dim_product", source="adventureworks")
    assert result.exit_status == 0, [o.reason for o in result.outcomes]
    found = in_lake(tmp_path)
    assert found == versions(ADVENTUREWORKS)
    products = {version.product_id for version in found}
    closed = products - {v.product_id for v in found if v.valid_to.year == 9999}
    since_ever = {v.product_id for v in found if v.valid_from.year == 1900}
    assert (len(found), len(products), len(closed), len(since_ever)) == (606, 504, 98, 211)
    diagnosis = examined(spark, ADVENTUREWORKS, tmp_path)
    assert not diagnosis.is_ill(strict=False)
    assert diagnosis.totals == {"no_open_version": (98, 98)}


def test_without_the_files_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETAIL_DATA", str(tmp_path))
    source = ROOT / "conf" / "sources" / "adventureworks.yaml"
    options = SimpleNamespace(source=source, landing=None, lake=tmp_path / "lake", env="local")
    frame = project.frame(options)  # type: ignore[arg-type]
    with pytest.raises(
        LakehouseError, match=f"no Product.csv.gz in {tmp_path}/adventureworks; set"
    ):
        dry_run(frame)
    assert os.listdir(tmp_path) == []


def test_an_adapter_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "mine.yaml"
    source.write_text("adapter: retail.sources.adventurewroks\n")
    options = SimpleNamespace(source=source, landing=None, lake=tmp_path, env="local")
    with pytest.raises(LakehouseError, match=r"names the adapter retail\.sources.*which cannot be"):
        project.frame(options)  # type: ignore[arg-type]
