"""A whole study file, section by section: `study.sections`.

`study.read` turns a parsed YAML file into a `StudyConfig`.
"""

import math
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from disentangle.study.sections.archive import Archive
from disentangle.study.sections.corpus import Corpus, Tokenizer
from disentangle.study.sections.design import Design, Save
from disentangle.study.sections.execution import Execution
from disentangle.study.sections.external import External
from disentangle.study.sections.measuring import Evaluation, Geometry
from disentangle.study.sections.model import Model, Optimizer, Size
from disentangle.study.sections.observations import Observations
from disentangle.study.sections.perturbation import Perturbation
from disentangle.study.sections.section import DropsNull, Name, Section, distinct, repeated
from disentangle.study.sections.statistics import Statistics


def _file_alone(value: object) -> object:
    return {"file": value} if isinstance(value, str) else value


class StudyConfig(Section):
    """A whole study file."""

    study: Name
    """Name of the study and of its folder in results/."""
    corpus: Corpus
    tokenizer: Tokenizer = Tokenizer()
    model: Model
    sizes: list[Size]
    """May be empty where `checkpoints` is not: nothing is trained then."""
    optimizer: Optimizer
    design: Design
    save: Save = Save()
    checkpoints: Annotated[dict[Name, External], DropsNull, AfterValidator(distinct)] = {}
    """Models that were trained elsewhere, by a name of yours."""
    observations: (
        Annotated[
            Observations, BeforeValidator(_file_alone, json_schema_input_type=str | Observations)
        ]
        | None
    ) = None
    """A table of models that others trained and measured: nothing is trained or measured then."""
    geometry: Geometry = Geometry()
    evaluation: Evaluation = Evaluation()
    perturbation: Perturbation = Perturbation()
    statistics: Statistics = Statistics()
    neighbours: bool = False
    """Also look for the findings of neighbouring papers, as far as the study's data allow."""
    execution: Execution = Execution()
    archive: Archive = Field(Archive(), exclude=True)
    """What goes into an archive; no part of what a job is told of the study."""

    @field_validator("sizes")
    @classmethod
    def _distinct_sizes(cls, value: list[Size]) -> list[Size]:
        if same := repeated([size.name for size in value]):
            raise ValueError(f"size {', '.join(same)} appears more than once, or in another case")
        return value

    @model_validator(mode="after")
    def _sizes_of_demands(self) -> "StudyConfig":
        known = {size.name for size in self.sizes} | self.checkpoints.keys()
        if unknown := sorted(self.execution.by_size.keys() - known):
            raise ValueError(f"execution.by_size names {', '.join(unknown)}, which is no size here")
        if not known and not self.observations:
            raise ValueError(
                "needs a model: sizes to train, checkpoints from elsewhere, or observations"
            )
        return self

    @model_validator(mode="after")
    def _a_head_of_its_own(self) -> "StudyConfig":
        tied = [s.name for s in self.sizes if (self.model.tied if s.tied is None else s.tied)]
        if tied and _varies_head_decay(self.design):
            raise ValueError(
                f"design: head_decay needs a head of its own, and {', '.join(tied)} is tied"
            )
        if tied and self.design.interventions:
            raise ValueError(
                "design.interventions: W needs to be a matrix of its own, and "
                f"{', '.join(tied)} is tied: it is the embedding too"
            )
        if self.design.interventions and self.execution.strategy == "fsdp":
            raise ValueError(
                "design.interventions: each process needs the whole W; use execution.strategy: ddp"
            )
        return self

    @model_validator(mode="after")
    def _a_head_to_operate_on(self) -> "StudyConfig":
        tied = [s.name for s in self.sizes if (self.model.tied if s.tied is None else s.tied)]
        if tied and (what := _needs_untied_head(self.perturbation)):
            raise ValueError(
                f"perturbation.{what} needs a head of its own, and {', '.join(tied)} is "
                "tied: its W is the embedding, too"
            )
        return self

    @model_validator(mode="after")
    def _layers_to_truncate(self) -> "StudyConfig":
        for name, truncation in self.perturbation.truncate.items():
            for layer in truncation.layers if truncation.layers != "all" else []:
                lacking = [s.name for s in self.sizes if not -s.n_layers <= layer < s.n_layers]
                if lacking:
                    raise ValueError(
                        f"perturbation.truncate.{name}.layers: {', '.join(lacking)} has no layer "
                        f"{layer}; they are counted from 0, and from the end as -1, -2"
                    )
        return self


def _needs_untied_head(perturbation: Perturbation) -> str | None:
    """What of a perturbation needs a head of its own; None if nothing does."""
    for name, truncation in perturbation.truncate.items():
        if "W" in truncation.matrices:
            return f"truncate.{name}.matrices: W"
    surgery = perturbation.surgery
    if surgery is None:
        return None
    for name, operation in surgery.operations.items():
        if "W" in operation.matrices:
            return f"surgery.operations.{name}.matrices: W"
    return "surgery.recovery.of: head" if "head" in surgery.recovery.of else None


def _varies_head_decay(design: Design) -> bool:
    lates = [design.base.late, *(late for sweep in design.sweeps for late in sweep.late or [])]
    return (
        design.base.head_decay is not None
        or any(sweep.head_decay for sweep in design.sweeps)
        or any(late.head_decay is not None for late in lates if late)
    )


def rows_in_weights(config: StudyConfig) -> int:
    """Vocabulary rows of the weight matrices, including padding."""
    multiple = config.model.pad_rows_to
    return math.ceil(config.tokenizer.vocab_size / multiple) * multiple
