"""Compress a model in memory: matrices of lower rank, or the smallest weights zero."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from transformers import PreTrainedModel

from disentangle.decoder import decoder_layers
from disentangle.errors import StudyError
from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.effective_ranks import effective_rank
from disentangle.perturbation.quantize import linears_of
from disentangle.perturbation.tensor_decompositions import (
    cp,
    most_ranks,
    most_terms,
    spectra_of_sides,
    tucker,
)
from disentangle.study.sections.compression import Truncation
from disentangle.surgery.operate import matrices_of
from disentangle.surgery.spectrum import rescaled, right_vectors
from disentangle.surgery.truncation import kept

__all__ = ["Left", "prune_model", "pruned", "rank_of_energy", "truncate_model"]


@dataclass(frozen=True)
class Left:
    """What compression left of the matrices that it changed."""

    kept: float
    """Truncation: the rank that was kept, as a share of the most that there can be, mean over
    matrices or tensors. Pruning: the share of the weights that were kept."""
    numbers: float
    """Numbers that now describe the matrices, as a share of their weights. Above 1 where factors
    hold more numbers than the matrix. The positions of the weights left are not counted."""
    energy: float
    """1 - sum |M - M'|^2 / sum |M|^2 over the matrices."""
    rank_pct: float
    """Effective rank of the matrices before, per cent of min(n, d), mean over matrices."""


@dataclass(frozen=True)
class _Part:
    """What is left of one matrix or tensor."""

    weights: int
    numbers: int
    kept: float
    size: float
    """Sum of squares before."""
    lost: float
    """Sum of squares of what was taken away."""
    ranks: tuple[float, ...]
    """Of each matrix before: effective rank, per cent of min(n, d)."""


@torch.no_grad()
def truncate_model(model: PreTrainedModel, rows: int, truncation: Truncation) -> Left:
    """Give matrices of a model a lower rank, in place: in float64, rounded to the weights' type.

    svd is the nearest matrix of a rank (Eckart & Young 1936), each matrix by itself, as in LASER
    (Sharma et al. 2023, arXiv 2312.13558). cp and tucker stack matrices of one shape to a tensor
    and approximate that, as in TRAWL (Luo et al. 2024, arXiv 2406.17261).

    Args:
        model: a causal language model in evaluation mode, on its device.
        rows: vocabulary rows in use. W is nearest over these.
        truncation: the study's settings.

    Raises:
        StudyError: if a weight is not finite (the model is unchanged then), or see `matrices_of`.
    """
    layers = _chosen(model, truncation)
    for name, weight in chain.from_iterable(layers):
        _refuse_not_finite(name, weight)
    if truncation.method == "svd":
        return _left(
            _truncate(weight, rows if name == "W" else len(weight), truncation)
            for name, weight in chain.from_iterable(layers)
        )
    stacks = [list(chain.from_iterable(layers))] if truncation.stack == "all" else layers
    return _left(_approximate(stack, truncation) for stack in stacks)


@torch.no_grad()
def prune_model(model: PreTrainedModel, sparsity: float) -> Left:
    """Set the smallest weights of every linear map of the decoder layers to zero, in place.

    By magnitude, the same share of each matrix (Han et al. 2015, arXiv 1506.02626, without their
    further training). Head, embeddings, norms and biases are left as they are, as in GPTQ.

    Args:
        model: a causal language model, on its device.
        sparsity: share of the weights of each matrix to set to zero.

    Raises:
        StudyError: if a weight is not finite. The model is unchanged then.
    """
    linears = [
        (f"layer {number}, {name}", linear.weight)
        for number, layer in enumerate(decoder_layers(model))
        for name, linear in linears_of(layer).items()
    ]
    for name, weight in linears:
        _refuse_not_finite(name, weight)
    return _left(_prune(weight, sparsity) for _, weight in linears)


def pruned(M: torch.Tensor, sparsity: float) -> torch.Tensor:
    """M with its round(sparsity x entries) smallest entries zero; of equal ones the first go."""
    order = M.abs().flatten().argsort(stable=True)
    found = M.flatten().clone()
    found[order[: round(sparsity * M.numel())]] = 0
    return found.view_as(M)


def rank_of_energy(sigma: torch.Tensor, share: float) -> int:
    """The lowest rank that keeps this share of the sum of squared singular values.

    Args:
        sigma: singular values, descending.
        share: below 1.
    """
    energies = sigma.square().cumsum(0)
    return min(len(sigma), int((energies < share * energies[-1]).sum()) + 1)


