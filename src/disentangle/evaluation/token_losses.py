"""The loss of each token of held-out passages. Imports the heavy libraries."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer

from disentangle.checkpoint.guard import load_checkpoint, measuring_device
from disentangle.geometry.passages import encode

BATCH_TOKENS = 2048
"""Tokens of one forward pass: it keeps logits of each."""


@torch.no_grad()
def token_losses(
    folder: Path, texts: list[str], *, max_tokens: int, threads: int
) -> NDArray[np.float32]:
    """The loss of each predicted token of a checkpoint, nats: all but each passage's first.

    Args:
        folder: the checkpoint.
        texts: passages; each is read up to `max_tokens` tokens.
        max_tokens: at least 2.
        threads: CPU threads.

    Returns:
        Shape (tokens,), passage after passage. Checkpoints with one tokenizer give the same tokens.

    Raises:
        QuarantineError: if the checkpoint does not match its manifest.
    """
    torch.set_num_threads(threads)
    model = load_checkpoint(folder, measuring_device()).model
    tokenizer = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    sequences = [ids for ids in encode(tokenizer, texts, max_tokens) if len(ids) > 1]
    size = max(1, BATCH_TOKENS // max_tokens)
    found = [np.empty(0, np.float32)]
    for start in range(0, len(sequences), size):
        batch = sequences[start : start + size]
        lengths = torch.tensor([len(ids) for ids in batch])
        tokens = torch.zeros(len(batch), int(lengths.max()), dtype=torch.long)
        for row, ids in enumerate(batch):
            tokens[row, : len(ids)] = torch.tensor(ids)
        # padding is on the right, where a causal model's real tokens do not attend to it
        mask = torch.arange(tokens.shape[1])[None] < lengths[:, None]
        tokens, mask = tokens.to(model.device), mask.to(model.device)
        logits = model(input_ids=tokens, attention_mask=mask.long()).logits[:, :-1].float()
        predicted = mask[:, 1:]
        losses = cross_entropy(logits[predicted], tokens[:, 1:][predicted], reduction="none")
        found.append(losses.cpu().numpy())
    return np.concatenate(found)
