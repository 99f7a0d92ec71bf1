"""A head whose matrix is a product, W = A B, so that its rank has a hard limit."""

from collections.abc import Mapping

import torch
from torch import nn

__all__ = ["FactoredHead", "factor_head", "with_whole_head"]

WHOLE = "transformer.ff_out.weight"
OUTER, INNER = "transformer.ff_out.outer.weight", "transformer.ff_out.inner.weight"


class FactoredHead(nn.Module):
    """h -> A (B h), with A (V x k) and B (k x d) trained and decayed each by itself.

    Weight decay of both factors is a penalty on the nuclear norm of their product (Kobayashi et al.
    2024, arXiv 2410.23819), so it is not the decay of W. An arm with k = d shows what that does.
    """

    def __init__(self, W: torch.Tensor, inner: int) -> None:
        """
        Args:
            W: V x d. The product begins as the nearest matrix of rank `inner`, with balanced
                factors A = U S^1/2, B = S^1/2 V'.
            inner: k, from 1 to min(V, d).
        """
        super().__init__()
        rows, d = W.shape
        U, S, Vh = torch.linalg.svd(W.detach().double(), full_matrices=False)
        root = S[:inner].sqrt()
        # as linear layers, OLMo's optimizer decays them as it decays W
        self.outer = nn.Linear(inner, rows, bias=False, device=W.device, dtype=W.dtype)
        self.inner = nn.Linear(d, inner, bias=False, device=W.device, dtype=W.dtype)
        with torch.no_grad():
            self.outer.weight.copy_(U[:, :inner] * root)
            self.inner.weight.copy_(root[:, None] * Vh[:inner])

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Logits of hidden states (... x d): ... x V."""
        logits: torch.Tensor = self.outer(self.inner(hidden))
        return logits

    @property
    def weight(self) -> torch.Tensor:
        """W = A B, V x d."""
        return self.outer.weight @ self.inner.weight


def factor_head(model: nn.Module, share: float) -> None:
    """Replace the untied head of OLMo's model by factors with an inner dimension of `share` d."""
    parts = model.get_submodule("transformer")
    head = parts.get_submodule("ff_out")
    assert isinstance(head, nn.Linear)
    parts.ff_out = FactoredHead(head.weight, max(1, round(share * head.in_features)))


def with_whole_head(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights by name, with the product in place of the factors if there are any."""
    whole = dict(state)
    if OUTER in whole:
        whole[WHOLE] = whole.pop(OUTER) @ whole.pop(INNER)
    return whole
