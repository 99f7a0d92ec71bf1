"""Specs of the jobs that make checkpoints."""

from disentangle.study.sections.execution import Execution
from disentangle.study.sections.perturbation import Perturbation, Quantization
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


class ExecutionSpec(Spec):
    """How runs are executed. A change of it runs nothing again."""

    execution: Execution
