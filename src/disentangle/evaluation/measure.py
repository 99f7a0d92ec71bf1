"""Evaluate checkpoints, each on each task only once."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.quarantine import Quarantined
from disentangle.checkpoint.references import BASE, CheckpointReference
from disentangle.corpus.documents import read_texts
from disentangle.errors import QuarantineError
from disentangle.job import Say, Throttle
from disentangle.provenance import PACKAGE, computing_code
from disentangle.storage import digest
from disentangle.study.sections.measuring import Evaluation

LIBRARIES = ("torch", "transformers", "tokenizers", "lm-eval", "ai2-olmo", "numpy")


def evaluating_code() -> str:
    """Hash of the code that a score depends on; other code may change without a new evaluation.

    ai2-olmo is among the libraries because its package ships documents of the tasks.
    """
    return computing_code(PACKAGE / "evaluation" / "harness.py", libraries=LIBRARIES)


def key_maker(
    texts: dict[str, list[str]], settings: Evaluation, code_version: str
) -> Callable[[CheckpointReference], list[dict[str, Any]]]:
    """The keys of a checkpoint's evaluations, as a function of the checkpoint.

    Args:
        texts: held-out task to the passages that are read.
        settings: the study's evaluation section.
        code_version: from `evaluating_code`.
    """
    fingerprints = {name: digest(passages) for name, passages in texts.items()}

    def keys_of(reference: CheckpointReference) -> list[dict[str, Any]]:
        asked = (
            task
            for task in settings.tasks
            if reference.last or (task.every_checkpoint and reference.variant == BASE)
        )
        limits = dict.fromkeys(texts) | {task.name: task.limit for task in asked}
        return [
            {
                "checkpoint": reference.content_sha256,
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
    references: Sequence[CheckpointReference],
    *,
    heldout: dict[str, Path],
    settings: Evaluation,
    cache: Cache,
    code_version: str,
    threads: int,
    say: Say,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[Quarantined]]:
    """Give the rows of two tables for some checkpoints, and what was quarantined.

    Held-out loss is measured for all checkpoints. A task is measured for a run's last unperturbed
    checkpoint, or for all unperturbed ones if the study says so. A cache entry is one checkpoint
    and one task, so adding either costs only the new evaluations.

    Args:
        references: the checkpoints.
        heldout: held-out domain to its passages.
        settings: the study's evaluation section.
        cache: finished evaluations.
        code_version: from `evaluating_code`, part of a cache entry's key.
        threads: CPU threads.
        say: tells the screen.

    Returns:
        Rows of the evaluation table: one per checkpoint, task and metric. There are none for a
        checkpoint that does not match its manifest, and none for a task that does not fit a model's
        context. Rows of the passages table: one per checkpoint and held-out domain. And what was
        quarantined.
    """
    texts = {
        f"heldout_{domain}": read_texts(path)[: settings.passages]
        for domain, path in heldout.items()
    }
    keys_of = key_maker(texts, settings, code_version)
    harness: Any = None
    progress = Throttle(10)
    rows: list[dict[str, Any]] = []
    passages: list[dict[str, Any]] = []
    quarantined: list[Quarantined] = []
    computed = reused = 0
    for reference in references:
        lm: Any = None
        for key in keys_of(reference):
            task, limit = key["task"], key["limit"]
            entry = cache.get(key)
            if entry is None:
                if harness is None:
                    from disentangle.evaluation.harness import Harness

                    harness = Harness(texts, settings.batch_size, threads)
                try:
                    lm = lm or harness.load(reference.folder)
                    cache.put(key, harness.score(lm, task, limit))
                except QuarantineError as fault:
                    # if the model did not load, the checkpoint itself is at fault, not a task
                    asked = task if lm is not None else ""
                    quarantined.append(
                        Quarantined(
                            reference.run, reference.step, reference.variant, fault.reason, asked
                        )
                    )
                    say(f"{reference.run} step {reference.step}: {fault}")
                    if lm is None:
                        break
                    continue
                entry = cache.get(key)
                computed += 1
                if progress.ready():
                    say(f"{reference.run}: step {reference.step}, {reference.variant}, {task}")
            else:
                reused += 1
            assert entry is not None
            place = {
                "run": reference.run,
                "step": reference.step,
                "tokens": reference.tokens,
                "variant": reference.variant,
            }
            numerics = json.dumps(entry["numerics"], sort_keys=True)
            rows += [
                {**place, "task": task, **score, "n": entry["n"], "numerics": numerics}
                for score in entry["scores"]
            ]
            if "passages" in entry:
                domain = task.removeprefix("heldout_")
                passages.append({**place, "domain": domain, **entry["passages"]})
    say(f"{computed} evaluations made, {reused} taken as they were")
    return rows, passages, quarantined
