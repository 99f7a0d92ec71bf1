"""The last norm of a causal language model of any architecture: found by what it does."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

__all__ = ["FinalNorm", "NoNormError", "final_norm"]

AGREES = 1e-3
"""Relative difference between what a norm does and its description; norms compute in float32."""


class NoNormError(ValueError):
    """The function-level matrices of a model are not known; the message says why."""


@dataclass(frozen=True)
class FinalNorm:
    """What a norm makes of x: gain * (x - mean) / scale + shift; some keep the mean."""

    gain: torch.Tensor
    """d numbers, float64; ones if the norm has none."""
    subtracts_mean: bool
    """LayerNorm does, RMSNorm does not."""

    @property
    def described(self) -> str:
        """For a row's numerics."""
        kind = "subtracts the mean" if self.subtracts_mean else "keeps the mean"
        return kind if bool((self.gain == 1).all()) else f"{kind}, has a gain"


@torch.no_grad()
def final_norm(model: PreTrainedModel) -> FinalNorm:
    """Find the norm whose output the head reads, and what it does, by probing it.

    Its weights are believed only if it acts accordingly: some architectures multiply by 1 + weight.

    Raises:
        NoNormError: if the head does not read a norm's output, or its logits are not used as they
            are.
    """
    if getattr(model.config, "final_logit_softcapping", None):
        raise NoNormError("its logits are capped, so a shift of all of them is not ignored")
    module = _before_head(model)
    d = model.config.hidden_size
    own = list(module.parameters())
    if any(child is not module for child in module.modules()) or any(
        weight.shape != (d,) for weight in own
    ):
        raise NoNormError(f"its head reads the output of {type(module).__name__}, which is no norm")
    device = model.get_output_embeddings().weight.device
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, d, generator=generator).to(device)
    z = (x - x.mean(1, keepdim=True)) * 100  # eps no longer matters
    z = z / z.square().mean(1, keepdim=True).sqrt() * 100

    def acts(on: torch.Tensor) -> torch.Tensor:
        return module(on[None])[0].double()

    if not _close(acts(3 * z), acts(z)):
        raise NoNormError(f"{type(module).__name__} before its head is no norm")
    subtracts_mean = _close(acts(z + 50), acts(z))
    gained = (acts(z) - acts(-z)) / 2  # without the shift
    unit = z.double() / 100
    weight = getattr(module, "weight", None)
    candidates = [torch.ones(d, dtype=torch.float64, device=device)]
    if weight is not None:
        candidates += [weight.detach().double(), 1 + weight.detach().double()]
    for gain in candidates:
        if _close(unit * gain, gained):
            return FinalNorm(gain.cpu(), subtracts_mean)
    raise NoNormError(f"{type(module).__name__} before its head multiplies by an unknown gain")


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool(torch.linalg.vector_norm(a - b) <= AGREES * torch.linalg.vector_norm(b))


def _before_head(model: PreTrainedModel) -> nn.Module:
    """The module whose output is the head's input."""
    made: list[tuple[nn.Module, torch.Tensor]] = []
    read: list[torch.Tensor] = []

    def note(module: nn.Module, _: object, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            made.append((module, output))

    hooks = [module.register_forward_hook(note) for module in model.base_model.modules()]
    head: Any = model.get_output_embeddings()
    hooks.append(head.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0])))
    try:
        model(input_ids=torch.zeros(1, 2, dtype=torch.long, device=head.weight.device))
    finally:
        for hook in hooks:
            hook.remove()
    for module, output in made:  # inner modules first; dropout hands on what it gets
        if read and output.shape == read[0].shape and output.data_ptr() == read[0].data_ptr():
            return module
    raise NoNormError("its head reads what no module of it makes")
