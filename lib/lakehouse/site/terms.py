"""The dictionary of business words: what a package's ``terms`` say of themselves."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path


def terms(package: str) -> Iterator[str]:
    """A Markdown page: a chapter a module, its words with what they mean and the example shown."""
    yield from ("# Business terms", "")
    yield "Each word is a function in one place; columns of the same name are made by it."
    spec = importlib.util.find_spec(f"{package}.terms")
    for folder in (spec.submodule_search_locations if spec else None) or []:
        for file in sorted(Path(folder).glob("[a-z]*.py")):
            yield from _module(file)


def _module(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    head, _, more = (ast.get_docstring(tree) or file.stem).partition("\n")
    yield from ("", f"## {file.stem.replace('_', ' ').capitalize()}", "", head, more.strip(), "")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield from _function(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _constant(node)


def _function(node: ast.FunctionDef) -> Iterator[str]:
    said, _, example = (ast.get_docstring(node) or "").partition(">>>")
    yield from (f"### {node.name}", "", said.strip(), "")
    if example:
        lines = f">>>{example}".replace("<BLANKLINE>", "").rstrip().split("\n")
        yield from ("```pycon", *lines, "```", "")


def _constant(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """A value that a formula stands on, where it is written out."""
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    public = isinstance(target, ast.Name) and target.id.isupper() and target.id[0] != "_"
    if public and node.value is not None and len(text := ast.unparse(node.value)) < 400:
        assert isinstance(target, ast.Name)
        yield from ("```python", f"{target.id} = {text}", "```", "")
