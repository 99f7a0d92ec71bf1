"""Specs of the jobs that make checkpoints."""

from disentangle.study.sections.compression import Truncation
from disentangle.study.sections.execution import Execution
from disentangle.study.sections.perturbation import Perturbation, Quantization
from disentangle.study.sections.surgery import Operation, Surgery
from disentangle.study.specs.runs import ExternalSpec, RunSpec
from disentangle.study.specs.spec import Spec


class Pretrain(Spec):
    """Train runs of a cohort, one after the other.

    It has no hash of code: training is expensive, so only a raised `TRAINING_VERSION` trains again.
    """

    runs: list[RunSpec]
    keep_states: bool
    """Keep the trainer's state at every checkpoint."""


class ImportCheckpoint(Spec):
    """Import a model from elsewhere."""

    run: ExternalSpec


class Quantize(Spec):
    """Quantize the last checkpoints of a cohort."""

    runs: list[RunSpec]
    settings: Quantization
    passages_evaluated: int
    """GPTQ is calibrated on the passages after these."""


class Finetune(Spec):
    """Train a cohort's last checkpoints further. No hash of code, as in `Pretrain`."""

    runs: list[RunSpec]
    perturbation: Perturbation
    """The fine-tuning targets; other perturbations are left out."""


class Compress(Spec):
    """Truncate and prune the last checkpoints of a cohort."""

    runs: list[RunSpec]
    compressions: dict[str, Truncation | float]
    """Variant to a truncation, or to the sparsity of pruning."""


class Operate(Spec):
    """Operate on the last checkpoints of a cohort."""

    runs: list[RunSpec]
    operations: dict[str, Operation]
    sequences: int
    """At most so many sequences are read for a temperature."""
    passages_evaluated: int
    """They are of the passages after these."""


class Recover(Spec):
    """Train a cohort's last checkpoints further after surgery. No hash of code: see `Pretrain`."""

    runs: list[RunSpec]
    surgery: Surgery


class ExecutionSpec(Spec):
    """How runs are executed. A change of it runs nothing again."""

    execution: Execution
