"""Text that a perturbation is fitted to, and that evaluation does not read."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from disentangle.errors import StudyError

__all__ = ["calibration_sequences", "fingerprint"]


def calibration_sequences(
    texts: list[str], tokenizer_folder: Path, *, count: int, length: int, wanted_by: str
) -> torch.Tensor:
    """Concatenate texts, with an end-of-text token after each, and cut them into sequences.

    Args:
        texts: from the distribution that the model was trained on.
        tokenizer_folder: folder of the model's own tokenizer, with an end-of-text token.
        count: the largest number of sequences.
        length: tokens per sequence.
        wanted_by: the study file's key that wants them.

    Returns:
        Token ids, shape (count or fewer, length).

    Raises:
        StudyError: if the texts are too short for one sequence.
    """
    tokenizer = AutoTokenizer.from_pretrained(
        tokenizer_folder, local_files_only=True, trust_remote_code=False
    )
    tokens: list[int] = []
    for text in texts:
        tokens += [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]
        if len(tokens) >= count * length:
            break
    whole = min(count, len(tokens) // length)
    if not whole:
        raise StudyError(
            f"{wanted_by}: the id passages left for calibration have {len(tokens)} "
            f"tokens, less than one sequence of {length}; raise corpus.heldout.id.passages"
        )
    return torch.tensor(tokens[: whole * length]).view(whole, length)


def fingerprint(sequences: torch.Tensor) -> dict[str, Any]:
    """What tells calibration tokens from others, for a manifest: their SHA-256 as little-endian
    int64, and how many they are."""
    data = sequences.cpu().numpy().astype("<i8").tobytes()
    return {
        "sequences": sequences.shape[0],
        "length": sequences.shape[1],
        "sha256": hashlib.sha256(data).hexdigest(),
    }
