"""OLMo's model, with the head and the cross-entropy in one function that keeps no logits."""

from typing import Any

import torch
from olmo.model import OLMo
from torch.nn import LinearCrossEntropyOptions
from torch.nn.functional import linear_cross_entropy

from disentangle.training.factored_head import FactoredHead

ROWS_ON_CPU = 256
"""Tokens whose logits exist at a time, so that they stay in the processor's cache. For a GPU, torch
chooses a number that it measured."""


class LossModel(OLMo):
    """OLMo, which returns its loss instead of logits when it is given labels.

    With d_model 768 and 50304 rows, logits are 65 times as large as hidden states.
    `torch.nn.functional.linear_cross_entropy` makes the logits of a few hundred tokens at a time,
    and their gradients in the same pass.
    """

    def forward(self, input_ids: Any, *args: Any, labels: Any = None, **kwargs: Any) -> Any:
        """The stock model's output; or, with labels, the sum of their cross-entropies.

        Args:
            input_ids: sequences x length.
            args: further arguments of the stock model, only without labels.
            labels: sequences x (length - 1); each the token after that position. -100 is ignored.
            kwargs: as `args`.

        Returns:
            With labels a scalar, nats in float32.
        """
        if labels is None:
            return super().forward(input_ids, *args, **kwargs)
        parts: Any = self.transformer
        hidden = parts.wte(input_ids)
        for block in parts.blocks:
            hidden, _ = block(hidden)
        hidden = parts.ln_f(hidden)[:, :-1]  # nothing is predicted from the last position
        head = parts.wte if self.config.weight_tying else parts.ff_out
        if isinstance(head, FactoredHead):
            hidden, head = head.inner(hidden), head.outer
        return linear_cross_entropy(
            hidden.reshape(-1, hidden.shape[-1]).float(),
            head.weight.float(),
            labels.reshape(-1),
            reduction="sum",
            options=_options(hidden.device),
        )


def head_weight(model: OLMo) -> torch.Tensor:
    """W of an untied model, all rows x d: the parameter itself, or the product of its factors."""
    parts: Any = model.transformer
    weight: torch.Tensor = parts.ff_out.weight
    return weight


def _options(device: torch.device) -> LinearCrossEntropyOptions:
    if device.type == "cpu":
        return LinearCrossEntropyOptions(chunking_method=None, batch_chunk_size=ROWS_ON_CPU)
    return LinearCrossEntropyOptions()
