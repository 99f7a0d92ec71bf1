"""Compression of last checkpoints: matrices of lower rank, and fewer weights."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from disentangle.study.sections.section import Section, each_once
from disentangle.study.sections.surgery import Matrix

Method = Literal["svd", "cp", "tucker"]

STACKABLE = ({"q", "k", "v", "o"}, {"gate", "up", "down"})
"""Matrices of one shape, `down` transposed."""


class Truncation(Section):
    """Matrices of lower rank in a run's last checkpoint, as the variant `truncated-<name>`."""

    method: Method = "svd"
    """svd: each matrix alone. cp, tucker: matrices of one shape are stacked to a tensor, and the
    tensor is decomposed."""
    matrices: Annotated[list[Matrix], AfterValidator(each_once)] = Field(min_length=1)
    """W, the unembedding (svd only), or matrices of layers. cp and tucker stack either some of q,
    k, v, o or some of gate, up, down, with down transposed."""
    layers: (
        Literal["all"] | Annotated[list[int], Field(min_length=1), AfterValidator(each_once)]
    ) = "all"
    """Which layers, from 0; -1 is the last."""
    stack: Literal["layer", "all"] = "layer"
    """Of cp and tucker: layer, a tensor for each layer; all, one tensor of all the layers."""
    rank: Annotated[float, Field(gt=0, le=10**6)] | None = None
    """What is kept. svd: singular values. cp: terms. tucker: the rank of both sides of the
    matrices. Below 1 it is a share of the most that there can be."""
    energy: Annotated[float, Field(gt=0, lt=1)] | None = None
    """In place of rank, of svd and tucker: the lowest rank that keeps this share of the sum of
    squared singular values; of tucker for each side by itself."""

    @model_validator(mode="after")
    def _has_one_strength(self) -> "Truncation":
        if (self.rank is None) == (self.energy is None):
            raise ValueError("say what is kept: either rank or energy")
        if self.rank is not None and self.rank >= 1 and self.rank != round(self.rank):
            raise ValueError("rank: from 1 on it is a whole number; below 1 it is a share")
        if self.method == "cp" and self.energy is not None:
            raise ValueError("energy: cp takes a rank; which rank keeps an energy is not known")
        return self

    @model_validator(mode="after")
    def _can_be_stacked(self) -> "Truncation":
        if self.method == "svd":
            if self.stack != "layer":
                raise ValueError("stack: svd takes each matrix alone")
        elif not any(same >= set(self.matrices) for same in STACKABLE):
            raise ValueError(
                f"matrices: {self.method} stacks matrices of one shape, "
                "either of q, k, v, o or of gate, up, down"
            )
        elif self.stack == "layer" and len(self.matrices) == 1:
            raise ValueError(
                "matrices: one matrix of a layer is no stack; name more, or write stack: all"
            )
        if self.matrices == ["W"] and self.layers != "all":
            raise ValueError("layers: W is in none")
        return self


def _of_tenths_of_a_per_cent(value: list[float]) -> list[float]:
    for share in value:
        if abs(1000 * share - round(1000 * share)) > 1e-9:
            raise ValueError(f"{share}: give per cent with at most one decimal, as 0.5 or 0.955")
    return value


class Pruning(Section):
    """The smallest weights set to zero in a run's last checkpoint, the head left as it is."""

    sparsity: Annotated[
        list[Annotated[float, Field(gt=0, lt=1)]],
        AfterValidator(each_once),
        AfterValidator(_of_tenths_of_a_per_cent),
    ] = Field([0.5, 0.8, 0.9], min_length=1)
    """Shares of the weights of each linear map of a layer that are set to zero, each a variant
    `pruned-<per cent>`."""
