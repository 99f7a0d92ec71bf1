"""What is done to a run's last checkpoint after training: its variants, by name."""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from disentangle.study.run import Run, steps_of
from disentangle.study.sections.compression import Truncation
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.perturbation import Perturbation
from disentangle.study.sections.surgery import SHAM, Stage, Surgery

_QUANTIZED, _TRUNCATED, _PRUNED = "gptq-", "truncated-", "pruned-"

_KINDS = {_QUANTIZED: "quantized", _TRUNCATED: "truncated", _PRUNED: "pruned"}


def compression_of(variant: str) -> str | None:
    """How a variant was compressed: quantized, truncated or pruned; None if it was not."""
    return next((kind for start, kind in _KINDS.items() if variant.startswith(start)), None)


def quantized(bits: int) -> str:
    """The variant of a checkpoint whose weights are rounded to this many bits by GPTQ."""
    return f"{_QUANTIZED}{bits}bit"


def finetuned(target: str) -> str:
    """The variant of a checkpoint that was trained further on a target."""
    return f"finetuned-{target}"


def truncated(name: str) -> str:
    """The variant of a checkpoint some of whose matrices have a lower rank."""
    return f"{_TRUNCATED}{name}"


def pruned(sparsity: float) -> str:
    """The variant of a checkpoint with this share of its layers' weights set to zero."""
    return f"{_PRUNED}{100 * sparsity:g}"


def operated(operation: str) -> str:
    """The variant of a checkpoint after an operation on its matrices."""
    return f"{_SURGERY}{operation}"


def recovered(operation: str, stage: str) -> str:
    """The variant that was trained further after an operation, or the sham."""
    return f"{operated(operation)}-{stage}"


_SURGERY = "surgery-"


def is_surgery(variant: str) -> bool:
    """Whether a variant comes of surgery. Its geometry is another than its run's."""
    return variant.startswith(_SURGERY)


def recoveries(surgery: Surgery) -> list[tuple[str, Stage]]:
    """The operation and the stage of every recovery, the sham's first."""
    return [(name, stage) for name in (SHAM, *surgery.operations) for stage in surgery.recovery.of]


def variants(perturbation: Perturbation) -> list[str]:
    """The variants whose change geometry may predict, in the study's order: all but surgery's."""
    bits = perturbation.quantize.bits if perturbation.quantize else []
    return [
        *map(quantized, bits),
        *map(finetuned, perturbation.finetune),
        *compressions(perturbation),
    ]


def compressions(perturbation: Perturbation) -> dict[str, Truncation | float]:
    """The variants of truncation and pruning, each with its settings or its sparsity."""
    sparsity = perturbation.prune.sparsity if perturbation.prune else []
    truncations = {truncated(name): each for name, each in perturbation.truncate.items()}
    return truncations | {pruned(share): share for share in sparsity}


def surgery_variants(perturbation: Perturbation) -> list[str]:
    """The variants of surgery; the sham has none before its recovery, being the base."""
    surgery = perturbation.surgery
    if surgery is None:
        return []
    return [*map(operated, surgery.operations)] + [recovered(*each) for each in recoveries(surgery)]


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
    return _further(run, finetuned(target), h)


def recovery_run(run: Run, operation: str, stage: Stage, surgery: Surgery) -> Run:
    """The training of a run after an operation, as a run of its own; see `finetuning_run`."""
    h = Hyperparameters(**surgery.recovery.model_dump(exclude={"of"}))
    further = _further(run, recovered(operation, stage), h)
    return replace(further, trains="head") if stage == "head" else further


def further_runs(run: Run, perturbation: Perturbation) -> dict[str, Run]:
    """All trainings of a run's last checkpoint, by variant."""
    found = {
        finetuned(target): finetuning_run(run, target, perturbation)
        for target in perturbation.finetune
    }
    if surgery := perturbation.surgery:
        found |= {
            recovered(*each): recovery_run(run, *each, surgery) for each in recoveries(surgery)
        }
    return found


def _further(run: Run, variant: str, h: Hyperparameters) -> Run:
    steps = steps_of(h.tokens, h.batch_size, run.model.sequence_length)
    return replace(
        run,
        name=f"{run.name}.{variant}",
        hyperparameters=h,
        steps=steps,
        checkpoints=(steps,),
        trunk=None,
    )
