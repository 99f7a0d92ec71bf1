"""Evaluate checkpoints, each task of each once."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cells import Cells
from disentangle.checkpoint.quarantine import SetAside
from disentangle.checkpoint.subjects import BASE, Subject
from disentangle.corpus.documents import read_texts
from disentangle.errors import RefusedError
from disentangle.job import Say, Throttle
from disentangle.provenance import PACKAGE, computing_code
from disentangle.storage import digest
from disentangle.study.sections.measuring import Evaluation

LIBRARIES = ("torch", "transformers", "tokenizers", "lm-eval", "ai2-olmo", "numpy")


def evaluating_code() -> str:
    """Hash of what a score depends on: what surrounds it may change and cost nothing.

    ai2-olmo is among the libraries for the tasks' documents, which its package ships.
    """
    return computing_code(PACKAGE / "evaluation" / "harness.py", libraries=LIBRARIES)


def key_maker(
    texts: dict[str, list[str]], settings: Evaluation, code_version: str
) -> Callable[[Subject], list[dict[str, Any]]]:
    """The keys of a checkpoint's evaluations, as a function of the checkpoint.

    Args:
        texts: held-out task to the passages that are read.
        settings: the study's evaluation section.
        code_version: of `evaluating_code`.
    """
    fingerprints = {name: digest(passages) for name, passages in texts.items()}

    def keys_of(subject: Subject) -> list[dict[str, Any]]:
        asked = (
            task
            for task in settings.tasks
            if subject.last or (task.every_checkpoint and subject.variant == BASE)
        )
        limits = dict.fromkeys(texts) | {task.name: task.limit for task in asked}
        return [
            {
                "checkpoint": subject.content_sha256,
                "task": task,
                "text": fingerprints.get(task, ""),
                "limit": limit,
                "batch_size": settings.batch_size,
                "code": code_version,
            }
            for task, limit in limits.items()
        ]

    return keys_of


def evaluate(
    subjects: Sequence[Subject],
    *,
    heldout: dict[str, Path],
    settings: Evaluation,
    cells: Cells,
    code_version: str,
    threads: int,
    say: Say,
) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """Give the rows of the evaluation table for some checkpoints, and which were refused.

    Held-out loss is taken of all, tasks of last checkpoints, or of all that are as trained. A cell
    is one checkpoint and one task, so a further task or checkpoint costs its own evaluation only.

    Args:
        subjects: the checkpoints.
        heldout: held-out domain to its passages.
        settings: the study's evaluation section.
        cells: finished evaluations.
        code_version: of `evaluating_code`, part of a cell's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        One row per checkpoint, task and metric. A checkpoint that is not what its manifest says has
        none, nor has a task that a model cannot be asked.
    """
    texts = {
        f"heldout_{domain}": read_texts(path)[: settings.passages]
        for domain, path in heldout.items()
    }
    keys_of = key_maker(texts, settings, code_version)
    harness: Any = None
    progress = Throttle(10)
    rows: list[dict[str, Any]] = []
    refused: list[SetAside] = []
    computed = reused = 0
    for subject in subjects:
        lm: Any = None
        for key in keys_of(subject):
            task, limit = key["task"], key["limit"]
            cell = cells.get(key)
            if cell is None:
                if harness is None:
                    from disentangle.evaluation.harness import Harness

                    harness = Harness(texts, settings.batch_size, threads)
                try:
                    lm = lm or harness.load(subject.folder)
                    cells.put(key, harness.score(lm, task, limit))
                except RefusedError as fault:
                    # without a model it is the checkpoint itself, of which nothing is asked then
                    asked = task if lm is not None else ""
                    refused.append(
                        SetAside(subject.run, subject.step, subject.variant, fault.reason, asked)
                    )
                    say(f"{subject.run} step {subject.step}: {fault}")
                    if lm is None:
                        break
                    continue
                cell = cells.get(key)
                computed += 1
                if progress.ready():
                    say(f"{subject.run}: step {subject.step}, {subject.variant}, {task}")
            else:
                reused += 1
            assert cell is not None
            rows += [
                {
                    "run": subject.run,
                    "step": subject.step,
                    "tokens": subject.tokens,
                    "variant": subject.variant,
                    "task": task,
                    **score,
                    "n": cell["n"],
                    "numerics": json.dumps(cell["numerics"], sort_keys=True),
                }
                for score in cell["scores"]
            ]
    say(f"{computed} evaluations made, {reused} taken as they were")
    return rows, refused
