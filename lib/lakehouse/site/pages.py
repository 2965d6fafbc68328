"""The pages that declarations and a lake's figures give: one a table, lineage, model, columns."""

import inspect
from collections.abc import Iterator, Mapping
from itertools import groupby

from lakehouse import docs
from lakehouse.catalogue import LAYERS, Catalogue, Table
from lakehouse.schema import Column, parse
from lakehouse.site.figures import Figures
from lakehouse.views import View

Pages = dict[str, str]
_WIDE = "---\nhide: [navigation, toc]\n---"
_COLOURS = {
    "bronze": "fill:#f3e0d2,stroke:#a0623a,color:#222",
    "silver": "fill:#e8ecef,stroke:#7a868f,color:#222",
    "gold": "fill:#fbf0c4,stroke:#b8860b,color:#222",
    "ops": "fill:#dcefe9,stroke:#3a7d6b,color:#222",
}
NO_LAKE = "This page was made without a lake, so it shows no rows: build one, then `make docs`."


def pages(catalogue: Catalogue, known: Mapping[str, Figures]) -> Pages:
    """Markdown by path. ``known`` holds what a lake says of its tables, by layer.table."""
    made = {path_of(t.full_name): _table(catalogue, t, known) for t in catalogue.tables.values()}
    made |= {path_of(v.full_name): _view(catalogue, v) for v in catalogue.views.values()}
    for kept in docs.KEPT:
        name = f"ops.{kept.NAME}"
        lines = [f"# {name}", "", f"{kept.GRAIN} The engine keeps it; no file declares it.", ""]
        lines += [*_figures(known.get(name)), "", "## Columns", ""]
        made[path_of(name)] = _text([*lines, *docs.columns_table(parse(kept.DDL), {})])
    made["tables/index.md"] = _text(_index(catalogue, known))
    made["lineage.md"] = _text(_lineage(catalogue))
    made["model.md"] = _text(_model(catalogue))
    made["columns.md"] = _text(_columns(catalogue))
    return made


def path_of(full_name: str) -> str:
    """The page of a table or view."""
    return f"tables/{full_name.replace('.', '/')}.md"


def names(catalogue: Catalogue) -> list[str]:
    """Every table and view that has a page, layer by layer."""
    kept = [f"ops.{one.NAME}" for one in docs.KEPT]
    return sorted([*catalogue.full_names, *kept], key=lambda n: (LAYERS.index(n.split(".")[0]), n))


def _text(lines: Iterator[str] | list[str]) -> str:
    return "\n".join(lines) + "\n"


def _diagram(lines: list[str], catalogue: Catalogue, up: str) -> list[str]:
    """A Mermaid diagram whose tables lead to their pages; ``up`` is the way to the site's root."""
    drawn = {word for line in lines for word in line.replace("(", " ").split()}
    places = {full.split(".")[1]: full for full in names(catalogue)}
    clicks = [
        f'  click {name} "{up}{path_of(full).removesuffix(".md")}.html" "{full}"'
        for name, full in places.items()
        if name in drawn
    ]
    return ["```mermaid", *lines, *clicks, "```"]


def _link(catalogue: Catalogue, name: str, up: str = "../") -> str:
    full = next(n for n in names(catalogue) if name in (n, n.split(".")[1]))
    return f"[{full}]({up}{full.replace('.', '/')}.md)"


def _table(catalogue: Catalogue, table: Table, known: Mapping[str, Figures]) -> str:
    declaration = table.declaration
    lines = [f"# {table.full_name}", "", table.comment, ""]
    lines += [f"- **Key**: {', '.join(declaration.key)}"] if declaration.key else []
    lines += [f"- **Rewritten together**: {docs.scope_text(declaration.scope)}"]
    settings = sorted([*table.settings.values(), *(["the as-of day"] * table.takes_as_of)])
    lines += [f"- **Depends on**: {', '.join(settings)}"] if settings else []
    lines += [*_figures(known.get(table.full_name)), "", "## Lineage", ""]
    lines += [*_diagram(docs.neighbours(catalogue, table.name), catalogue, "../../"), ""]
    for name, spread in table.inputs.items():
        lines.append(f"- made from {_link(catalogue, name)}: {docs.spread_text(spread)}")
    lines += [f"- read by {_link(catalogue, name)}" for name in docs.readers(catalogue, table.name)]
    lines += [
        "",
        "## Columns",
        "",
        *docs.columns_table(docs.all_columns(table), _references(catalogue, table)),
    ]
    lines += ["", "## Rules", "", *docs.rules(table)]
    source = inspect.getsource(declaration.function).rstrip().split("\n")
    place = "/".join(declaration.function.__module__.split("."))
    lines += ["", "## Definition", "", f"`lib/{place}.py`", "", "```python", *source, "```"]
    return _text(lines)


