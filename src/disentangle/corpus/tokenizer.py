"""The study's tokenizer, trained on its text or taken by name, saved in Hugging Face's format."""

import os
import shutil
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # before tokenizers starts its threads

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from disentangle.corpus.named_tokenizers import shipped_tokenizers, tokenizer_on_hub
from disentangle.errors import StudyError
from disentangle.hub import local_files
from disentangle.storage import DamagedError, read_json, replacing, write_json

END_OF_TEXT = "<|endoftext|>"
"""Ends a document, starts a sequence in evaluation, and pads, unless a tokenizer has its own."""


def train_tokenizer(texts: list[str], vocab_size: int) -> Tokenizer:
    """Train a byte-level BPE (Sennrich et al. 2016, on bytes; no normalisation, lossless).

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
    _write_config(folder, END_OF_TEXT, max_length)


def take_tokenizer(name: str, vocab_size: int, folder: Path, max_length: int) -> None:
    """Copy a ready-made tokenizer, and write its end-of-text token in its config.

    Args:
        name: one of `shipped_tokenizers`, or hf:REPO@REVISION, warmed.
        vocab_size: number of rows in use, according to the study.
        folder: where tokenizer.json and tokenizer_config.json go.
        max_length: tokens per sequence.

    Raises:
        StudyError: if it does not exist, has another size, or has no end-of-text token.
    """
    vocabulary, its_config = _files_of(name)
    tokenizer = Tokenizer.from_file(str(vocabulary))
    entries = tokenizer.get_vocab()
    rows = max(entries.values()) + 1  # added tokens count, and ids may have gaps
    if rows != vocab_size:
        raise StudyError(
            f"tokenizer.vocab_size is {vocab_size}, but {name} has {rows} rows "
            f"({len(entries)} entries, added tokens among them).\nSay vocab_size: {rows}"
        )
    config = read_json(its_config) if its_config else {}
    ending = config.get("eos_token") or END_OF_TEXT
    ending = ending["content"] if isinstance(ending, dict) else ending
    if ending not in entries:
        raise StudyError(f"tokenizer.name: {name} has no token {ending!r} to end a text with")
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "tokenizer.json") as temporary:
        shutil.copyfile(vocabulary, temporary)
    _write_config(folder, ending, max_length)


def _files_of(name: str) -> tuple[Path, Path | None]:
    """A tokenizer's tokenizer.json, and its tokenizer_config.json if it has one."""
    item = tokenizer_on_hub(name)
    if item is None:
        return shipped_tokenizers()[name], None
    files = {path.name: path for path in local_files(item)}
    if "tokenizer.json" not in files:
        raise StudyError(f"tokenizer.name: {item.page} has no tokenizer.json")
    return files["tokenizer.json"], files.get("tokenizer_config.json")


def _write_config(folder: Path, ending: str, max_length: int) -> None:
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": max_length,
            "eos_token": ending,
            "pad_token": ending,
            "bos_token": None,
            "clean_up_tokenization_spaces": False,
        },
    )


def load_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer that `save_tokenizer` or `take_tokenizer` wrote.

    Raises:
        DamagedError: if the file is not a tokenizer.
    """
    path = folder / "tokenizer.json"
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower type
        raise DamagedError(path, f"is damaged: {error}") from error


def end_of_text_id(tokenizer: Tokenizer, folder: Path) -> int:
    """The id of the end-of-text token, from the config beside the tokenizer."""
    ending = read_json(folder / "tokenizer_config.json")["eos_token"]
    found = tokenizer.token_to_id(ending)
    assert found is not None, "checked when the tokenizer was made"
    return int(found)
