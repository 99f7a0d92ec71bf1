"""A byte-level BPE trained on the training text, saved as any Hugging Face tokenizer is."""

import os
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # before tokenizers starts its threads

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from disentangle.errors import StudyError
from disentangle.storage import write_json

END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 0
"""Ends a document, starts a sequence under evaluation, and pads."""


def train_tokenizer(texts: list[str], vocab_size: int) -> Tokenizer:
    """Train a byte-level BPE (Sennrich et al. 2016 on bytes; no normalisation, lossless).

    Raises:
        StudyError: if the text is too small for the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocab_size:
        raise StudyError(
            f"tokenizer.vocab_size: the text has merges for {tokenizer.get_vocab_size()} rows, "
            f"not for {vocab_size}; use more text or a smaller vocabulary"
        )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_length: int) -> None:
    """Write tokenizer.json and tokenizer_config.json as `AutoTokenizer` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "eos_token": END_OF_TEXT,
            "pad_token": END_OF_TEXT,
            "bos_token": None,
            "clean_up_tokenization_spaces": False,
        },
    )


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer that `save_tokenizer` wrote."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
