"""Find held-out text in a shard of training tokens, by decoding the shard and comparing text."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from disentangle.corpus.leakage import HeldOutNgrams
from disentangle.corpus.tokenizer import end_of_text_id, load_tokenizer
from disentangle.storage import replacing

CHUNK = 1 << 20
"""Tokens read at once."""


def document_batches(tokens: Path, end_of_text: int, chunk: int = CHUNK) -> Iterator[list[NDArray]]:
    """The documents of a memmap without their end-of-text tokens, a batch at a time.

    Args:
        tokens: raw uint16.
        end_of_text: the token between documents.
        chunk: tokens read at once; a batch holds about as many.
    """
    ids = np.memmap(tokens, "<u2", mode="r")
    rest = np.empty(0, "<u2")
    for start in range(0, len(ids), chunk):
        read = np.concatenate([rest, ids[start : start + chunk]])
        *whole, rest = np.split(read, np.flatnonzero(read == end_of_text) + 1)
        yield [document[:-1] for document in whole]
    yield [rest]


def heldout_ngrams(
    heldout: Mapping[str, Sequence[str]], tokenizer_folder: Path
) -> tuple[HeldOutNgrams, Tokenizer, int]:
    """The n-grams of the held-out text after encoding and decoding it, since tokenizers normalise.

    Returns:
        The n-grams, the tokenizer and its end-of-text token.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    tokenizer.encode_special_tokens = True
    told_back = {
        domain: tokenizer.decode_batch(
            [
                encoding.ids
                for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
            ],
            skip_special_tokens=False,
        )
        for domain, texts in heldout.items()
    }
    return HeldOutNgrams(told_back), tokenizer, end_of_text_id(tokenizer, tokenizer_folder)


def find_overlap(
    tokens: Path, tokenizer_folder: Path, heldout: Mapping[str, Sequence[str]], found: Path
) -> None:
    """Write the hashes of the held-out n-grams that occur in a shard, as a NumPy array."""
    ngrams, tokenizer, end_of_text = heldout_ngrams(heldout, tokenizer_folder)
    for batch in document_batches(tokens, end_of_text):
        documents = [document.tolist() for document in batch if len(document)]
        ngrams.look_in(tokenizer.decode_batch(documents, skip_special_tokens=False))
    with replacing(found) as temporary, temporary.open("wb") as file:
        np.save(file, ngrams.found, allow_pickle=False)


def joined_overlap(
    found: Sequence[Path], tokenizer_folder: Path, heldout: Mapping[str, Sequence[str]]
) -> list[dict[str, object]]:
    """Overlap of each held-out domain with all shards together; see `HeldOutNgrams.records`.

    An n-gram that occurs in several shards counts once.
    """
    ngrams, _, _ = heldout_ngrams(heldout, tokenizer_folder)
    for path in found:
        ngrams.mark(np.load(path, allow_pickle=False))
    return ngrams.records()