def _references(catalogue: Catalogue, table: Table) -> dict[str, str]:
    """Where a column refers to, as a link."""
    found = {}
    for column, target in table.declaration.references.items():
        name, _, key = target.partition(".")
        full = catalogue.tables[name].full_name
        found[column] = f"refers to [{full}](../{full.replace('.', '/')}.md), {key}"
    return found


def _figures(figures: Figures | None) -> Iterator[str]:
    if figures is None:
        yield f"- **Rows**: {NO_LAKE}"
        return
    size = f"{figures.files:,} files, {figures.bytes / 1e6:,.1f} MB, version {figures.version}"
    yield f"- **Rows**: {figures.rows:,} in {size}"
    yield f"- **Freshness**: {figures.freshness}"
    yield f"- **Last run**: {figures.last_run}"


def _view(catalogue: Catalogue, view: View) -> str:
    lines = [f"# {view.full_name}", "", view.comment, "", "A view: nothing is stored.", ""]
    lines += ["## Lineage", ""]
    lines += [*_diagram(docs.neighbours(catalogue, view.name), catalogue, "../../"), ""]
    lines += [f"- selects from {_link(catalogue, n.split('.')[1])}" for n in view.inputs]
    lines += [f"- read by {_link(catalogue, name)}" for name in docs.readers(catalogue, view.name)]
    lines += ["", "## Columns", "", "| column | meaning |", "| --- | --- |"]
    columns = catalogue.view_columns[view.full_name]
    lines += [f"| {name} | {text} |" for name, text in columns.items()]
    sql = inspect.cleandoc(view.sql).split("\n")
    return _text([*lines, "", "## Definition", "", "```sql", *sql, "```"])


def _index(catalogue: Catalogue, known: Mapping[str, Figures]) -> Iterator[str]:
    grains = {t.full_name: t.grain for t in catalogue.tables.values()}
    grains |= {v.full_name: v.comment.partition(". ")[0] for v in catalogue.views.values()}
    grains |= {f"ops.{kept.NAME}": kept.GRAIN for kept in docs.KEPT}
    yield from ("# Tables", "")
    yield from ([] if known else [NO_LAKE, ""])
    for layer, inside in groupby(names(catalogue), lambda name: name.split(".")[0]):
        yield from (f"## {layer}", "", "| table | one row | rows | rows last moved |")
        yield "| --- | --- | ---: | --- |"
        for name in inside:
            of = known.get(name)
            rows = f"{of.rows:,} | {of.written_at:%Y-%m-%d %H:%M}" if of else " | "
            link = path_of(name).removeprefix("tables/")
            yield f"| [{name.split('.')[1]}]({link}) | {grains[name]} | {rows} |"
        yield ""


def _lineage(catalogue: Catalogue) -> Iterator[str]:
    """All tables, coloured by layer: boxes around layers would bend the lines."""
    lines = [line for line in docs.lineage(catalogue) if line.split()[0] not in ("subgraph", "end")]
    for layer in LAYERS:
        inside = [n.split(".")[1] for n in catalogue.full_names if n.startswith(f"{layer}.")]
        lines += [f"  classDef {layer} {_COLOURS[layer]}", f"  class {','.join(inside)} {layer}"]
    yield from (_WIDE, "", "# Lineage", "")
    yield "What is made from what, coloured by layer; a click leads to the table. Dotted: views."
    yield from ("", *_diagram(lines, catalogue, ""))


def _model(catalogue: Catalogue) -> Iterator[str]:
    yield from (_WIDE, "", "# Model", "")
    yield from ("Which column refers to which table; facts join on these keys.", "")
    yield from ("```mermaid", *docs.relations(catalogue), "```", "")
    yield from ("| column | refers to |", "| --- | --- |")
    for table in catalogue.tables.values():
        for column, target in table.declaration.references.items():
            own = _link(catalogue, table.full_name, "tables/")
            other = _link(catalogue, target.split(".")[0], "tables/")
            yield f"| {own}: {column} | {other}: {target.split('.')[1]} |"


def _columns(catalogue: Catalogue) -> Iterator[str]:
    """Every column name, with what it means where; equal words are said once."""
    found: dict[str, dict[str, list[str]]] = {}
    everything: dict[str, list[Column]] = {
        t.full_name: list(t.columns) for t in catalogue.tables.values()
    }
    for kept in docs.KEPT:
        everything[f"ops.{kept.NAME}"] = list(parse(kept.DDL))
    for name, columns in sorted(everything.items()):
        link = f"[{name}]({path_of(name)})"
        for column in columns:
            found.setdefault(column.name, {}).setdefault(column.comment, []).append(link)
    yield from ("# Columns", "", "| column | meaning | in |", "| --- | --- | --- |")
    for name in sorted(found):
        for comment, places in found[name].items():
            yield f"| {name} | {comment} | {', '.join(places)} |"
