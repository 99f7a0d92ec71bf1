"""H: what the head multiplies at the last token of each passage."""

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

BATCH_TOKENS = 8192
"""Tokens of one forward pass; fixed, since padding moves the last digits."""


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
        texts: passages; one that has no token is left out.
        max_tokens: a passage is read up to this many tokens.

    Returns:
        H, shape (passages, dim), float32 on the CPU, in the order of `texts`.
    """
    encoded = tokenizer(texts, truncation=True, max_length=max_tokens)["input_ids"]
    sequences = [ids for ids in encoded if ids]
    # neighbours in length share a batch, so that little is padded
    order = sorted(range(len(sequences)), key=lambda i: (len(sequences[i]), i))
    representations = torch.empty(len(sequences), model.config.hidden_size)
    batch_size = max(1, BATCH_TOKENS // max_tokens)
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        lengths = torch.tensor([len(sequences[i]) for i in batch])
        tokens = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
        for row, i in enumerate(batch):
            tokens[row, : lengths[row]] = torch.tensor(sequences[i])
        # padding stands to the right, where a causal model's last real token cannot see it
        mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        with torch.no_grad():
            hidden = model.base_model(
                input_ids=tokens.to(model.device), attention_mask=mask.long().to(model.device)
            ).last_hidden_state
        last = hidden[torch.arange(len(batch)), (lengths - 1).to(hidden.device)]
        representations[batch] = last.float().cpu()
    return representations
