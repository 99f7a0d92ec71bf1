"""What is done to a run's last checkpoint after training: its variants, by name."""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from disentangle.study.run import Run, steps_of
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.perturbation import Perturbation


def quantized(bits: int) -> str:
    """The variant of a checkpoint whose weights are rounded to this many bits by GPTQ."""
    return f"gptq-{bits}bit"


def finetuned(target: str) -> str:
    """The variant of a checkpoint that was trained further on a target."""
    return f"finetuned-{target}"


def variants(perturbation: Perturbation) -> list[str]:
    """All variants of a study, in its order."""
    bits = perturbation.quantize.bits if perturbation.quantize else []
    return [*map(quantized, bits), *map(finetuned, perturbation.finetune)]


def perturbed_runs(runs: Iterable[Run], perturbation: Perturbation) -> list[Run]:
    """The runs whose last checkpoint is perturbed."""
    return [
        run for run in runs if any(fnmatchcase(run.name, pattern) for pattern in perturbation.runs)
    ]


def finetuning_run(run: Run, target: str, perturbation: Perturbation) -> Run:
    """The training of a run's last checkpoint on a target, as a run of its own.

    Size, block and optimizer are the run's; the target has its own hyperparameters, the learning
    rate again as a multiple of the optimizer's. Only the last step is kept.
    """
    settings = perturbation.finetune[target]
    h = Hyperparameters(**settings.model_dump(exclude={"domain"}))
    steps = steps_of(h.tokens, h.batch_size, run.model.sequence_length)
    name = f"{run.name}.{finetuned(target)}"
    checkpoints = (steps,)
    return replace(
        run, name=name, hyperparameters=h, steps=steps, checkpoints=checkpoints, trunk=None
    )
