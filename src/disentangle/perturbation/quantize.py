"""GPTQ of a whole model, layer by layer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from disentangle.decoder import decoder_layers
from disentangle.errors import StudyError
from disentangle.perturbation.gptq import gptq
from disentangle.perturbation.rounding import check_settings

__all__ = ["linears_of", "quantize_model"]

BATCH_TOKENS = 8192
"""Tokens of one forward pass."""


class _LayerReachedError(Exception):
    """Ends a forward pass after the layer being quantised; later layers are not needed."""


@torch.no_grad()
def quantize_model(
    model: PreTrainedModel, sequences: torch.Tensor, *, bits: int, group_size: int | None
) -> None:
    """Quantise all `nn.Linear` of the decoder layers in place; head and embeddings are unchanged.

    The linears of a layer are quantised for the inputs that they get when all earlier layers are
    quantised already but this layer is not (as in the paper). Weights keep their device and type
    and get dequantised values. Each layer's inputs come from a separate forward pass up to that
    layer, on average half a pass of the model. No hidden states are kept, only one layer's
    Hessians, 8 inputs^2 bytes for each linear.

    Args:
        model: a causal language model in evaluation mode, on its device.
        sequences: calibration tokens, shape (n, length), no padding.
        bits: per weight, 2 to 8.
        group_size: inputs that share a grid; None for a whole row.

    Raises:
        StudyError: if there is nothing to quantise, if the calibration tokens do not fit the model
            (shape, length, vocabulary) or are fewer than the widest linear has inputs (its Hessian
            would not have full rank), or if a weight or input is not finite. In this last case the
            layers before the one named are quantised; otherwise the model is unchanged.
    """
    check_settings(bits, group_size)
    layers = decoder_layers(model)
    _check_calibration(model, sequences, layers)
    batches = sequences.split(max(1, BATCH_TOKENS // sequences.shape[1]))
    for number, layer in enumerate(layers):
        linears = linears_of(layer)
        hessians = _input_hessians(model, layer, linears, batches)
        for name, linear in linears.items():
            if not (linear.weight.isfinite().all() and hessians[name].isfinite().all()):
                raise StudyError(
                    f"layer {number}, {name}: its weights or its inputs on the calibration tokens "
                    "are not finite; it cannot be quantized"
                )
            quantized = gptq(linear.weight, hessians[name], bits=bits, group_size=group_size)
            linear.weight.copy_(quantized)


def linears_of(layer: nn.Module) -> dict[str, nn.Linear]:
    """The linear maps of a layer, by their names within it."""
    return {name: part for name, part in layer.named_modules() if isinstance(part, nn.Linear)}


def _check_calibration(
    model: PreTrainedModel, sequences: torch.Tensor, layers: nn.ModuleList
) -> None:
    widths = [linear.in_features for layer in layers for linear in linears_of(layer).values()]
    if not widths:
        raise StudyError(
            f"{type(model).__name__} has no torch.nn.Linear in its layers; "
            "there is nothing that could be quantized"
        )
    if sequences.ndim != 2 or sequences.dtype != torch.long:
        raise StudyError(
            f"calibration tokens are {tuple(sequences.shape)} of {sequences.dtype}; "
            "they must be (sequences, length) of torch.int64"
        )
    if sequences.numel() < max(widths):
        raise StudyError(
            f"{sequences.numel()} calibration tokens are too few for a layer of {max(widths)} "
            "inputs; give at least as many as that, better a hundred times"
        )
    longest = getattr(model.config, "max_position_embeddings", None)
    if longest is not None and sequences.shape[1] > longest:
        raise StudyError(
            f"calibration sequences of {sequences.shape[1]} tokens are longer than the "
            f"{longest} that the model reads; cut them"
        )
    embedding: Any = model.get_input_embeddings()
    known = len(embedding.weight)
    if sequences.min() < 0 or sequences.max() >= known:
        raise StudyError(
            f"calibration tokens run from {int(sequences.min())} to {int(sequences.max())}, but "
            f"the model knows 0 to {known - 1}; take its own tokenizer"
        )


def _input_hessians(
    model: PreTrainedModel,
    layer: nn.Module,
    linears: Mapping[str, nn.Linear],
    batches: tuple[torch.Tensor, ...],
) -> dict[str, torch.Tensor]:
    """Sum of x x^T over the inputs x of each linear, float64; zero for an unused linear."""
    hessians = {
        name: linear.weight.new_zeros(linear.in_features, linear.in_features, dtype=torch.float64)
        for name, linear in linears.items()
    }

    def add(name: str, inputs: torch.Tensor) -> None:
        x = inputs.reshape(-1, inputs.shape[-1]).double()
        hessians[name].addmm_(x.T, x)

    with _watching(layer, linears, add):
        for batch in batches:
            try:
                model.base_model(input_ids=batch.to(model.device), use_cache=False)
            except _LayerReachedError:
                continue
    return hessians


@contextmanager
def _watching(
    layer: nn.Module,
    linears: Mapping[str, nn.Linear],
    see: Callable[[str, torch.Tensor], None],
) -> Iterator[None]:
    """Pass the inputs of a layer's linears to `see`, and end each forward pass after the layer.

    Lasts for the `with` block.
    """

    def stop(*_: object) -> None:
        raise _LayerReachedError

    def show(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        return lambda _, inputs: see(name, inputs[0])

    hooks = [linear.register_forward_pre_hook(show(name)) for name, linear in linears.items()]
    hooks.append(layer.register_forward_hook(stop))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
