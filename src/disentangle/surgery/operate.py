"""Operate on a model in memory. Imports the heavy libraries."""

from collections.abc import Iterable, Iterator

import torch
from transformers import PreTrainedModel

from disentangle.errors import StudyError
from disentangle.geometry.families import family_of
from disentangle.study.sections.surgery import Operation
from disentangle.surgery.gauge import shifted
from disentangle.surgery.power import raised
from disentangle.surgery.rotation import rotated
from disentangle.surgery.temperature import best_scale
from disentangle.surgery.truncation import truncated

__all__ = ["head_states", "matrices_of", "operate"]

BATCH_TOKENS = 8192
"""Tokens of one forward pass."""


@torch.no_grad()
def operate(
    model: PreTrainedModel, rows: int, operation: Operation, sequences: torch.Tensor | None
) -> float | None:
    """Do an operation to a model's matrices in place, in float64, rounded to the weights' type.

    Matrices of several layers are rotated differently.

    Args:
        model: a causal language model in evaluation mode, on its device, whose head is untied.
        rows: vocabulary rows in use.
        operation: what to do.
        sequences: calibration tokens, s x length, for a temperature; None if none is fitted.

    Returns:
        The factor of W that a power of W is followed by; None for every other operation.

    Raises:
        UnreachableError: if no gauge shift reaches the target. The model is unchanged.
        StudyError: if the head is tied and W is among the matrices.
    """
    for number, (name, weight) in enumerate(matrices_of(model, operation.matrices)):
        used = rows if name == "W" else len(weight)
        weight.copy_(_operated(weight, used, operation, number))
    if not operation.fits_temperature:
        return None
    assert sequences is not None, "a power of W is followed by a temperature"
    W = model.get_output_embeddings().weight
    tau = best_scale(head_states(model, sequences), W, sequences[:, 1:].flatten().to(W.device))
    W.mul_(tau)
    return tau


def _operated(M: torch.Tensor, rows: int, operation: Operation, number: int) -> torch.Tensor:
    seed = operation.seed or 0
    if operation.kind == "gauge":
        assert operation.target is not None
        return shifted(M, rows, target=operation.target, seed=seed)
    if operation.kind == "rotate":
        return rotated(M, seed=[seed, number])
    if operation.kind == "truncate":
        assert operation.rank is not None
        return truncated(M, rows, rank=operation.rank)
    assert operation.exponent is not None
    return raised(M, rows, exponent=operation.exponent)


def matrices_of(model: PreTrainedModel, names: Iterable[str]) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights of some matrices of a model, to change in place, each with its name.

    Args:
        model: of a family that keeps them in tensors of their own, outputs x inputs, as OLMo does.
        names: W, or names of `families.Family`, of which every layer has one.

    Raises:
        StudyError: if W is the embedding too, or a matrix shares a tensor with others.
    """
    for name in names:
        if name == "W":
            head = model.get_output_embeddings().weight
            if head is model.get_input_embeddings().weight:
                raise StudyError(
                    "perturbation.surgery: W is the embedding too (tied), so what is done to it is "
                    "done to the model's input; operate on an untied model"
                )
            yield name, head.data
            continue
        family = family_of(model.config.model_type)
        if family.transposed or family.together or family.gate_and_up or not getattr(family, name):
            raise StudyError(
                f"perturbation.surgery: a {model.config.model_type} model has no {name} in a "
                "tensor of its own"
            )
        for layer in range(model.config.num_hidden_layers):
            place = f"{family.layers}.{layer}.{getattr(family, name)}.weight"
            yield name, model.get_parameter(place).data


@torch.no_grad()
def head_states(model: PreTrainedModel, sequences: torch.Tensor) -> torch.Tensor:
    """The inputs of the head at every position but the last, which predicts no token.

    Args:
        model: in evaluation mode, on its device.
        sequences: tokens, s x length.

    Returns:
        s (length - 1) x d.
    """
    batches = sequences.split(max(1, BATCH_TOKENS // sequences.shape[1]))
    return torch.cat(
        [
            model.base_model(input_ids=batch.to(model.device), use_cache=False)
            .last_hidden_state[:, :-1]
            .flatten(0, 1)
            for batch in batches
        ]
    )
