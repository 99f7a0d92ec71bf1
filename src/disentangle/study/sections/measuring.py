"""What is measured of a checkpoint."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from disentangle.study.sections.section import Name, Section, repeated
from disentangle.study.tasks import task_fault


class Representations(Section):
    """How H, the final-layer representation of each passage's last token, is read."""

    domains: list[Name] = Field(["id"], min_length=1)
    """Held-out domains on whose passages H is read."""
    max_tokens: int = Field(64, ge=2, le=2**20)
    """Each passage is read up to this many tokens, and at most `model.sequence_length`."""


OWN_METRIC = re.compile(r"[\w./-]+\.py:[a-z][a-z0-9_]*")


def _user_metric(value: str) -> str:
    path = Path(value.rpartition(":")[0])
    if not OWN_METRIC.fullmatch(value):
        raise ValueError("write my_metrics.py:function, the function in lower case")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError("name a file in the folder where the workflow runs, relative to it")
    return value


UserMetricName = Annotated[str, AfterValidator(_user_metric)]
"""Where a metric of the user's own is: a Python file and a function in it."""


class Geometry(Section):
    """What else is measured of each checkpoint, in addition to the built-in metrics of W and H."""

    representations: Representations = Representations()
    metrics: list[UserMetricName] = []
    """Your own metrics, as `my_metrics.py:function`: functions of `matrix` or `singular_values`."""
    matrices: Literal["head", "all"] = "head"
    """`all` also measures the spectra of every layer's matrices, of each head's OV and QK circuits,
    and of the embedding; by default only W and what it makes with H is measured."""
    gradients: int = Field(0, ge=0, le=1000)
    """Also measure the gradients of W, of each MLP's second matrix and of each head's OV circuit at
    every checkpoint, averaged over the batches of so many training steps; 0 measures none."""
    layers: bool = False
    """Also compare each layer of every checkpoint with the same layer of the run's last checkpoint
    (CKA), on the domains of H."""

    @field_validator("metrics")
    @classmethod
    def _other_names(cls, value: list[str]) -> list[str]:
        if same := repeated([spelled.rpartition(":")[2] for spelled in value]):
            raise ValueError(f"{', '.join(same)}: two functions of one name are one column")
        return value


class Task(Section):
    """A registered task of the evaluation harness, with its own prompt and metrics."""

    name: Name
    """Its name in the harness."""
    limit: int | None = Field(None, gt=0, le=10**7)
    """At most this many documents."""
    every_checkpoint: bool = False
    """Evaluate it at every checkpoint, so that late drops of its score are judged; by default only
    at the last one."""

    @field_validator("name")
    @classmethod
    def _exists(cls, value: str) -> str:
        if fault := task_fault(value):
            raise ValueError(fault)
        return value


class Evaluation(Section):
    """Loss on the held-out domains at every checkpoint, tasks at the last or every checkpoint."""

    passages: int = Field(256, gt=0, le=10**7)
    """Number of passages per domain over which the loss is computed."""
    tasks: list[Task] = []
    """Tasks to evaluate in addition to the losses."""
    batch_size: int = Field(32, gt=0, le=10**5)
    """Sequences per forward pass."""
    token_trends: bool = False
    """Also follow the loss of each token of the `id` passages over a run's checkpoints."""

    @field_validator("tasks")
    @classmethod
    def _each_once(cls, value: list[Task]) -> list[Task]:
        if same := repeated([task.name for task in value]):
            raise ValueError(f"{', '.join(same)} is listed more than once; give it one limit")
        return value
