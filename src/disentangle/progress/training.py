"""How far a job of training is, from the files that it writes."""

import json
from contextlib import suppress
from functools import cache
from pathlib import Path

from disentangle.storage import DamagedError
from disentangle.study.results_folder import StudyFolder
from disentangle.study.run import Run, own_flops
from disentangle.study.specs.models import Pretrain

TAIL = 4096
"""Bytes at the end of a training log that have its last line."""


def last_step(folder: Path) -> int:
    """The last step in a run's training log; 0 before there is one.

    Args:
        folder: the run's folder.
    """
    log = folder / "steps.jsonl"
    with suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        for line in reversed(file.read().splitlines()):  # the last may be only partly written
            with suppress(ValueError, KeyError, TypeError):
                return int(json.loads(line)["step"])
    return 0


def work_of(spec: Path) -> float:
    """Floating-point operations of the runs of a job of `pretrain`; see `own_flops`.

    Args:
        spec: the job's spec. An unreadable one has no work.
    """
    return sum(map(own_flops, runs_of(spec)))


def share_trained(spec: Path) -> float:
    """The share of a cohort's operations that are done, 0 to 1.

    Args:
        spec: the spec of a job of `pretrain`.
    """
    runs = runs_of(spec)
    work = sum(map(own_flops, runs))
    checkpoints = StudyFolder.of_spec(spec).checkpoints
    done = 0.0
    for run in runs:
        own = run.steps - run.begins_at
        step = last_step(checkpoints / run.name) - run.begins_at
        done += own_flops(run) * min(1.0, max(0.0, step / own)) if own else 0.0
    return done / work if work else 0.0


@cache
def runs_of(spec: Path) -> list[Run]:
    """The runs of a job of `pretrain`; none if its spec cannot be read."""
    with suppress(OSError, DamagedError):
        return list(Pretrain.read(spec).runs)
    return []
