"""Train a run's last checkpoint further, with the trainer that made it."""

from pathlib import Path
from typing import Any

from disentangle.checkpoint.manifest import MANIFEST, read_run, step_folder
from disentangle.checkpoint.references import Perturbed
from disentangle.study.perturbation import finetuned, finetuning_run
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Perturbation
from disentangle.training.log import write_training_table
from disentangle.training.pretrain import pretrain


def finetune(
    run: Run, target: str, perturbation: Perturbation, *, manifest: Path, folder: Path, **how: Any
) -> Perturbed:
    """Fine-tune the last planned checkpoint of a run on one target.

    Optimizer and schedule restart. The folder works like any run's folder: training that was
    killed resumes from its saved state, and a folder begun on other weights or text is refused.

    Args:
        run: the run as it was trained.
        target: name of the target in `perturbation`.
        perturbation: the study's section.
        manifest: the run's manifest, beside its checkpoints.
        folder: the folder to train in.
        how: tokens, threads and the rest that `pretrain` takes.

    Returns:
        Where the result is, or why there is none if the run or its fine-tuning diverged.
    """
    last, variant = run.checkpoints[-1], finetuned(target)
    if last not in read_run(manifest).checkpoints:
        return Perturbed(run.name, variant, last, None, None, "the run diverged")
    further = finetuning_run(run, target, perturbation)
    initial = step_folder(manifest.parent, last)
    done = pretrain(further, folder=folder, initial=initial, keep_states=False, **how)
    write_training_table(folder, further.name, folder / "training.parquet")
    done.write(folder / MANIFEST)
    if done.status == "diverged":
        reason = f"fine-tuning diverged after step {done.last_finite_step}"
        return Perturbed(run.name, variant, last, None, None, reason)
    return Perturbed(run.name, variant, last, further.steps, done.checkpoints[further.steps], "")
