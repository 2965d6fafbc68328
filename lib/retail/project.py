"""The retail project as the engine sees it: its catalogue, contracts, conf and folders."""

import argparse
import functools
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from lakehouse.catalogue import load as load_catalogue
from lakehouse.conf import conf_folder, load
from lakehouse.errors import LakehouseError
from lakehouse.frame import Frame
from lakehouse.landing.ledger import new_batch
from lakehouse.landing.source import Source, load_source
from lakehouse.moments import day
from lakehouse.named import Name
from lakehouse.odcs import Contracts
from lakehouse.session import start
from lakehouse.storage import Place, Uri, is_remote, lake_folder, remote
from retail.contracts import CONTRACTS

DEFAULT_SOURCE = "home_improvement.yaml"


def job(main: Callable[[], int]) -> Callable[[], int]:
    """A job's main whose LakehouseError becomes one sentence on stderr and exit status 2."""

    @functools.wraps(main)
    def refusing() -> int:
        try:
            return main()
        except LakehouseError as error:
            print(error, file=sys.stderr)
            return 2

    return refusing


def parser(description: str) -> argparse.ArgumentParser:
    """The options that jobs share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--source", type=Path, help="source YAML (default: home_improvement)")
    parser.add_argument("--landing", type=Path, help="folder of landing files")
    text = "folder, s3a://..., or catalog:NAME of the lake (default: data/lake)"
    parser.add_argument("--lake", type=_lake, help=text)
    parser.add_argument("--env", default="local", help="conf/ENV.yaml (default: local)")
    return parser


def frame(options: argparse.Namespace) -> Frame:
    """What a build needs, from a job's options.

    Raises LakehouseError for an unknown source or environment, or a date that is none.
    """
    source = load_source(options.source or conf_folder() / "sources" / DEFAULT_SOURCE, CONTRACTS)
    conf = load(options.env, source.settings)
    lake, files = place(options.lake or conf["lake"]), folder(options.landing or conf["landing"])
    if isinstance(lake, Name):
        start(conf)  # only Spark knows such a lake
    if isinstance(lake, Uri) and not conf.get("object_stores"):
        raise LakehouseError(
            f"The environment {options.env} is not set up for {lake}; use --env cluster, or set"
            " object_stores in its file."
        )
    adapt = functools.partial(_adapter(source), files) if source.adapter else None
    if adapt and not isinstance(lake, Path):
        raise LakehouseError(
            f"The adapter of {source.place} writes landing files beside the lake, and {lake} is no"
            " folder; give a folder with --lake."
        )
    return Frame(
        catalogue=load_catalogue("retail"),
        lake=lake,
        landing=lake / "landing" if adapt and isinstance(lake, Path) else files,
        source=source,
        conf=conf,
        batch=new_batch(),
        full_refresh=getattr(options, "full_refresh", False),
        as_of=day(getattr(options, "as_of", None), "--as-of"),
        adapt=adapt,
    )


def contracts(root: Path) -> Contracts:
    """The landing contracts as documents, of the default source, in ``root``/conf/contracts."""
    source = load_source(root / "conf" / "sources" / DEFAULT_SOURCE, CONTRACTS)
    conf = load("local", source.settings)
    return Contracts(load_catalogue("retail"), source, conf, root / "conf" / "contracts")


def _adapter(source: Source) -> Callable[[Path, Path], None]:
    """The function ``land`` of the source's adapter: from its files to landing files."""
    try:
        land: Callable[[Path, Path], None] = import_module(str(source.adapter)).land
    except (ImportError, AttributeError) as error:
        raise LakehouseError(
            f"{source.place} names the adapter {source.adapter}, which cannot be used ({error});"
            " expected a module with a function land(files, landing), as retail.sources has."
        ) from None
    return land


def _lake(given: str) -> Place:
    return remote(given) if is_remote(given) else Path(given)


def place(lake: Place | str) -> Place:
    """Where the lake lies, from a job's option or conf: a folder, a store or a catalogue.

    Raises LakehouseError where no lake can lie there.
    """
    if isinstance(lake, str):
        lake = remote(os.path.expandvars(lake)) if is_remote(lake) else folder(lake)
    return lake_folder(folder(lake)) if isinstance(lake, Path) else lake


def folder(path: Path | str) -> Path:
    """An absolute folder; conf's relative ones start at the project, a person's where they are."""
    root = conf_folder().parent
    os.environ.setdefault("RETAIL_DATA", str(root / "../shared/data"))
    expanded = Path(os.path.expandvars(str(path)))
    base = Path.cwd() if isinstance(path, Path) else root
    return (base / expanded).resolve()


def text(argument: str) -> str:
    """The argument itself, or what the file it names holds."""
    path = Path(argument)
    return path.read_text() if len(argument) < 250 and path.is_file() else argument
