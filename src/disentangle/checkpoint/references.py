"""References to the checkpoints that are evaluated: as trained, and as perturbed afterwards."""

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
    """One checkpoint, and under which run, step and variant its scores are listed."""

    run: str
    step: int
    """Of the run; a perturbed checkpoint has that of the one it was made from."""
    tokens: int | None
    """Training tokens seen by then, fine-tuning left out; None where that is not known."""
    variant: str
    folder: Path
    content_sha256: str
    """Of the checkpoint, by its manifest."""
    last: bool
    """Whether it is a run's last checkpoint, as trained."""


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
    """What became of one perturbation of one run's last planned checkpoint."""

    run: str
    variant: str
    of_step: int
    """The planned checkpoint."""
    step: int | None
    """Under which step of its own folder the perturbed checkpoint is; none if there is none."""
    weights_sha256: str | None
    reason: str
    """Why there is none; empty if there is one."""


def write_perturbed(outcomes: Iterable[Perturbed], path: Path) -> None:
    """Write the file that stands for a cohort's perturbed checkpoints."""
    write_json(path, [asdict(outcome) for outcome in outcomes])


def read_perturbed(path: Path) -> list[Perturbed]:
    """Inverse of `write_perturbed`."""
    return [Perturbed(**outcome) for outcome in read_json(path)]


def perturbed_folder(folder: Path, run: str, variant: str) -> Path:
    """Where the perturbed checkpoint of a run is, in the folder of all."""
    return folder / run / variant


def perturbed_references(
    outcomes: Iterable[Perturbed], manifests: dict[str, Path], folder: Path
) -> list[CheckpointReference]:
    """The perturbed checkpoints that there are.

    Args:
        outcomes: what became of each.
        manifests: the manifests of the runs as trained, by run.
        folder: of all perturbed checkpoints.
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
                f"holds other weights than were made for {outcome.run} {outcome.variant}",
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
