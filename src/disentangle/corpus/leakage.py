"""How much of the held-out text stands in the training text: 13-gram overlap.

The measure of Brown et al. 2020 (appendix C): word 13-grams, lower case, punctuation dropped.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

N_GRAM = 13
_WORD = re.compile(r"\w+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def ngram_hashes(
    texts: Sequence[str], numbering: dict[str, int], n: int = N_GRAM
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash every word n-gram that lies within one text.

    Args:
        texts: the documents.
        numbering: word to number; words not in it are added, so texts that are to be compared
            must share one.
        n: words per n-gram.

    Returns:
        64-bit hashes and the index of the text each came from. Two different n-grams share a
        hash with probability about 2^-64.
    """
    words: list[int] = []
    lengths = []
    for text in texts:
        found = _WORD.findall(text.lower())
        lengths.append(len(found))
        words.extend(numbering.setdefault(word, len(numbering)) for word in found)
    if len(words) < n:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    with np.errstate(over="ignore"):
        # a full-period mix of each word's number, so that sums of small numbers do not collide
        ids = (np.array(words, np.uint64) + np.uint64(1)) * _MULTIPLIER
        ids ^= ids >> np.uint64(29)
        hashes = np.zeros(len(ids) - n + 1, np.uint64)
        for offset in range(n):
            hashes = hashes * _MULTIPLIER + ids[offset : len(ids) - n + 1 + offset]
            hashes ^= hashes >> np.uint64(32)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    inside = owner[: len(hashes)] == owner[n - 1 :]
    return hashes[inside], owner[: len(hashes)][inside]


def overlap(train: Sequence[str], heldout: dict[str, Sequence[str]]) -> list[dict[str, object]]:
    """Measure 13-gram overlap of each held-out domain with the training text.

    Returns:
        One record per domain: passages, ngrams, ngrams_in_train (counts), and the shares
        ngram_overlap and passage_overlap (passages with at least one such 13-gram). Passages
        shorter than 13 words have no 13-gram and cannot overlap; they count as passages.
    """
    numbering: dict[str, int] = {}
    seen = np.unique(ngram_hashes(train, numbering)[0])
    records = []
    for domain, texts in heldout.items():
        hashes, owner = ngram_hashes(texts, numbering)
        shared = np.isin(hashes, seen)
        records.append(
            {
                "domain": domain,
                "passages": len(texts),
                "characters": sum(map(len, texts)),
                "ngrams": len(hashes),
                "ngrams_in_train": int(shared.sum()),
                "ngram_overlap": float(shared.mean()) if len(hashes) else 0.0,
                "passage_overlap": len(np.unique(owner[shared])) / len(texts),
            }
        )
    return records
