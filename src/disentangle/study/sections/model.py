"""The shapes of the models, and how they are optimised."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from disentangle.study.sections.section import Beta, Name, Section


class Size(Section):
    """One model size: the shape of an OLMo decoder."""

    name: Name
    """Its name, as part of run names."""
    d_model: int = Field(gt=0, le=2**16)
    """Width."""
    n_layers: int = Field(gt=0, le=1024)
    """Blocks."""
    n_heads: int = Field(gt=0, le=1024)
    """Attention heads; `d_model / n_heads` must be even."""
    tied: bool | None = None
    """Overrides `model.tied` for this size."""

    @model_validator(mode="after")
    def _heads_divide(self) -> "Size":
        if self.d_model % self.n_heads or (self.d_model // self.n_heads) % 2:
            raise ValueError(
                f"d_model {self.d_model} must divide by n_heads {self.n_heads} into an even "
                "head size (rotary embeddings turn pairs)"
            )
        return self


class Model(Section):
    """What all sizes share: sequential blocks, SwiGLU, RoPE, no biases, unweighted LayerNorm."""

    sequence_length: int = Field(ge=8, le=2**20)
    """Tokens per training sequence."""
    mlp_ratio: int = Field(8, gt=0, le=1024)
    """SwiGLU hidden width is mlp_ratio / 2 times d_model, so at 8 a block has 16 d^2 weights."""
    tied: bool = False
    """Whether the unembedding W is the embedding matrix."""
    pad_rows_to: int = Field(128, gt=0, le=2**16)
    """The vocabulary dimension of the weights is rounded up to a multiple of this."""
    precision: Literal["fp32", "amp_bf16", "amp_fp16"] = "fp32"
    """Training precision; mixed precision applies on GPUs only."""


"""How much of a running mean is kept at each step; 1 would keep its beginning for ever."""


class Optimizer(Section):
    """AdamW settings and schedule that all runs share."""

    learning_rate: float = Field(gt=0, le=1000)
    """The peak learning rate that `learning_rate: 1` in the design multiplies."""
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """AdamW's decay rates of the two moments."""
    eps: float = Field(1e-8, gt=0)
    """AdamW's epsilon."""
    clip: float = Field(1.0, gt=0)
    """Maximum norm of the gradient."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Linear warmup, as a share of the run's steps; then cosine decay."""
    decay_embeddings: bool = True
    """Whether weight decay applies to the input embedding. It always applies to an untied head."""
