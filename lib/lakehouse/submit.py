"""spark-submit with the project's library, conf and Spark settings."""

import os
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from lakehouse.conf import conf_folder, load
from lakehouse.errors import LakehouseError
from lakehouse.session import settings

ROOT = Path(__file__).parents[2]


def command(arguments: list[str], build: Path) -> list[str]:
    """The spark-submit command line for our arguments.

    Spark's options stand before the job file, the job's after it; ``--env`` may stand on either
    side. Raises LakehouseError for a job file that is missing.
    """
    job = next((i for i, text in enumerate(arguments) if text.endswith(".py")), None)
    if job is None:
        raise LakehouseError(
            "spark-submit.sh was given no job file; expected [OPTIONS] jobs/NAME.py ARGS, as in"
            " spark-submit.sh jobs/build.py --dry-run."
        )
    options, script, rest = arguments[:job], arguments[job], arguments[job + 1 :]
    path = next((p for p in (Path(script), ROOT / script) if p.is_file()), None)
    if path is None:
        known = ", ".join(sorted(f"jobs/{p.name}" for p in (ROOT / "jobs").glob("*.py")))
        raise LakehouseError(f"There is no job file {script}; expected one of {known}.")
    options, env = _take_env(options)
    env = env or _take_env(rest)[1] or "local"
    flags = []
    for name, value in settings(load(env)).items():
        if name != "spark.master" or "--master" not in options:
            flags += ["--conf", f"{name}={value}"]
    library, conf = archive(ROOT / "lib", build / "lib.zip"), archive(conf_folder(), build / "conf.zip")
    passed = ["--py-files", str(library), "--archives", f"{conf}#conf"]
    job_env = ["--env", env] if "--env" not in rest else []
    return [_binary(), *flags, *passed, *options, str(path.resolve()), *rest, *job_env]


def _take_env(arguments: list[str]) -> tuple[list[str], str | None]:
    """The arguments without ``--env E``, and E."""
    if "--env" not in arguments:
        return arguments, None
    at = arguments.index("--env")
    return arguments[:at] + arguments[at + 2 :], (arguments[at + 1 : at + 2] or [None])[0]


def archive(folder: Path, target: Path) -> Path:
    """The folder's files as a zip; replaced in one step, so that another submit never sees half."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w") as archived:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archived.write(path, path.relative_to(folder))
    os.replace(partial, target)
    return target


def _binary() -> str:
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise LakehouseError("pyspark is not installed; run make setup.")
    return str(Path(spec.origin).parent / "bin" / "spark-submit")


def main() -> int:
    """Replace this process with spark-submit, so that the job's exit status is ours."""
    try:
        words = command(sys.argv[1:], ROOT / "build")
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 2
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["TZ"] = "UTC"
    os.environ["SPARK_HOME"] = str(Path(words[0]).parents[1])
    # No master in a class path of Spark's own start script: its JVM reads options from here.
    os.execv("/bin/bash", ["/bin/bash", words[0], *words[1:]])


if __name__ == "__main__":
    sys.exit(main())
