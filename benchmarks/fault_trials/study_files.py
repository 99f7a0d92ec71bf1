"""Random nonsense in a study file: each is known to be wrong, and must be refused in one screen."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from disentangle.errors import StudyError
from disentangle.study import expand
from disentangle.study.file import read_study
from disentangle.study.text_files import faults_of_text
from fault_trials.trial import Trial
from fault_trials.workbench import ROOT

SCREEN = 40
"""Lines that a message may have."""

NUMBERS = ("nonsense", -1, 1e308, float("nan"), float("inf"), 10**30, [1], {"a": 1}, True, "", "1e")
NAMES = ("", "a/b", "../x", "a b", "x" * 300, "\0", "é", ".", [], {}, 3.5)
SOURCES = ("nosuch:thing", "text:no/such/*.txt", "olmo-data:train/nosuch", "", 3, None, "jsonl:")

WRONG: dict[tuple[str, ...], tuple[object, ...]] = {
    ("study",): NAMES,
    ("model", "sequence_length"): NUMBERS,
    ("sizes", "0", "d_model"): NUMBERS,
    ("sizes", "0", "n_heads"): (*NUMBERS, 3),
    ("sizes", "0", "name"): NAMES,
    ("design", "base", "tokens"): NUMBERS,
    ("design", "base", "batch_size"): NUMBERS,
    ("design", "base", "learning_rate"): ("x", -1, float("nan"), float("inf"), [], {}, True),
    ("design", "base", "seed"): ("x", -1, 1.5, float("nan"), 10**20, [], {}, True),
    ("optimizer", "betas"): ([1, 1], [0.9], "x", [0.9, -1], 3, [0.9, 0.95, 0.99]),
    ("save", "count"): NUMBERS,
    ("evaluation", "passages"): NUMBERS,
    ("evaluation", "tasks"): ([{"name": "nosuch"}], "piqa", [3], [{"name": "piqa", "limit": -1}]),
    ("tokenizer", "vocab_size"): (*NUMBERS, 3, 70000),
    ("corpus", "train", "0"): SOURCES,
    ("corpus", "heldout", "id", "source"): SOURCES,
    ("perturbation", "quantize", "bits"): ([1], [9], "x", [3, 3], -1, [[]], [True]),
    ("statistics", "resamples"): NUMBERS,
    ("execution", "threads"): NUMBERS,
    ("execution", "by_size"): ({"nosuch": {}}, {"2K": {"gpu": 3, "nodes": 2}}, [], 3),
}
"""Key to values that it cannot have."""

TOP = ("colour", "Sizes", "desing", "")


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Break the tiny study file in one way, and read it as a start of the workflow does."""
    sound = yaml.safe_load((ROOT / "tests" / "tiny.yaml").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "broken.yaml"
    for _ in range(count):
        how = chance.choice([_value, _value, _value, _unknown, _dropped, _torn])
        fault, content = how(sound, chance)
        path.write_bytes(content)
        yield _judged(path, fault)


def _value(sound: dict[str, Any], chance: random.Random) -> tuple[str, bytes]:
    keys = chance.choice(sorted(WRONG))
    value = chance.choice(WRONG[keys])
    broken = yaml.safe_load(yaml.safe_dump(sound))
    _put(broken, keys, value)
    return f"{'.'.join(keys)}: {value!r}"[:100], yaml.safe_dump(broken).encode()


def _put(broken: Any, keys: tuple[str, ...], value: object) -> None:
    *path, last = keys
    for key in path:
        broken = broken[int(key)] if isinstance(broken, list) else broken.setdefault(key, {})
    if isinstance(broken, list):
        broken[int(last)] = value
    else:
        broken[last] = value


def _unknown(sound: dict[str, Any], chance: random.Random) -> tuple[str, bytes]:
    section = chance.choice([None, "model", "design", "evaluation", "save"])
    name = chance.choice(TOP)
    broken = yaml.safe_load(yaml.safe_dump(sound))
    (broken if section is None else broken[section])[name] = 1
    return f"unknown key {section}.{name}", yaml.safe_dump(broken).encode()


def _dropped(sound: dict[str, Any], chance: random.Random) -> tuple[str, bytes]:
    section = chance.choice(["corpus", "model", "design", "sizes"])
    broken = yaml.safe_load(yaml.safe_dump(sound)) | {section: chance.choice([3, "x", [[]], True])}
    return f"{section}: {broken[section]!r}", yaml.safe_dump(broken).encode()


def _torn(sound: dict[str, Any], chance: random.Random) -> tuple[str, bytes]:
    content = yaml.safe_dump(sound).encode()
    how: dict[str, Callable[[], bytes]] = {
        "binary": lambda: chance.randbytes(500),
        "a tab": lambda: content.replace(b"  ", b"\t", 1),
        "a bracket": lambda: content.replace(b": ", b": [", 1),
        "a list": lambda: b"- study\n",
        "a key twice": lambda: content + b"study: again\n",
        "an alias to nothing": lambda: content + b"save: *nothing\n",
        "an object of Python's": lambda: content + b"x: !!python/object/apply:os.getcwd []\n",
        "billion laughs": lambda: b"a: &a [x,x]\nb: &b [*a,*a]\nsizes: [*b,*b]\n",
    }
    name = chance.choice(sorted(how))
    return name, how[name]()


def _judged(path: Path, fault: str) -> Trial:
    try:
        study = read_study([path], ROOT / "config.yaml")
        expand(study)
        if faults := faults_of_text(study, path.parent):
            raise StudyError("\n".join(faults))
    except StudyError as error:
        fits = len(str(error).splitlines()) <= SCREEN
        return Trial(fault, fits, "refused" if fits else "lost", str(error)[:500])
    except Exception as error:
        return Trial(fault, False, "lost", repr(error)[:500])
    return Trial(fault, False, "lost", "accepted")
