"""A hash of the code that made a result; it changes only with the code's logic."""

import ast
import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

PACKAGE = Path(__file__).parent

AROUND_JOBS = "job.py"
"""Module that logs, checks and records a job; no result depends on it."""


class _WithoutDocstrings(ast.NodeTransformer):
    """Drops docstrings, also those under fields. Comments are not in the tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else self.generic_visit(node)


def _module_file(dotted: str) -> Path | None:
    """The file of a module of this package, or None for anything else."""
    first, *rest = dotted.split(".")
    if first != PACKAGE.name:
        return None
    path = PACKAGE.joinpath(*rest)
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None


def _imports(tree: ast.AST) -> set[Path]:
    dotted: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            dotted.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            dotted.add(node.module)
            dotted.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {file for name in dotted if (file := _module_file(name))} - {PACKAGE / AROUND_JOBS}


@cache
def _logic(file: Path) -> tuple[str, frozenset[Path]]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imports = frozenset(_imports(tree))
    return ast.dump(_WithoutDocstrings().visit(tree)), imports


def code_hash(*entries: Path) -> str:
    """Hash the logic of Python files and of every module of this package they reach.

    Docstrings, comments, formatting, file times and `AROUND_JOBS` do not affect it; constants,
    helpers and imports do. The package imports itself by absolute names only; a test asserts that.

    Args:
        entries: a rule's script, or modules.

    Returns:
        The first 16 hexadecimal digits of a SHA-256.
    """
    reached: dict[Path, str] = {}
    open_files = list(entries)
    while open_files:
        file = open_files.pop()
        if file not in reached:
            reached[file], imports = _logic(file)
            open_files.extend(imports)
    names = {f: f.relative_to(PACKAGE).as_posix() for f in reached if f.is_relative_to(PACKAGE)}
    parts = sorted((names.get(f, f.name), logic) for f, logic in reached.items())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def computing_code(*entries: Path, libraries: tuple[str, ...]) -> str:
    """Hash of what computes a number: our code, and the versions of the libraries that it calls.

    The device is not included: GPU and CPU kernels differ only in the last digits of float32, and
    each row of a table names the device in its numerics.

    Args:
        entries: see `code_hash`.
        libraries: distributions that the number comes from.
    """
    computing = [code_hash(*entries), versions(*libraries)]
    return hashlib.sha256(repr(computing).encode()).hexdigest()[:16]


def versions(*packages: str) -> dict[str, str]:
    """Installed versions of packages by their distribution names."""
    return {package: _version(package) for package in packages}


@cache
def _version(package: str) -> str:
    # reading a package's metadata takes a millisecond, and every measurement names its libraries
    return version(package)
