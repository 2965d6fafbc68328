"""What the declarations say, as pages: dictionary, lineage, model, and a snapshot to review."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lakehouse import build_log, quarantine
from lakehouse.catalogue import LAYERS, Catalogue, Table
from lakehouse.checks import verdicts
from lakehouse.checks.rules import declared
from lakehouse.declare import (
    LOADING,
    ByCommit,
    ByDay,
    ByKey,
    ByVersion,
    Changelog,
    Days,
    Files,
    History,
    Keys,
    Scope,
    Spread,
)
from lakehouse.doctor import findings
from lakehouse.landing import ledger
from lakehouse.schema import Column, parse
from lakehouse.views import View

# The tables that no file declares: what the engine keeps of itself.
KEPT = (ledger, quarantine, build_log, verdicts, findings)
_NOTE = "<!-- Written by jobs/describe.py from the declarations; change those, not this page. -->"
_MARKS = ("<!-- lineage -->", "<!-- /lineage -->")


def pages(catalogue: Catalogue, root: Path) -> dict[Path, str]:
    """Every derived page by its path, README with its picture of the lineage included."""
    readme = root / "README.md"
    text = readme.read_text()
    picture = between(text, _MARKS, f"\n{_mermaid(lineage(catalogue))}\n")
    return {
        root / "docs" / "tables.md": "\n".join(_dictionary(catalogue)) + "\n",
        root / "docs" / "model.md": "\n".join(_model_page(catalogue)) + "\n",
        root / "tests" / "snapshots" / "catalogue.txt": snapshot(catalogue),
    } | ({readme: picture} if _MARKS[0] in text else {})


def between(text: str, marks: tuple[str, str], new: str) -> str:
    """A text with what stands between its marks written anew."""
    before, _, rest = text.partition(marks[0])
    return f"{before}{marks[0]}{new}{marks[1]}{rest.partition(marks[1])[2]}"


def snapshot(catalogue: Catalogue) -> str:
    """Grain, key, scope, inputs with their spread, and references of every table and view."""
    parts = []
    for name in catalogue.order:
        table = catalogue.tables[name]
        lines = [f"{table.full_name}: {table.grain}"]
        lines += [f"    key {', '.join(table.declaration.key)}"] if table.declaration.key else []
        lines += [f"    {scope_text(table.declaration.scope)}"]
        lines += [f"    from {n}: {spread_text(s)}" for n, s in table.inputs.items()]
        lines += [f"    takes {path}" for path in table.settings.values()]
        lines += ["    takes as_of"] if table.takes_as_of else []
        lines += [f"    {own} -> {other}" for own, other in table.declaration.references.items()]
        parts.append("\n".join(lines))
    for view in catalogue.views.values():
        read = "\n".join(f"    from {name}" for name in _names(view))
        parts.append(f"{view.full_name} (view): {view.comment}\n{read}")
    return "\n\n".join(parts) + "\n"


def lineage(catalogue: Catalogue) -> list[str]:
    """A Mermaid flowchart: landing to bronze to silver to gold."""
    lines = ["flowchart LR"]
    for layer in LAYERS:
        inside = [t.name for t in catalogue.tables.values() if t.layer == layer]
        inside += [f"{v.name}([{v.name}])" for v in catalogue.views.values() if v.layer == layer]
        lines += [f"  subgraph {layer}", *[f"    {name}" for name in inside], "  end"]
    for table in catalogue.tables.values():
        lines += [f"  {name} --> {table.name}" for name in table.inputs]
    for view in catalogue.views.values():
        lines += [f"  {name} -.-> {view.name}" for name in _names(view)]
    return lines


def readers(catalogue: Catalogue, name: str) -> list[str]:
    """The tables made from a table or view, and the views that select from it."""
    found = [n for n, table in catalogue.tables.items() if name in table.inputs]
    return sorted([*found, *(v.name for v in catalogue.views.values() if name in _names(v))])


def neighbours(catalogue: Catalogue, name: str) -> list[str]:
    """A Mermaid flowchart of one table or view between what it is made from and what reads it."""
    one = catalogue.tables.get(name) or catalogue.views[name]
    inputs = list(one.inputs) if isinstance(one, Table) else _names(one)
    lines = ["flowchart LR", f"  {name}:::here", "  classDef here stroke-width:3px"]
    lines += [f"  {upstream} --> {name}" for upstream in inputs]
    return [*lines, *(f"  {name} --> {reader}" for reader in readers(catalogue, name))]


def relations(catalogue: Catalogue) -> list[str]:
    """A Mermaid entity-relationship diagram of the declared references."""
    lines = ["erDiagram"]
    drawn: set[str] = set()
    for table in catalogue.tables.values():
        for own, target in table.declaration.references.items():
            dimension, _ = target.split(".")
            lines.append(f"  {dimension} ||--o{{ {table.name} : {own}")
            drawn |= {dimension, table.name}
    for name in sorted(drawn):
        table = catalogue.tables[name]
        shown = {*table.declaration.key, *table.declaration.references}
        columns = [c for c in table.columns if c.name in shown]
        lines += [f"  {name} {{"]
        for column in columns:
            kind = column.type.replace("(", "_").replace(",", "_").replace(")", "")
            role = " PK" if column.name in table.declaration.key else " FK"
            lines.append(f"    {kind} {column.name}{role}")
        lines += ["  }"]
    return lines


def _mermaid(lines: list[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])


def _dictionary(catalogue: Catalogue) -> Iterator[str]:
    yield from ("# Tables", "", _NOTE, "")
    for layer in LAYERS:
        yield from (f"## {layer}", "")
        for name in sorted(n for n, t in catalogue.tables.items() if t.layer == layer):
            yield from _table(catalogue, catalogue.tables[name])
        for view in catalogue.views.values():
            if view.layer == layer:
                yield from _view(view, catalogue.view_columns[view.full_name])
    for kept in KEPT:
        yield from (f"### ops.{kept.NAME}", "", f"{kept.GRAIN} No file declares it.", "")
        yield from columns_table(parse(kept.DDL), {})
        yield ""


def _table(catalogue: Catalogue, table: Table) -> Iterator[str]:
    declaration = table.declaration
    yield from (f"### {table.full_name}", "", table.comment, "")
    facts = [f"Key: {', '.join(declaration.key)}."] if declaration.key else []
    facts += [f"Rewritten: {scope_text(declaration.scope)}."]
    if table.inputs:
        facts += [
            f"Made from {', '.join(f'{n} ({spread_text(s)})' for n, s in table.inputs.items())}."
        ]
    followed = [name for name in readers(catalogue, table.name) if name in catalogue.tables]
    facts += [f"Read by {', '.join(followed)}."] if followed else []
    yield from (" ".join(facts), "")
    yield from columns_table(all_columns(table), declaration.references)
    yield ""
    yield from rules(table)
    if declaration.expects or declaration.conserves:
        yield ""


def rules(table: Table) -> Iterator[str]:
    """What every row must hold, what is counted where it does not, and what is conserved."""
    declaration = table.declaration
    for rule in declared(table):
        yield f"- {rule.severity}: {rule.name} ({rule.kind}: `{rule.sql}`)"
    if declaration.ties == "quarantine":
        yield f"- quarantine: no ties (records of one {', '.join(declaration.key)} are equal)"
    for law in declaration.conserves:
        by = f", by {law.by[0]}" if law.by else ""
        yield f"- conserved: `{law.own}` is `{law.theirs}` of {law.table}{by}"


def all_columns(table: Table) -> tuple[Column, ...]:
    """The declared columns, and of a raw table those that loading adds."""
    loading = parse(LOADING) if isinstance(table.declaration.scope, Files) else ()
    return (*table.columns, *loading)


def columns_table(columns: Iterable[Column], references: Mapping[str, str]) -> Iterator[str]:
    yield from ("| column | type | | meaning |", "| --- | --- | --- | --- |")
    for column in columns:
        target = references.get(column.name)
        refers = f" ({target})" if target else ""
        required = "required" if column.required else ""
        yield f"| {column.name} | {column.type} | {required} | {column.comment}{refers} |"


def _view(view: View, columns: dict[str, str]) -> Iterator[str]:
    yield from (f"### {view.full_name} (view)", "", view.comment, "")
    yield from ("| column | meaning |", "| --- | --- |")
    yield from (f"| {name} | {text} |" for name, text in columns.items())
    yield from ("", "```sql", "\n".join(s.strip() for s in view.sql.strip().split("\n")), "```", "")


def _model_page(catalogue: Catalogue) -> Iterator[str]:
    yield from ("# Model", "", _NOTE, "", "## References", "", _mermaid(relations(catalogue)), "")
    yield from ("## Lineage", "", _mermaid(lineage(catalogue)))


def _names(view: View) -> list[str]:
    return [name.split(".")[1] for name in view.inputs]


def scope_text(scope: Scope) -> str:
    match scope:
        case Days():
            rows = (
                f", or in them the rows of the affected {', '.join(scope.rows_by)}"
                if scope.rows_by
                else ""
            )
            return f"the affected days of {scope.column}{rows}"
        case History():
            return f"the history of the affected {', '.join(scope.columns)}"
        case Keys():
            return f"the rows of the affected {', '.join(scope.columns)}"
        case Files():
            return "the rows of the affected files"
        case Changelog():
            return "never; what each commit changed is appended"
    return "whole"


def spread_text(spread: Spread | None) -> str:
    match spread:
        case ByDay():
            first, last = spread.offsets[0], spread.offsets[-1]
            reach = f", {first} to {last} days on" if (first, last) != (0, 0) else ""
            return f"by day of {', '.join(spread.columns)}{reach}"
        case ByKey():
            return f"by {', '.join(spread.columns)}"
        case ByVersion():
            later = " and later" if spread.onwards else ""
            return f"by version of {', '.join(spread.columns)} at {spread.at}{later}"
        case ByCommit():
            return f"by commit, rows matched by {', '.join(spread.columns)}"
    return "any change"
