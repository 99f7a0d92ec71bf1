"""The spectra of a checkpoint's gradients on training text. Imports the heavy libraries."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from disentangle.checkpoint.guard import load_checkpoint, measuring_device
from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.families import family_of
from disentangle.geometry.layer_weights import WeightSpectrum, layer_weights, product_spectrum
from disentangle.provenance import versions

TOKENS_AT_ONCE = 8192
"""Tokens of one forward pass; fixed, since sums in another order have other last digits."""

HEAD, DOWN, OV = "W", "down", "OV"
"""The matrices whose gradients are measured."""


def gradient_spectra_of(
    folder: Path, batches: Iterable[torch.Tensor], threads: int
) -> dict[str, Any]:
    """Measure the gradient of the mean loss over some batches, in float64 and on the CPU.

    Args:
        folder: the checkpoint.
        batches: sequences x length each, all of one size.
        threads: CPU threads.

    Returns:
        spectra: matrix, layer, head, rows, columns and singular_values of each; loss, the mean
        cross-entropy in nats per token; and numerics. Without the rows that pad the vocabulary.

    Raises:
        QuarantineError: as `load_checkpoint`.
    """
    torch.set_num_threads(threads)
    checkpoint = load_checkpoint(folder, measuring_device())
    loss = accumulate_gradients(checkpoint.model, batches)
    found = gradient_spectra(checkpoint.model, checkpoint.manifest.rows)
    return {
        "spectra": [spectrum.to_json() for spectrum in found],
        "loss": loss,
        "numerics": {
            "device": checkpoint.model.device.type,
            "model_dtype": "float32",
            "metric_dtype": "float64",
            **versions("torch", "transformers"),
        },
    }


def accumulate_gradients(model: PreTrainedModel, batches: Iterable[torch.Tensor]) -> float:
    """Leave in each weight's `grad` the gradient of the mean loss; return that loss, in nats.

    The loss is the mean cross-entropy of all tokens but the first of each sequence. The trainer
    divides by the number of all tokens, so its loss and gradient are (length - 1) / length of it.
    """
    model.requires_grad_(True).zero_grad()
    embedding: Any = model.get_input_embeddings()
    embedding.padding_idx = None  # the token that pads is read here, and has a gradient
    total, tokens = 0.0, 0
    for batch in batches:
        for part in batch.split(max(1, TOKENS_AT_ONCE // batch.shape[1])):
            ids = part.to(model.device)
            logits = model(ids).logits[:, :-1].float()
            labels = ids[:, 1:]
            loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
            loss.backward()
            total, tokens = total + loss.item(), tokens + labels.numel()
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= tokens
    return total / tokens


def gradient_spectra(model: PreTrainedModel, rows: int) -> Iterator[WeightSpectrum]:
    """The spectra of the gradients of W, each MLP's second matrix, and each head's OV circuit.

    A step of gradient descent changes O_h V_h by G_O V_h + O_h G_V, to first order, where G is the
    gradient of the loss: that is the gradient of the circuit (Diehl Martinez et al. 2024). Its rank
    is at most twice the head's width.

    Args:
        model: with gradients, as `accumulate_gradients` leaves them.
        rows: of W, those that are in use.

    Raises:
        UnknownFamilyError: if the architecture is not known.
    """
    config: Any = model.config
    family = family_of(config.model_type)
    parameters = dict(model.named_parameters())

    def gradient(name: str) -> torch.Tensor:
        found = parameters[name].grad
        assert found is not None
        return found.detach().cpu()

    head: Any = model.get_output_embeddings()
    G = head.weight.grad[:rows].detach().cpu()
    yield WeightSpectrum(HEAD, None, None, (G.shape[0], G.shape[1]), singular_values(G))
    for layer in range(config.num_hidden_layers):
        weights = layer_weights(family, config, layer, lambda name: parameters[name].detach().cpu())
        slopes = layer_weights(family, config, layer, gradient)
        down = slopes.down
        yield WeightSpectrum(
            DOWN, layer, None, (down.shape[0], down.shape[1]), singular_values(down)
        )
        for number in range(weights.heads):
            O, V = weights.ov(number)  # noqa: E741 (the source's)
            G_O, G_V = slopes.ov(number)
            # G_O V + O G_V as one product
            sigma = product_spectrum(torch.cat([G_O, O], dim=1), torch.cat([V, G_V], dim=0))
            yield WeightSpectrum(OV, layer, number, (O.shape[0], V.shape[1]), sigma)
