"""References to the checkpoints that are evaluated, as trained and as perturbed."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from disentangle.checkpoint.manifest import (
    make_again,
    read_checkpoint,
    read_run,
    read_step,
    step_folder,
)
from disentangle.storage import DamagedError, read_json, write_json

BASE = "base"
"""The variant of a checkpoint as it was trained."""


@dataclass(frozen=True)
class CheckpointReference:
    """One checkpoint, with the run, step and variant of its rows in tables."""

    run: str
    step: int
    """Step of the run; for a perturbed checkpoint, that of the checkpoint it was made from."""
    tokens: int | None
    """Training tokens seen by then, without fine-tuning; None if unknown."""
    variant: str
    folder: Path
    content_sha256: str
    """The checkpoint's digest, from its manifest."""
    last: bool
    """Whether it is a run's last checkpoint as trained."""


def trained_references(manifests: Iterable[Path]) -> list[CheckpointReference]:
    """All checkpoints of trained runs, by run and step.

    Args:
        manifests: the runs' manifests, beside their checkpoints.
    """
    found = []
    for path in manifests:
        run = read_run(path)
        for step in sorted(run.checkpoints):
            folder, made = step_folder(path.parent, step), read_step(run, path.parent, step)
            last = step == max(run.checkpoints)
            content = made.content_sha256
            found.append(
                CheckpointReference(run.run, step, made.tokens, BASE, folder, content, last=last)
            )
    return found


@dataclass(frozen=True)
class Perturbed:
    """The outcome of one perturbation of a run's last planned checkpoint."""

    run: str
    variant: str
    of_step: int
    """The planned checkpoint."""
    step: int | None
    """Step of the perturbed checkpoint in its own folder; None if there is no checkpoint."""
    weights_sha256: str | None
    reason: str
    """Why there is no checkpoint; empty if there is one."""


def write_perturbed(outcomes: Iterable[Perturbed], path: Path) -> None:
    """Write the file that stands for a cohort's perturbed checkpoints."""
    write_json(path, [asdict(outcome) for outcome in outcomes])


def read_perturbed(path: Path) -> list[Perturbed]:
    """Inverse of `write_perturbed`."""
    return [Perturbed(**outcome) for outcome in read_json(path)]


def perturbed_folder(folder: Path, run: str, variant: str) -> Path:
    """The folder of a run's perturbed checkpoint, inside the folder of all of them."""
    return folder / run / variant


def perturbed_references(
    outcomes: Iterable[Perturbed], manifests: dict[str, Path], folder: Path
) -> list[CheckpointReference]:
    """References to the existing perturbed checkpoints.

    Args:
        outcomes: the outcome of each perturbation.
        manifests: the manifests of the trained runs, by run.
        folder: the folder of all perturbed checkpoints.
    """
    found = []
    for outcome in outcomes:
        if outcome.step is None or outcome.weights_sha256 is None:
            continue
        base = read_checkpoint(step_folder(manifests[outcome.run].parent, outcome.of_step))
        place = perturbed_folder(folder, outcome.run, outcome.variant)
        made = read_checkpoint(step_folder(place, outcome.step))
        if made.weights_sha256 != outcome.weights_sha256:
            raise DamagedError(
                step_folder(place, outcome.step),
                f"has other weights than were made for {outcome.run} {outcome.variant}",
                make_again(place, step_folder(place, outcome.step)),
            )
        found.append(
            CheckpointReference(
                run=outcome.run,
                step=outcome.of_step,
                tokens=base.tokens,
                variant=outcome.variant,
                folder=step_folder(place, outcome.step),
                content_sha256=made.content_sha256,
                last=False,
            )
        )
    return found
