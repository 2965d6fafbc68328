"""The files that schedulers read, as text by path; jobs/describe.py writes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lakehouse.catalogue import Catalogue
from lakehouse.publish import airflow, databricks

_NOTE = (
    "# Written by jobs/describe.py from the tables and conf/base.yaml; change those, not this.\n"
)


def files(catalogue: Catalogue, schedule: Mapping[str, Any], root: Path) -> dict[Path, str]:
    """Every derived file of conf/databricks and conf/airflow by its path."""
    folder = root / "conf" / "databricks" / "resources"
    pipeline = root / "conf" / "airflow" / "ecommerce_data_pipeline.py"
    notebooks = sorted(path.name for path in (root / "notebooks").glob("*.ipynb"))
    return {pipeline: airflow.dag(pipeline.read_text(), catalogue, schedule)} | {
        folder / f"{key}.yml": _NOTE + _yaml({"resources": {"jobs": {key: job}}})
        for key, job in databricks.jobs(catalogue, schedule, notebooks).items()
    }


class _Plain(yaml.SafeDumper):
    """Without anchors: what is said twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(content: Any) -> str:
    return yaml.dump(content, Dumper=_Plain, sort_keys=False, width=100)
