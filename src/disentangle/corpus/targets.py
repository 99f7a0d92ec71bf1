"""Text to fine-tune on: from a held-out domain's source, without any held-out text."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from disentangle.corpus.documents import is_for_finetuning, text_key
from disentangle.corpus.leakage import HeldOutNgrams
from disentangle.corpus.sources import read_source
from disentangle.errors import StudyError


def gather_target(source: str, characters: int, heldout: Mapping[str, Sequence[str]]) -> pa.Table:
    """Documents from the half of a source that no passage is held out from.

    A document that shares a word 13-gram with any held-out passage is left out, because sources
    such as programs repeat text from file to file.

    Args:
        source: a text source.
        characters: read until there are this many characters of text, or the source ends.
        heldout: the passages of every held-out domain.

    Returns:
        One row per document: source, text.

    Raises:
        StudyError: if nothing is left.
    """
    held_out = HeldOutNgrams(heldout)
    texts: dict[bytes, str] = {}
    gathered = 0
    for text in read_source(source):
        key = text_key(text)
        if not is_for_finetuning(text) or key in texts or held_out.any_in(text):
            continue
        texts[key] = text
        gathered += len(text)
        if gathered >= characters:
            break
    if not texts:
        raise StudyError(
            f"source {source} has no document to fine-tune on that shares nothing with the "
            "held-out passages"
        )
    return pa.table({"source": [source] * len(texts), "text": list(texts.values())})
