"""Models that were trained elsewhere."""

from typing import Annotated

from pydantic import Field, model_validator

from disentangle.hub import ON_HUB, split_repo
from disentangle.study.sections.section import Fraction, Name, Quantity, Section, Seed


class Known(Section):
    """What is known of how a model was trained elsewhere; what is left out is unknown."""

    size: Name | None = None
    """Name of its size. Models of one size with the same choices are repeats that differ in their
    seed; by default each model has a size of its own."""
    tokens_budget: Quantity | None = None
    batch_size: int | None = Field(None, gt=0)
    weight_decay: float | None = Field(None, ge=0)
    learning_rate: float | None = Field(None, gt=0)
    """Peak, not a multiple."""
    final_lr: Fraction | None = None
    """Share of the peak."""
    seed: Seed | None = None
    """Of initialisation and data order."""
    init_seed: Seed | None = None
    """Of the initialisation, if it is not that of the data order; by default `seed`."""
    data_seed: Seed | None = None
    """Of the data order; by default `seed`."""


class External(Section):
    """A causal language model that was trained elsewhere, at some of its steps."""

    source: str = Field(min_length=1)
    """`hf:REPO` on the hub, or a folder with Hugging Face folders or folders of ai2-olmo's
    trainer in it."""
    revisions: dict[Annotated[int, Field(ge=0)], str] = Field(min_length=1)
    """Step to a revision on the hub, or to a folder within the source ('.' is the source itself).
    """
    tokens_per_step: int | None = Field(None, gt=0)
    """Training tokens per step, if known."""
    tokenizer: str | None = Field(None, min_length=1)
    """If it is not beside the weights: a folder, or a name that ai2-olmo ships."""
    covariates: Known = Known()
    """How it was trained, as far as known."""

    @model_validator(mode="after")
    def _on_the_hub_as_it_is_spelled_there(self) -> "External":
        if self.source.startswith(ON_HUB):
            for revision in self.revisions.values():
                split_repo(f"{self.source.removeprefix(ON_HUB)}@{revision}")
        return self
