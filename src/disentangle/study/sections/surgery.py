"""Surgery on last checkpoints: what is done to their matrices, and how they are trained after."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.section import DropsNull, Name, Section, Seed, distinct, each_once

Matrix = Literal["W", "q", "k", "v", "o", "gate", "up", "down"]
Stage = Literal["head", "all"]

STAGES: tuple[Stage, ...] = ("head", "all")
"""What is trained in a recovery."""

OPERATED = "operated"
"""The stage after an operation and before a recovery."""

SHAM = "sham"
"""The operation that does nothing."""

NEEDED = {"gauge": ("target",), "rotate": (), "truncate": ("rank",), "power": ("exponent",)}
"""The settings of each kind besides its matrices."""

SEEDED = ("gauge", "rotate")


class Operation(Section):
    """What is done to matrices of a checkpoint. Of a layer's matrix, every layer's is meant."""

    kind: Literal["gauge", "rotate", "truncate", "power"]
    """gauge: a vector is added to all rows of W, which changes no prediction. rotate: the right
    singular vectors are rotated at random. truncate: the largest singular values are kept. power:
    singular values are raised to a power at the same Frobenius norm."""
    matrices: Annotated[list[Matrix], AfterValidator(each_once)] = Field(["W"], min_length=1)
    """W, the unembedding, or matrices of every layer."""
    target: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of a gauge shift: the effective rank that W is to have, as a share of d."""
    rank: Annotated[float, Field(gt=0, le=10**6)] | None = None
    """Of truncation: singular values to keep, below 1 as a share of min(n, d)."""
    exponent: Annotated[float, Field(gt=0, le=100)] | None = None
    """Of a power: below 1 the spectrum gets flatter, above 1 sharper. If W is among the matrices,
    it is then multiplied by the number that loses least on text that evaluation does not read."""
    seed: Seed | None = None
    """Of a gauge shift's vector, or of a rotation; by default 0."""

    @property
    def fits_temperature(self) -> bool:
        """Whether W is multiplied afterwards by the number that loses least."""
        return self.kind == "power" and "W" in self.matrices

    @model_validator(mode="after")
    def _of_its_kind(self) -> "Operation":
        for name in NEEDED[self.kind]:
            if getattr(self, name) is None:
                raise ValueError(f"kind {self.kind} needs {name}")
        takes = (*NEEDED[self.kind], *(["seed"] if self.kind in SEEDED else []))
        for name in ("target", "rank", "exponent", "seed"):
            if getattr(self, name) is not None and name not in takes:
                raise ValueError(f"kind {self.kind} takes no {name}")
        if self.rank is not None and self.rank >= 1 and self.rank != round(self.rank):
            raise ValueError("rank: from 1 on it is a whole number; below 1 it is a share")
        if self.kind == "gauge" and self.matrices != ["W"]:
            raise ValueError("matrices: W alone can be shifted without a change of any prediction")
        return self


class Recovery(Hyperparameters):
    """Further training on the training text after an operation, and after none (the sham). All are
    trained alike, in the same order of the text."""

    of: Annotated[list[Stage], AfterValidator(each_once)] = Field(list(STAGES), min_length=1)
    """What is trained: head, W alone; all, all weights. Each is a recovery of its own."""

    @model_validator(mode="after")
    def _changes_nothing_late(self) -> "Recovery":
        if self.late is not None:
            raise ValueError("late: only a run of the design changes late")
        return self


def _named(value: dict[str, Operation]) -> dict[str, Operation]:
    if not value:
        raise ValueError("say at least one operation")
    for name in value:
        if name.casefold() == SHAM:
            raise ValueError(f"{name}: the sham is there in any case; it does nothing")
        if name.endswith(tuple(f"-{stage}" for stage in STAGES)):
            raise ValueError(f"{name}: this ending is for what was trained after an operation")
    return value


class Surgery(Section):
    """Operations on the matrices of last checkpoints, each as the variant `surgery-<name>`. After
    each, and after none (`surgery-sham`), training goes on: `surgery-<name>-head`,
    `surgery-<name>-all`."""

    operations: Annotated[
        dict[Name, Operation],
        DropsNull,
        AfterValidator(distinct),
        AfterValidator(_named),
    ]
    """Name of your choice, to what is done."""
    recovery: Recovery
    """How training goes on."""
    sequences: int = Field(128, gt=0, le=10**6)
    """A temperature is fitted on at most so many sequences of the training length, from the `id`
    passages that evaluation does not read."""
