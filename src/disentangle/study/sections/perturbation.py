"""What is done to last checkpoints before they are evaluated again."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from disentangle.study.sections.compression import Pruning, Truncation
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.section import DropsNull, Name, Section, distinct, each_once
from disentangle.study.sections.surgery import Surgery


class Quantization(Section):
    """GPTQ of a run's last checkpoint, the head left as it is."""

    bits: Annotated[list[Annotated[int, Field(ge=2, le=8)]], AfterValidator(each_once)] = Field(
        min_length=1
    )
    """Bit widths of the stored weights, each a variant `gptq-<bits>bit`."""
    group_size: int = Field(128, ge=2)
    """Number of consecutive inputs of a row that share a scale; the last group may be smaller."""
    sequences: int = Field(128, gt=0, le=10**6)
    """At most this many calibration sequences of the training length, from the `id` passages that
    evaluation does not read."""


class Finetuning(Hyperparameters):
    """Further training of a run's last checkpoint on other text, as the variant
    `finetuned-<target>`."""

    domain: Name
    """Held-out domain that supplies the text. Half of its source's documents, by hash, are trained
    on; passages are held out from the other half. Text that shares a 13-gram with a passage is
    left out."""

    @model_validator(mode="after")
    def _is_plain(self) -> "Finetuning":
        if self.late is not None:
            raise ValueError("late: only a run of the design changes late")
        if self.arm is not None:
            raise ValueError("arm: only a run of the design has one")
        return self


class Perturbation(Section):
    """Perturbations of the runs' last checkpoints, which are then evaluated again."""

    runs: list[str] = ["*"]
    """Which runs, by name or a pattern with * and ?; `base` is the design's base configuration at
    every size."""
    quantize: Quantization | None = None
    """GPTQ, if given."""
    finetune: Annotated[dict[Name, Finetuning], DropsNull, AfterValidator(distinct)] = {}
    """Target, a name of your choice, to its settings. Another learning rate is another target."""
    truncate: Annotated[dict[Name, Truncation], DropsNull, AfterValidator(distinct)] = {}
    """Name of your choice, to the matrices of lower rank and how they are made."""
    prune: Pruning | None = None
    """Pruning by magnitude, if given."""
    surgery: Surgery | None = None
    """Operations on matrices, each followed by recovery beside that of a sham, if given."""
