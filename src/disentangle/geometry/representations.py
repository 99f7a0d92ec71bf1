"""H: the input of the head at the last token of each passage."""

from collections.abc import Callable

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from disentangle.geometry.passages import encode

BATCH_TOKENS = 8192
"""Tokens of one forward pass; fixed, since padding changes the last digits of the result."""


def last_token_representations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    max_tokens: int,
) -> torch.Tensor:
    """Final-layer representation, after the final norm, of each text's last token.

    Args:
        model: a causal language model.
        tokenizer: the model's own.
        texts: passages; those without a token are left out.
        max_tokens: a passage is read up to this many tokens.

    Returns:
        H, shape (passages, dim), float32 on the CPU, in the order of `texts`.
    """
    return at_last_tokens(
        model, tokenizer, texts, max_tokens, 1, lambda output: [output.last_hidden_state]
    )[0]


@torch.no_grad()
def at_last_tokens(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    max_tokens: int,
    count: int,
    states_of: Callable,
) -> list[torch.Tensor]:
    """Some states of a model at each text's last token.

    Args:
        model, tokenizer, texts, max_tokens: see `last_token_representations`.
        count: how many states there are per token.
        states_of: extracts them from the base model's output of one forward pass, each of shape
            (batch, length, dim).

    Returns:
        `count` tensors, each passages x dim, float32 on the CPU, in the order of `texts`.
    """
    sequences = encode(tokenizer, texts, max_tokens)
    # texts of similar length share a batch, to keep padding small
    order = sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), i))
    representations = [torch.empty(0, 0)] * count
    batch_size = max(1, BATCH_TOKENS // max_tokens)
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        lengths = torch.tensor([len(sequences[i]) for i in batch])
        tokens = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
        for row, i in enumerate(batch):
            tokens[row, : lengths[row]] = torch.tensor(sequences[i])
        # padding is on the right, where a causal model's last real token does not attend to it
        mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        output = model.base_model(
            input_ids=tokens.to(model.device), attention_mask=mask.long().to(model.device)
        )
        for i, hidden in enumerate(states_of(output)):
            if not start:  # its width may differ from the model's: OPT-350m's head is narrower
                representations[i] = torch.empty(len(sequences), hidden.shape[-1])
            last = hidden[torch.arange(len(batch)), (lengths - 1).to(hidden.device)]
            representations[i][batch] = last.float().cpu()
    return representations
