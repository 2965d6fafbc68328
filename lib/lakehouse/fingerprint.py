"""What a table's code says, as one hash: comments, docstrings and layout do not count."""

import ast
import hashlib
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

from lakehouse.errors import LakehouseError


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash of the function's module and of all modules of its package that it imports.

    One table stands in one file, so the module's tree holds the function and its declaration.
    """
    digest = hashlib.sha256()
    for module in sorted(_closure(function.__module__)):
        digest.update(module.encode() + b"\0" + _tree(module)[0].encode() + b"\0")
    return digest.hexdigest()[:16]


def _closure(module: str) -> set[str]:
    seen, todo = set[str](), [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += _tree(name)[1]
    return seen


def source(module: str) -> str:
    """The module's text, from a folder or a zip, without importing it.

    Raises LakehouseError where there is none: code that cannot be read may change unseen.
    """
    spec = importlib.util.find_spec(module)
    # By name: zipimporter has get_source and is no InspectLoader.
    text = getattr(spec.loader, "get_source", lambda _: None)(module) if spec else None
    if text is None:
        raise LakehouseError(
            f"The source of {module} is not there, and what is built could not follow its changes;"
            " install the project with its .py files."
        )
    return str(text)


@cache
def _tree(module: str) -> tuple[str, tuple[str, ...]]:
    """The module's syntax tree as text, and the modules of its own package that it imports."""
    tree = ast.parse(source(module))
    package = module.split(".")[0] + "."
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            candidates = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
            imported |= {name for name in candidates if _is_module(name, package)}
        elif isinstance(node, ast.Import):
            imported |= {a.name for a in node.names if _is_module(a.name, package)}
        _drop_docstring(node)
    return ast.dump(tree), tuple(sorted(imported))


def _drop_docstring(node: ast.AST) -> None:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
        node.body = node.body[1:]


def _is_module(name: str, package: str) -> bool:
    if not name.startswith(package):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