def _chosen(model: PreTrainedModel, truncation: Truncation) -> list[list[tuple[str, torch.Tensor]]]:
    """The weights to truncate, by name: a list for each layer, and one for W."""
    head = list(matrices_of(model, ["W"])) if "W" in truncation.matrices else []
    of_layers = [name for name in truncation.matrices if name != "W"]
    layers = zip(*(list(matrices_of(model, [name])) for name in of_layers), strict=True)
    every = [list(layer) for layer in layers]
    if truncation.layers != "all":
        chosen = {range(len(every))[number] for number in truncation.layers}
        every = [every[number] for number in sorted(chosen)]
    return [head, *every] if head else every


def _truncate(weight: torch.Tensor, rows: int, truncation: Truncation) -> _Part:
    """The nearest matrix of a rank, by `rows` rows, in place of a weight."""
    M = weight.double()
    sigma, V = right_vectors(M[:rows])
    if truncation.energy is not None:
        rank = rank_of_energy(sigma, truncation.energy)
    else:
        assert truncation.rank is not None
        rank = kept(truncation.rank, len(sigma))
    weight.copy_(rescaled(M, V[:, :rank], torch.ones_like(sigma[:rank])))
    energies = sigma.square()
    return _Part(
        weights=rows * M.shape[1],
        numbers=rank * (rows + M.shape[1]),
        kept=rank / len(sigma),
        size=float(energies.sum()),
        lost=float(energies[rank:].sum()),
        ranks=(_rank_pct(sigma),),
    )


def _approximate(stack: list[tuple[str, torch.Tensor]], truncation: Truncation) -> _Part:
    """A tensor of few terms, or of sides of low rank, in place of matrices of one shape."""
    matrices = [weight.double().T if name == "down" else weight.double() for name, weight in stack]
    T = torch.stack(matrices)
    slices, n, d = T.shape
    if truncation.method == "cp":
        assert truncation.rank is not None
        terms = kept(truncation.rank, most_terms(T.shape))
        found, share = cp(T, terms), terms / most_terms(T.shape)
        numbers = terms * (slices + n + d)
    else:
        most = most_ranks(T.shape)
        ranks = _ranks_of_sides(T, most, truncation)
        found, share = tucker(T, ranks), (ranks[0] / most[0] + ranks[1] / most[1]) / 2
        numbers = slices * ranks[0] * ranks[1] + n * ranks[0] + d * ranks[1]
    for (name, weight), M in zip(stack, found, strict=True):
        weight.copy_(M.T if name == "down" else M)
    return _Part(
        weights=T.numel(),
        numbers=numbers,
        kept=share,
        size=float(T.square().sum()),
        lost=float((T - found).square().sum()),
        ranks=tuple(_rank_pct(torch.linalg.svdvals(M)) for M in matrices),
    )


def _ranks_of_sides(
    T: torch.Tensor, most: tuple[int, int], truncation: Truncation
) -> tuple[int, int]:
    if truncation.energy is not None:
        n, d = spectra_of_sides(T)
        return rank_of_energy(n, truncation.energy), rank_of_energy(d, truncation.energy)
    assert truncation.rank is not None
    return kept(truncation.rank, most[0]), kept(truncation.rank, most[1])


def _prune(weight: torch.Tensor, sparsity: float) -> _Part:
    found = pruned(weight, sparsity)
    left = weight.numel() - round(sparsity * weight.numel())
    part = _Part(
        weights=weight.numel(),
        numbers=left,
        kept=left / weight.numel(),
        size=float(weight.double().square().sum()),
        lost=float((weight.double() - found.double()).square().sum()),
        ranks=(_rank_pct(torch.from_numpy(singular_values(weight))),),
    )
    weight.copy_(found)
    return part


def _rank_pct(sigma: torch.Tensor) -> float:
    return 100 * effective_rank(sigma.cpu().numpy()) / len(sigma)


def _left(parts: Iterable[_Part]) -> Left:
    every = list(parts)
    size = sum(part.size for part in every)
    return Left(
        kept=float(np.mean([part.kept for part in every])),
        numbers=sum(part.numbers for part in every) / sum(part.weights for part in every),
        energy=1 - sum(part.lost for part in every) / size if size else float("nan"),
        rank_pct=float(np.mean([rank for part in every for rank in part.ranks])),
    )


def _refuse_not_finite(name: str, weight: torch.Tensor) -> None:
    if not weight.isfinite().all():
        raise StudyError(f"{name}: some weights are not finite, so it cannot be compressed")
