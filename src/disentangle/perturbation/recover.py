"""Train a run's last checkpoint further after an operation on it, or after the sham."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from disentangle.checkpoint.manifest import MANIFEST, read_run, step_folder
from disentangle.checkpoint.references import Perturbed, perturbed_folder
from disentangle.study.perturbation import operated, recovered, recovery_run
from disentangle.study.run import Run
from disentangle.study.sections.surgery import SHAM, Stage, Surgery
from disentangle.training.log import write_training_table
from disentangle.training.pretrain import pretrain


def recover(
    run: Run,
    operation: str,
    stage: Stage,
    surgery: Surgery,
    *,
    made: Mapping[str, Perturbed],
    manifest: Path,
    perturbed: Path,
    **how: Any,
) -> Perturbed:
    """Train further, as `finetune` does, on the training text.

    Every recovery of a stage is trained alike and in the same order of the text, so that they
    differ in nothing but the operation; the sham starts at the run's own checkpoint.

    Args:
        run: the run as it was trained.
        operation: name of the operation, or `SHAM`.
        stage: which weights are trained.
        surgery: the study's section.
        made: the outcomes of the run's operations, by variant.
        manifest: the run's manifest, beside its checkpoints.
        perturbed: the folder of all perturbed checkpoints.
        how: tokens, threads and the rest that `pretrain` takes.

    Returns:
        Where the result is, or why there is none.
    """
    last, variant = run.checkpoints[-1], recovered(operation, stage)

    def nothing(reason: str) -> Perturbed:
        return Perturbed(run.name, variant, last, None, None, reason)

    if last not in read_run(manifest).checkpoints:
        return nothing("the run diverged")
    initial = step_folder(manifest.parent, last)
    if operation != SHAM:
        start = made[operated(operation)]
        if start.step is None:
            return nothing(start.reason)
        initial = step_folder(perturbed_folder(perturbed, run.name, start.variant), start.step)
    further = recovery_run(run, operation, stage, surgery)
    folder = perturbed_folder(perturbed, run.name, variant)
    done = pretrain(further, folder=folder, initial=initial, keep_states=False, **how)
    write_training_table(folder, further.name, folder / "training.parquet")
    done.write(folder / MANIFEST)
    if done.status == "diverged":
        return nothing(f"its recovery diverged after step {done.last_finite_step}")
    return Perturbed(run.name, variant, last, further.steps, done.checkpoints[further.steps], "")
