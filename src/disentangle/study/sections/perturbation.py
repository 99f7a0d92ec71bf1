"""What is done to last checkpoints before they are evaluated again."""

from typing import Annotated

from pydantic import AfterValidator, Field

from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.section import DropsNull, Name, Section, distinct


def _each_once(value: list[int]) -> list[int]:
    if len(set(value)) < len(value):
        raise ValueError("each once")
    return value


class Quantization(Section):
    """GPTQ of a run's last checkpoint, the head left as it is."""

    bits: Annotated[list[Annotated[int, Field(ge=2, le=8)]], AfterValidator(_each_once)] = Field(
        min_length=1
    )
    """Widths of the stored weights, each a variant `gptq-<bits>bit`."""
    group_size: int = Field(128, ge=2)
    """Consecutive inputs of a row that share a scale; the last group may be smaller."""
    sequences: int = Field(128, gt=0, le=10**6)
    """Calibration sequences of the training length, at most, of the `id` passages that evaluation
    does not read."""


class Finetuning(Hyperparameters):
    """Further training of a run's last checkpoint on other text, as the variant
    `finetuned-<target>`."""

    domain: Name
    """Held-out domain whose source the text is from: half of the source's documents, by hash, are
    trained on, and passages are held out from the other half.
    What shares a 13-gram with a passage is left out."""


class Perturbation(Section):
    """What is done to runs' last checkpoints before they are evaluated again."""

    runs: list[str] = ["*"]
    """Which runs, by name or a pattern of it with * and ?; `base` is the design's base
    configuration at every size."""
    quantize: Quantization | None = None
    """GPTQ, if it is given."""
    finetune: Annotated[dict[Name, Finetuning], DropsNull, AfterValidator(distinct)] = {}
    """Target, a free name, to what is trained on. A learning rate more is a target more."""
