"""spark-submit with the project's library, conf and Spark settings."""

import os
import re
import socket
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from lakehouse import session
from lakehouse.conf import conf_folder, load
from lakehouse.errors import LakehouseError
from lakehouse.session import java, settings

ROOT = Path(__file__).parents[2]
# Spark's options that take no value.
FLAGS = {"--verbose", "-v", "--supervise"}


def command(arguments: list[str], build: Path) -> list[str]:
    """The spark-submit command line for our arguments; the zips go to the folder ``build``.

    Spark's options stand before the job file, the job's after it; ``--master`` and ``--env`` may
    stand on either side. Raises LakehouseError for a job file or an environment that is missing.
    """
    options, script, rest = _parted(arguments)
    options, env = _take(options, "--env")
    options, master = _take(options, "--master")
    rest, master_behind = _take(rest, "--master")
    rest, env_behind = _take(rest, "--env")
    env, master = env_behind or env or "local", master_behind or master
    conf = load(env)
    job = _job(script)
    _check_jars(options, rest)
    _check_master(master or "")
    wanted = settings(conf, master)
    if master:
        wanted["spark.master"] = master
    flags = [word for name, value in wanted.items() for word in ("--conf", f"{name}={value}")]
    library = archive(ROOT / "lib", build / "lib.zip")
    folder = archive(conf_folder(), build / "conf.zip")
    passed = ["--py-files", str(library), "--archives", f"{folder.as_uri()}#conf"]
    return [_binary(), *flags, *passed, *options, str(job), *rest, "--env", env]


def _parted(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """Spark's options, the job file (the first word that belongs to no option), its arguments."""
    at = 0
    while at < len(arguments) and arguments[at].startswith("-"):
        at += 1 if arguments[at] in FLAGS or "=" in arguments[at] else 2
    if at >= len(arguments):
        raise LakehouseError(
            "spark-submit.sh was given no job file; expected [OPTIONS] jobs/NAME.py ARGS, as in"
            " spark-submit.sh jobs/build.py --dry-run."
        )
    return arguments[:at], arguments[at], arguments[at + 1 :]


def _take(words: list[str], option: str) -> tuple[list[str], str | None]:
    """The words without ``option VALUE`` or ``option=VALUE``, and the value."""
    for at, word in enumerate(words):
        if word.startswith(f"{option}="):
            return words[:at] + words[at + 1 :], word.removeprefix(f"{option}=")
        if word == option and at + 1 == len(words):
            raise LakehouseError(f"{option} was given no value; expected {option} NAME.")
        if word == option:
            return words[:at] + words[at + 2 :], words[at + 1]
    return words, None


def _job(script: str) -> Path:
    """The job file, named from where the person stands or from the project."""
    for path in (Path(script), ROOT / script):
        if path.suffix == ".py" and path.is_file():
            return path.resolve()
    known = ", ".join(sorted(f"jobs/{path.name}" for path in (ROOT / "jobs").glob("*.py")))
    raise LakehouseError(f"There is no job file {script}; expected one of {known}.")


def _check_jars(options: list[str], arguments: list[str]) -> None:
    """Raise LakehouseError for a jar that is named, or needed, and not there."""
    if not any(session.JARS.glob("*.jar")):
        raise LakehouseError(f"There are no Delta jars in {session.JARS}; run make setup.")
    for jar in (_take(options, "--jars")[1] or "").split(","):
        if jar and "://" not in jar and not Path(jar).is_file():
            raise LakehouseError(f"There is no jar {jar}, which --jars names; correct its path.")
    to_s3 = any("s3a://" in word for word in arguments)
    brought = any("hadoop-aws" in word for word in options)
    if to_s3 and not brought and not any(session.S3_JARS.glob("*.jar")):
        raise LakehouseError(
            f"There are no jars for s3a:// in {session.S3_JARS}; run make object-store, or bring"
            " hadoop-aws with --packages or --jars."
        )


def _check_master(master: str) -> None:
    """Raise LakehouseError where nobody answers at a master's address: Spark would try a minute."""
    if master == "yarn" and not {"HADOOP_CONF_DIR", "YARN_CONF_DIR"} & set(os.environ):
        raise LakehouseError(
            "--master yarn needs to know the cluster, and neither HADOOP_CONF_DIR nor YARN_CONF_DIR"
            " is set; point one to the folder of its settings."
        )
    found = re.fullmatch(r"(?:spark|k8s)://(?:https?://)?([^:/,]+):(\d+)/?", master)
    if not found:
        return
    try:
        socket.create_connection((found[1], int(found[2])), timeout=5).close()
    except OSError as error:
        raise LakehouseError(
            f"No master answers at {master} ({error.strerror or error}); start one, as by"
            " ./spark-cluster.sh start, or correct --master."
        ) from None


def archive(folder: Path, target: Path) -> Path:
    """The folder's files as a zip; replaced in one step, so that another submit never sees half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as archived:
        for path in sorted(folder.rglob("*")):
            made = any(p == "__pycache__" or p.endswith(".egg-info") for p in path.parts)
            if path.is_file() and not made:
                archived.write(path, path.relative_to(folder))
    os.replace(partial, target)
    return target


def _binary() -> str:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakehouseError("pyspark is not installed in .venv; run make setup.")
    return str(Path(spec.origin).parent / "bin" / "spark-submit")


def main() -> int:
    """Replace this process with spark-submit, so that the job's exit status is ours."""
    try:
        java()
        words = command(sys.argv[1:], ROOT / "build")
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 2
    local = not any(word.startswith("spark.master=") and "=local" not in word for word in words)
    if local:
        os.environ["PYSPARK_PYTHON"] = sys.executable
    # A cluster's workers have a Python of their own; the driver's is ours.
    os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["TZ"] = "UTC"
    os.environ["SPARK_HOME"] = str(Path(words[0]).parents[1])
    os.environ["LAKEHOUSE_CONF"] = str(conf_folder().resolve())
    os.execv("/bin/bash", ["/bin/bash", words[0], *words[1:]])


if __name__ == "__main__":
    sys.exit(main())
