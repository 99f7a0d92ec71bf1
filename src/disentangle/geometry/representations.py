"""H: the input of the head at the last token of each passage, and at tokens all over it."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from disentangle.geometry.passages import encode

BATCH_TOKENS = 8192
"""Tokens of one forward pass; fixed, since padding changes the last digits of the result."""

POSITIONS = 8
"""Tokens of a passage at which its states are compared with one another."""


class Representations(NamedTuple):
    """The input of the head, float32 on the CPU."""

    last: torch.Tensor
    """At each passage's last token: passages x dim."""
    spread: torch.Tensor
    """At `POSITIONS` tokens spread evenly over a passage, the last among them and the first not,
    of the passages that are long enough: passages x positions x dim."""


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
    return representations(model, tokenizer, texts, max_tokens).last


@torch.no_grad()
def representations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    max_tokens: int,
) -> Representations:
    """The states after the final norm, read in one pass; see `last_token_representations`."""
    sequences = encode(tokenizer, texts, max_tokens)
    long = torch.tensor([len(sequence) > POSITIONS for sequence in sequences], dtype=torch.bool)
    last, spread = torch.empty(0, 0), torch.empty(0, POSITIONS, 0)
    for batch, lengths, output in _passes(model, sequences, max_tokens):
        hidden = output.last_hidden_state
        if not len(last):
            last = torch.empty(len(sequences), hidden.shape[-1])
            spread = torch.empty(len(sequences), POSITIONS, hidden.shape[-1])
        at = torch.arange(1, POSITIONS + 1) * (lengths[:, None] - 1) // POSITIONS
        rows = torch.arange(len(batch))[:, None]
        states = hidden[rows.to(hidden.device), at.to(hidden.device)].float().cpu()
        spread[batch], last[batch] = states, states[:, -1]
    return Representations(last, spread[long])


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
    found = [torch.empty(0, 0)] * count
    for batch, lengths, output in _passes(model, sequences, max_tokens):
        for i, hidden in enumerate(states_of(output)):
            if not len(found[i]):  # its width may differ from the model's
                found[i] = torch.empty(len(sequences), hidden.shape[-1])
            last = hidden[torch.arange(len(batch)), (lengths - 1).to(hidden.device)]
            found[i][batch] = last.float().cpu()
    return found


def _passes(
    model: PreTrainedModel, sequences: tuple[tuple[int, ...], ...], max_tokens: int
) -> Iterator[tuple[list[int], torch.Tensor, Any]]:
    """Forward passes of the base model: numbers of passages, their lengths, the output."""
    # texts of similar length share a batch, to keep padding small
    order = sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), i))
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
        yield batch, lengths, output
