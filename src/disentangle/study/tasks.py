"""Which tasks the evaluation harness registers, found without importing it."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

TASK_LENGTH = 512
"""Context length for registered tasks if the model allows it. Their answers may exceed small
models' training length, which the harness refuses; rotary embeddings have no fixed length."""


@cache
def task_folder() -> Path:
    """The folder of task definitions in the installed harness."""
    spec = find_spec("lm_eval")
    assert spec is not None and spec.origin is not None, "lm-eval is a dependency"
    return Path(spec.origin).parent / "tasks"


@cache
def task_definition(name: str) -> Path | None:
    """The YAML file that registers a task, or None.

    Most tasks are in a folder named after the task or the first part of its name, so these folders
    are read first, and all the thousands of files only if that fails.
    """
    wanted = re.compile(rf"^task:\s*[\"']?{re.escape(name)}[\"']?\s*$", re.MULTILINE)
    folder = task_folder()
    likely = [folder / name, folder / name.split("_")[0]]
    for root in [*likely, folder]:
        for path in sorted(root.rglob("*.yaml")):
            if wanted.search(path.read_text(encoding="utf-8", errors="replace")):
                return path
    return None


def task_fault(name: str) -> str | None:
    """What is wrong with a task name, or None."""
    if task_definition(name) is None:
        return f"the evaluation harness registers no task {name!r}"
    return None
