"""Builds of the sample as people submit them."""

import os
import subprocess

from places import ROOT, SAMPLE

SOURCE = ["--source", str(ROOT / "conf/sources/online_retail.yaml"), "--landing", str(SAMPLE)]
# Three JVMs share a machine with two cores: small ones, and few partitions of few rows.
SMALL = ["--driver-memory", "1g", "--conf", "spark.sql.shuffle.partitions=2"]


def submit(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """spark-submit.sh, its words and variables beside ours."""
    command = [str(ROOT / "spark-submit.sh"), *words]
    return subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, check=False
    )
