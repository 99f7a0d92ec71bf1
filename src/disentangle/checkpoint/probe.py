"""A model's loss on a few tokens, used to check that its weights were loaded correctly."""

import torch
from torch.nn.functional import cross_entropy

PROBE_LENGTH = 64
"""Number of probe tokens."""


@torch.no_grad()
def probe_loss(model: torch.nn.Module, tokens: torch.Tensor) -> float:
    """Mean next-token loss of a model on one sequence, nats per token.

    Args:
        model: gives `.logits`, shape (1, length, vocabulary); in evaluation mode.
        tokens: integers, shape (length,), on the model's device.
    """
    tokens = tokens.long()
    logits = model(tokens[None]).logits[0, :-1].float()
    return float(cross_entropy(logits, tokens[1:]))
