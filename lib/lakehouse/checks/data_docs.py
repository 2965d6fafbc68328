"""Great Expectations' own folder and pages, made to work without a network.

The pages come with a dozen scripts and styles from elsewhere, and without those show an index
with no rows. Here what is elsewhere is taken out, a small style is put in, and the index is a plain
table of every run: the history. Telemetry is off before the library is loaded.
"""

import ast
import html
import os
import re
from pathlib import Path
from typing import Any

# Read by the library when it is imported.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

_STYLE = """<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 }
td, th { border-bottom: 1px solid #ddd; padding: .3rem .7rem; text-align: left;
         vertical-align: top }
nav ol, nav ul { list-style: none; padding: 0 } nav li { display: inline-block; margin-right: 1rem }
nav { height: auto !important }
.collapse, .modal, .nav-tabs, .card.mb-3 { display: none } .collapse:target { display: block }
.fa-times::before, .fa-exclamation-triangle::before { content: "\\2717"; color: #b00020 }
.fa-check-circle::before { content: "\\2713"; color: #1b7f3b }
.cooltip > span { display: none }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #1b1b1b } a { color: #8ab4f8 } }
</style>"""
_ELSEWHERE = (
    re.compile(r"<script\b.*?</script>", re.DOTALL),
    re.compile(r'<link\b[^>]*href="https?://[^>]*>'),
    re.compile(r'<img\b[^>]*src="https?://[^>]*>', re.DOTALL),
    re.compile(r"<footer\b.*?</footer>", re.DOTALL),
    re.compile(r'<button\b[^>]*onclick="[^>]*>.*?</button>', re.DOTALL),
    re.compile(r'<div class="btn-group.*?</div>', re.DOTALL),
    re.compile(r"<style>.*?</style>", re.DOTALL),
)
# A table that a script would fill, and the rows that it would fill in, as a Python literal.
_EMPTY = re.compile(r"<table\b[^>]*>\s*</table>")
_DATA = re.compile(r"^\s*data: (\[.*\]),?\s*$", re.MULTILINE)
_SHOWN = {
    "_validation_success_text": "status",
    "run_time": "time",
    "run_name": "run",
    "_expectation_suite_name_sort": "suite",
    "expectation_suite_name": "suite",
}


def context(folder: Path) -> Any:
    """Great Expectations' context in a folder, which keeps suites, results and pages."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    folder.mkdir(parents=True, exist_ok=True)
    found = gx.get_context(mode="file", project_root_dir=str(folder))
    found.enable_analytics(False)
    found.variables.progress_bars = ProgressBarsConfig(globally=False)
    return found


def build(context: Any) -> Path:
    """Make the pages and return the first; nothing in them points elsewhere."""
    site = Path(str(context.build_data_docs()["local_site"]).removeprefix("file://")).parent
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if "<script" in text:
            page.write_text(offline(text), encoding="utf-8")
    return site / "index.html"


def offline(page: str) -> str:
    """A page without what lies elsewhere; the rows of its tables as plain HTML."""
    tables = [_table(ast.literal_eval(found)) for found in re.findall(_DATA, page)]
    for pattern in _ELSEWHERE:
        page = pattern.sub("", page)
    for rows in tables:
        page = _EMPTY.sub(lambda _, rows=rows: rows, page, count=1)  # type: ignore[misc]
    page = re.sub(r'<a href="https?://[^"]*"[^>]*>(.*?)</a>', r"\1", page, flags=re.DOTALL)
    return page.replace("</head>", f"{_STYLE}\n</head>", 1)


def _table(rows: list[dict[str, Any]]) -> str:
    """Rows of the index: runs, each with its verdict and page, or suites."""
    shown = [name for name in _SHOWN if rows and name in rows[0]][:4]
    lines = ["".join(f"<th>{_SHOWN[name]}</th>" for name in shown)]
    for row in rows:
        cells = [html.escape(str(row[name])) for name in shown]
        link = html.escape(str(row["_table_row_link_path"]))
        cells[-1] = f'<a href="{link}">{cells[-1]}</a>'
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
