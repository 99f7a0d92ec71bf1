"""The weights of every layer, and what they compute in pairs: the OV and QK circuits of each head.

Matrices map inputs to outputs: y = M x. With the rows of Q, K and V, and the columns of O, divided
among the heads (Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"):

    OV_h = O_h V_h    what head h writes if it attends to a position with the input x: OV_h x
    QK_h = Q_h^T K_h  its score for the inputs x at the query and y at the key: x^T QK_h y / sqrt(r)

Both are d x d of rank at most r, the head's width. Norms of q and k, and rotary embeddings, lie
between Q and K and are left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from disentangle.geometry.decomposition import singular_values, triangular_factor
from disentangle.geometry.effective_ranks import Spectrum
from disentangle.geometry.families import Family, family_of

__all__ = ["LayerWeights", "WeightSpectrum", "layer_weights", "product_spectrum", "weight_spectra"]

Tensors = Callable[[str], torch.Tensor]
"""A checkpoint's tensor by its name."""


@dataclass(frozen=True)
class LayerWeights:
    """The matrices of one layer, each outputs x inputs."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    o: torch.Tensor
    gate: torch.Tensor | None
    up: torch.Tensor
    down: torch.Tensor
    heads: int
    kv_heads: int
    """Heads of k and v; several heads of q may share one."""

    def named(self) -> Iterator[tuple[str, torch.Tensor]]:
        """The matrices that the layer has, by name."""
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            if (matrix := getattr(self, name)) is not None:
                yield name, matrix

    def ov(self, head: int) -> tuple[torch.Tensor, torch.Tensor]:
        """O_h (d x r) and V_h (r x d), whose product is the head's OV circuit."""
        width = self.o.shape[1] // self.heads
        return self.o[:, head * width : (head + 1) * width], self._of_kv(self.v, head)

    def qk(self, head: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Q_h^T (d x r) and K_h (r x d), whose product is the head's QK circuit."""
        width = self.q.shape[0] // self.heads
        return self.q[head * width : (head + 1) * width].T, self._of_kv(self.k, head)

    def _of_kv(self, matrix: torch.Tensor, head: int) -> torch.Tensor:
        width = matrix.shape[0] // self.kv_heads
        shared = head * self.kv_heads // self.heads
        return matrix[shared * width : (shared + 1) * width]


@dataclass(frozen=True)
class WeightSpectrum:
    """The singular values of a matrix of a model."""

    matrix: str
    """q, k, v, o, gate, up, down, OV, QK, or E, the embedding."""
    layer: int | None
    """From 0; None for the embedding."""
    head: int | None
    """From 0; None for a matrix of all heads."""
    shape: tuple[int, int]
    sigma: Spectrum
    """Descending; of a circuit as many as the head is wide."""

    def to_json(self) -> dict[str, Any]:
        """As a cache keeps it, and as `metrics.spectrum_row` takes it."""
        return {
            "matrix": self.matrix,
            "layer": self.layer,
            "head": self.head,
            "rows": self.shape[0],
            "columns": self.shape[1],
            "singular_values": self.sigma.tolist(),
        }


def layer_weights(family: Family, config: Any, layer: int, tensors: Tensors) -> LayerWeights:
    """The matrices of one layer.

    Args:
        family: where they are.
        config: the model's configuration.
        layer: the layer's number, from 0.
        tensors: gives a tensor by name.
    """

    def weight(name: str) -> torch.Tensor:
        found = tensors(f"{family.layers}.{layer}.{name}.weight")
        return found.T if family.transposed else found

    heads = config.num_attention_heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    if family.together:
        q, k, v = _apart(weight(family.q), heads, kv_heads, by_head=family.together == "by head")
    else:
        q, k, v = weight(family.q), weight(family.k), weight(family.v)
    gate = weight(family.gate) if family.gate else None
    if family.gate_and_up and gate is not None:
        gate, up = gate.chunk(2)
    else:
        up = weight(family.up)
    return LayerWeights(q, k, v, weight(family.o), gate, up, weight(family.down), heads, kv_heads)


def _apart(
    together: torch.Tensor, heads: int, kv_heads: int, *, by_head: bool
) -> tuple[torch.Tensor, ...]:
    """q, k and v of the tensor that they share."""
    if by_head:
        parts = together.view(heads, 3, -1, together.shape[1])
        return tuple(part.flatten(0, 1) for part in parts.unbind(1))
    width = together.shape[0] // (heads + 2 * kv_heads)
    return together.split([heads * width, kv_heads * width, kv_heads * width])


def product_spectrum(A: torch.Tensor, B: torch.Tensor) -> Spectrum:
    """The min(r, d) largest singular values of A B, A (d x r) and B (r x d), without the product.

    A = Q_A R_A and B^T = Q_B R_B give A B = Q_A (R_A R_B^T) Q_B^T.
    """
    return singular_values(triangular_factor(A) @ triangular_factor(B.T).T)


def weight_spectra(config: Any, tensors: Tensors) -> Iterator[WeightSpectrum]:
    """The spectra of a model's embedding, and of every layer's matrices and circuits, one by one.

    Args:
        config: the model's configuration, with `model_type` and `num_hidden_layers`.
        tensors: gives a tensor by name; only those of one layer are needed at a time.

    Raises:
        UnknownFamilyError: if the architecture is not known.
    """
    family = family_of(config.model_type)
    E = tensors(f"{family.embedding}.weight")
    yield WeightSpectrum("E", None, None, (E.shape[0], E.shape[1]), singular_values(E))
    for layer in range(config.num_hidden_layers):
        weights = layer_weights(family, config, layer, tensors)
        for name, matrix in weights.named():
            shape = (matrix.shape[0], matrix.shape[1])
            yield WeightSpectrum(name, layer, None, shape, singular_values(matrix))
        for name, circuit in (("OV", weights.ov), ("QK", weights.qk)):
            for head in range(weights.heads):
                A, B = circuit(head)
                shape = (A.shape[0], B.shape[1])
                yield WeightSpectrum(name, layer, head, shape, product_spectrum(A, B))
