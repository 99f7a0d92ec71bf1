"""How much of the held-out text occurs in the training text: 13-gram overlap.

The measure of Brown et al. 2020 (appendix C): word 13-grams, lower case, punctuation dropped.
Only the n-grams of the held-out text, which are few, are kept in memory; training text is read in
batches and compared with them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

N_GRAM = 13
_WORD = re.compile(r"\w+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_UNKNOWN = -1
"""Number of every word that is not in the held-out text; no n-gram with it can be in both."""


def ngram_hashes(
    texts: Sequence[str], numbering: dict[str, int], n: int = N_GRAM, *, grow: bool = True
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash every word n-gram that lies within one text.

    Args:
        texts: the documents.
        numbering: word to number; texts to be compared must share one numbering.
        n: words per n-gram.
        grow: add new words to the numbering; otherwise n-grams with a new word are left out.

    Returns:
        64-bit hashes and the index of the text each came from. Two different n-grams share a
        hash with probability about 2^-64.
    """
    words: list[int] = []
    lengths = []
    for text in texts:
        found = _WORD.findall(text.lower())
        lengths.append(len(found))
        if grow:
            words.extend(numbering.setdefault(word, len(numbering)) for word in found)
        else:
            words.extend(numbering.get(word, _UNKNOWN) for word in found)
    if len(words) < n:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    numbers = np.array(words, np.int64)
    with np.errstate(over="ignore"):
        # mix each word's number over all 64 bits, so that sums of small numbers do not collide
        ids = (numbers.astype(np.uint64) + np.uint64(1)) * _MULTIPLIER
        ids ^= ids >> np.uint64(29)
        hashes = np.zeros(len(ids) - n + 1, np.uint64)
        for offset in range(n):
            hashes = hashes * _MULTIPLIER + ids[offset : len(ids) - n + 1 + offset]
            hashes ^= hashes >> np.uint64(32)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    unknown = np.concatenate([[0], np.cumsum(numbers == _UNKNOWN)])
    taken = (owner[: len(hashes)] == owner[n - 1 :]) & (unknown[n:] == unknown[:-n])
    return hashes[taken], owner[: len(hashes)][taken]


class HeldOutNgrams:
    """The n-grams of all held-out domains, and which of them were found in training text."""

    def __init__(self, heldout: Mapping[str, Sequence[str]]) -> None:
        """Hash the texts of each domain; the same texts in the same order give the same hashes."""
        self._texts = heldout
        self._numbering: dict[str, int] = {}
        self._ngrams = {
            domain: ngram_hashes(texts, self._numbering) for domain, texts in heldout.items()
        }
        self._wanted = np.unique(np.concatenate([hashes for hashes, _ in self._ngrams.values()]))
        self._found = np.zeros(len(self._wanted), bool)

    @property
    def found(self) -> NDArray[np.uint64]:
        """Hashes of the n-grams found so far, ascending, each once."""
        return self._wanted[self._found]

    def look_in(self, texts: Sequence[str]) -> None:
        """Mark the n-grams that occur in a batch of training documents."""
        self.mark(ngram_hashes(texts, self._numbering, grow=False)[0])

    def any_in(self, text: str) -> bool:
        """Whether any of the n-grams occurs in a text."""
        hashes = ngram_hashes([text], self._numbering, grow=False)[0]
        return bool(np.isin(hashes, self._wanted).any())

    def mark(self, hashes: NDArray[np.uint64]) -> None:
        """Mark n-grams by their hashes, such as `found` of another part of the training text."""
        if len(self._wanted):
            places = np.searchsorted(self._wanted, hashes) % len(self._wanted)
            self._found[places[self._wanted[places] == hashes]] = True

    def records(self) -> list[dict[str, object]]:
        """The overlap of each domain.

        Returns:
            One record per domain: passages, ngrams, ngrams_in_train (counts), and the shares
            ngram_overlap and passage_overlap (passages with at least one such 13-gram). Passages
            shorter than 13 words have no 13-gram and cannot overlap, but count as passages.
        """
        records: list[dict[str, object]] = []
        for domain, (hashes, owner) in self._ngrams.items():
            texts = self._texts[domain]
            shared = np.isin(hashes, self.found)
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


def overlap(
    train: Iterable[Sequence[str]], heldout: Mapping[str, Sequence[str]]
) -> list[dict[str, object]]:
    """Measure 13-gram overlap of each held-out domain with the training text.

    Args:
        train: batches of documents; only one is held at a time.
        heldout: the texts of each domain.

    Returns:
        See `HeldOutNgrams.records`.
    """
    ngrams = HeldOutNgrams(heldout)
    for texts in train:
        ngrams.look_in(texts)
    return ngrams.records()
