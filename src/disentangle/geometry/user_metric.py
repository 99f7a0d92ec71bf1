"""A metric of the user's own: one function in a Python file that the study names.

    def alpha(singular_values):
        \"\"\"Exponent of the spectrum's power law.\"\"\"
        return ...

It takes `matrix` (n x d) or `singular_values` (descending) as a float64 array of numpy, and returns
a number. Its name and meaning are read from the file's text; only the job that measures runs the
file.
"""

import ast
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from disentangle.errors import StudyError
from disentangle.geometry import CENTERED
from disentangle.geometry.measurements import LIBRARIES, READING
from disentangle.provenance import PACKAGE, computing_code
from disentangle.vocabulary.metrics import BY_NAME
from disentangle.vocabulary.user_metric import UserMetric

TAKES = ("matrix", "singular_values")

TAKEN = {
    *("run", "step", "tokens", "matrix", "domain", "rows", "dim", "stored", "space", "zero_rows"),
    *("zero_rows", "singular_values", "numerics", *BY_NAME),
}
"""Names taken by other columns of the geometry table and by what metrics are computed from."""


def read_user_metrics(spelled: Sequence[str]) -> list[UserMetric]:
    """Read the descriptions of a study's own metrics; see `read_user_metric` for errors."""
    return [read_user_metric(each) for each in spelled]


def read_user_metric(spelled: str) -> UserMetric:
    """Read a metric's description from its file without running it.

    Raises:
        StudyError: if there is no such file or function, or its argument is a wrong one.
    """
    file, _, name = spelled.rpartition(":")
    path, where = Path(file), f"geometry.metrics: {spelled}"
    if not path.is_file():
        raise StudyError(f"{where}: there is no file {file} (seen from {Path.cwd()})")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise StudyError(f"{where}: {file} is no Python: {error}") from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in functions:
        there = f"it has {', '.join(functions)}" if functions else "it has none"
        raise StudyError(f"{where}: {file} has no function {name}; {there}")
    if name in TAKEN or name.endswith(CENTERED):
        raise StudyError(f"{where}: {name} is the name of a column of ours; give it another")
    arguments = functions[name].args
    takes, *more = [*(a.arg for a in (*arguments.posonlyargs, *arguments.args)), ""]
    others = (arguments.defaults, arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
    if takes not in TAKES or more != [""] or any(others):
        raise StudyError(f"{where}: it takes one argument, called {' or '.join(TAKES)}")
    documented = ast.get_docstring(functions[name]) or f"{name} of {file}"
    modules = (*(PACKAGE / module for module in READING), path)
    return UserMetric.model_validate(
        {
            "spelled": spelled,
            "takes": takes,
            "meaning": documented.splitlines()[0],
            "code": computing_code(*modules, libraries=LIBRARIES),
        }
    )


def load(spelled: str) -> Callable[[Any], Any]:
    """Run a metric's file and return its function.

    Raises:
        StudyError: if the file fails.
    """
    file, _, name = spelled.rpartition(":")
    module = ModuleType(Path(file).stem)
    module.__file__ = file
    text = Path(file).read_text(encoding="utf-8")
    try:
        # an import may take stale byte code, of a file that stood here within the same second
        exec(compile(text, file, "exec"), module.__dict__)  # noqa: S102 (the user's own)
    except Exception as error:
        raise StudyError(
            f"geometry.metrics: {file} cannot be run: {type(error).__name__}: {error}"
        ) from error
    function: Callable[[Any], Any] = getattr(module, name)
    return function


def call(spelled: str, function: Callable[[Any], Any], value: Any) -> float:
    """The value of a metric for a matrix or its singular values.

    Raises:
        StudyError: if it fails or does not return a number. Infinity and NaN mean no value.
    """
    import numpy as np  # imported here: a plan reads metrics' descriptions and calls none

    given = np.array(value, dtype=np.float64)
    given.flags.writeable = False
    try:
        found = function(given)
    except Exception as error:
        raise StudyError(
            f"geometry.metrics: {spelled} failed for an array of shape {given.shape}:\n"
            f"{type(error).__name__}: {error}\nWhat was measured before is kept."
        ) from error
    if not isinstance(found, int | float | np.integer | np.floating) or isinstance(found, bool):
        raise StudyError(f"geometry.metrics: {spelled} gives {found!r:.80}, which is no number")
    return float(found)
