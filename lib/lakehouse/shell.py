"""A SQL shell over the lake, for people: ``make sql``."""

import atexit
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from lakehouse.catalogue import Catalogue
from lakehouse.docs import KEPT
from lakehouse.query import connect, show

HELP = """Write a query over layer.table and end it with a semicolon. Besides:
  .tables          the names that can be asked for, and what a row of each is
  .columns NAME    the columns of a table or view
  .quit            leave (so does Ctrl-D; Ctrl-C drops the line)"""
_HISTORY = Path.home() / ".lakehouse_history"


def shell(lake: Path, catalogue: Catalogue) -> int:
    """Answer what is typed, one statement at a time, until the input ends; the exit status.

    Raises LakehouseError where the folder holds no lake.
    """
    connection = connect(lake, catalogue)
    if sys.stdin.isatty():
        _edit_lines(connection)
        print(f"DuckDB over {lake}. .help says what there is.")
    for statement in _statements():
        if statement == ".quit":
            break
        try:
            _answer(connection, catalogue, statement)
        except duckdb.Error as error:
            print(f"The query failed: {error}", file=sys.stderr)
    return 0


def _answer(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, statement: str) -> None:
    word, _, rest = statement.partition(" ")
    if word == ".help":
        print(HELP)
    elif word == ".tables":
        show(["name", "grain"], [(n, _grain(catalogue, n)) for n in _names(connection)])
    elif word == ".columns":
        rows = connection.execute(f"DESCRIBE {rest}").fetchall()
        show(["column", "type"], [row[:2] for row in rows])
    elif word.startswith("."):
        print(f"There is no command {word}.\n{HELP}", file=sys.stderr)
    else:
        answer = connection.execute(statement)
        show([column[0] for column in answer.description or []], answer.fetchall())


def _grain(catalogue: Catalogue, name: str) -> str:
    said = {table.full_name: table.grain for table in catalogue.tables.values()}
    said |= {view.full_name: view.comment for view in catalogue.views.values()}
    said |= {f"ops.{kept.NAME}": kept.GRAIN for kept in KEPT}
    return said.get(name, "").partition(". ")[0].rstrip(".")


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    sql = "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    return [name for (name,) in connection.execute(sql).fetchall()]


def _statements() -> Iterator[str]:
    """What was typed: a line that opens with a dot, or everything up to a semicolon."""
    lines: list[str] = []
    while True:
        try:
            line = input(("sql> " if not lines else "...> ") if sys.stdin.isatty() else "")
        except KeyboardInterrupt:
            print()
            lines = []
            continue
        except EOFError:
            break
        if not lines and line.startswith("."):
            yield line.strip()
            continue
        lines += [line] if line.strip() else []
        if line.rstrip().endswith(";"):
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _edit_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Arrow keys, a history between sessions, and names by the tab key, where Python has them."""
    with suppress(ImportError):
        import readline

        names = _names(connection)

        def complete(text: str, state: int) -> str | None:
            return next(iter([n for n in names if n.startswith(text)][state:]), None)

        readline.set_completer(complete)
        readline.set_completer_delims(" \t\n(),;=")
        readline.parse_and_bind("tab: complete")
        with suppress(OSError):
            readline.read_history_file(_HISTORY)
        atexit.register(_keep_history)


def _keep_history() -> None:
    import readline

    with suppress(OSError):
        readline.write_history_file(_HISTORY)
